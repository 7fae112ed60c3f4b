/** `npm run demo`: workers on one counter under one lock, while two of five nodes die and come back. See options.ts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { atExit } from './at-exit.ts';
import { Counter } from './counter.ts';
import { createDashboard, type Dashboard } from './dashboard.ts';
import { type Nodes, startNodes } from './nodes.ts';
import { Observer } from './observer.ts';
import { type DemoOptions, HELP, readOptions } from './options.ts';
import { type Act, pickTwo, planActs } from './plan.ts';
import { Referee, type WorkerEvent } from './referee.ts';
import { summarize } from './summary.ts';
import { seconds } from './text.ts';
import { now } from './worker.ts';
import { type Hired, hire } from './workers.ts';

/** How long workers may take to finish when the time is up, in ms. */
const PATIENCE = 5_000;

/** Everything that takes part. */
interface Stage {
  readonly options: DemoOptions;
  readonly nodes: Nodes;
  readonly workers: readonly Hired[];
  readonly counter: Counter;
  readonly observer: Observer;
  readonly referee: Referee;
  readonly dashboard: Dashboard;
  /** ms since the start. */
  readonly elapsed: () => number;
}

async function demonstrate(options: DemoOptions): Promise<boolean> {
  const stage = await prepare(options);
  const over = new AbortController();
  await Promise.all([play(stage).finally(() => over.abort()), show(stage, over.signal)]);

  const { referee, counter, nodes } = stage;
  const value = await counter.read();
  const score = referee.score(value);
  const victims = nodes.faults ? `while 2 of ${nodes.specs.length} nodes died and came back` : '';
  console.log(summarize(score, value, options.locked ? victims : 'without a lock'));
  return score.objections.length === 0;
}

async function prepare(options: DemoOptions): Promise<Stage> {
  const { locked, ttl } = options;
  const dir = mkdtempSync(join(tmpdir(), 'quorlock-demo-'));
  atExit(() => rmSync(dir, { recursive: true, force: true }));
  const file = join(dir, 'counter');
  const counter = await Counter.create(file);

  const nodes = await startNodes(options, dir);
  const kind = nodes.forProcesses ? 'each a process' : 'all in this process';
  const rule = locked ? `under a lock with a ttl of ${seconds(ttl)}` : 'WITHOUT A LOCK';
  console.log(`${nodes.description}\n${options.workers} workers, ${kind}, ${rule}`);

  const resource = `${basename(dir)}:counter`;
  // Servers that are back do not vote for so long, and a second. Those of somebody else may have longer locks.
  const maxTtl = nodes.faults && ttl;
  const job = { nodes: nodes.specs, resource, ttl, maxTtl, counter: file, locked };
  const jobs = Array.from({ length: options.workers }, (_, index) => ({ ...job, worker: index + 1 }));
  const workers = await hire(jobs, nodes.forProcesses);

  const observer = new Observer(nodes.specs, resource, maxTtl);
  const referee = new Referee(workers.length);
  const dashboard = createDashboard(options.seconds * 1000);
  const started = now();
  return { options, nodes, workers, counter, observer, referee, dashboard, elapsed: () => now() - started };
}

async function play({ options, nodes, workers, referee, dashboard, elapsed }: Stage): Promise<void> {
  const see = (event: WorkerEvent): void => {
    referee.see(event);
    if ('why' in event) dashboard.note(elapsed(), `worker ${event.worker} ${event.kind}: ${event.why}`);
  };
  const perform = async (act: Act): Promise<void> => {
    if (act.kind === 'linger') {
      workers[0]?.order('linger');
      dashboard.note(
        elapsed(),
        `worker 1 will stay inside for ${seconds(1.5 * options.ttl)}, longer than the ttl`,
      );
    } else if (act.kind === 'kill') {
      await nodes.faults?.kill(act.node);
      dashboard.note(elapsed(), `node ${act.node + 1} is killed`, '✗');
    } else {
      await nodes.faults?.restart(act.node);
      dashboard.note(elapsed(), `node ${act.node + 1} is back, remembering nothing`, '●');
    }
  };

  const duration = options.seconds * 1000;
  const victims = nodes.faults ? pickTwo(nodes.specs.length) : [];
  const over = Promise.all(workers.map((worker) => worker.start(see)));
  for (const act of planActs(duration, options.ttl, victims)) {
    await delay(act.at - elapsed());
    await perform(act);
  }
  await delay(duration - elapsed());
  for (const worker of workers) worker.order('stop');
  await Promise.race([over, delay(PATIENCE)]);
}

async function show(stage: Stage, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    await draw(stage);
    await delay(stage.dashboard.interval);
  }
  await draw(stage);
}

async function draw({ counter, observer, referee, dashboard, elapsed }: Stage): Promise<void> {
  const [value, nodes] = await Promise.all([counter.read(), observer.look()]);
  const { contenders } = referee;
  const score = referee.score(value);
  dashboard.draw({ elapsed: elapsed(), at: now(), nodes, contenders, score, counter: value });
}

async function main(args: string[]): Promise<number> {
  let options: DemoOptions | 'help';
  try {
    options = await readOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n(npm run demo -- --help)`);
    return 2;
  }
  if (options !== 'help') return (await demonstrate(options)) ? 0 : 1;
  console.log(HELP);
  return 0;
}

process.exit(await main(process.argv.slice(2)));
