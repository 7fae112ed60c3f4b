import { createWriteStream, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { isReservation } from '../../src/node/inbox.ts';
import type { RestartGuard } from '../../src/node/redis/quarantine.ts';
import { bundle } from '../support/mutants/bundle.ts';
import { isLock } from '../support/real-history/witness.ts';
import { Calamity } from './calamity.ts';
import { now } from './clock.ts';
import { Cluster, type Servers } from './cluster.ts';
import { Crew } from './crew.ts';
import type { Fault } from './fault.ts';
import { inOrder } from './in-order.ts';
import { judge, type Verdict } from './judge.ts';
import { Log, type LogEvent, readLog } from './log.ts';
import { planFaults } from './nemesis.ts';
import type { RedisClientChoice } from './options.ts';
import type { Report } from './report/report.ts';
import { reportOf } from './report-of.ts';
import { NOTICE, QUARANTINE, recoveryOn, TIMES } from './times.ts';

export interface RunOptions {
  readonly seed: number;
  /** How long faults go on, in s. */
  readonly seconds: number;
  readonly clients: number;
  /** A directory for all that the run writes. */
  readonly out: string;
  readonly limits: 'kept' | 'broken';
  readonly restartGuard: RestartGuard;
  readonly redisClient: RedisClientChoice;
  readonly store: 'guarded' | 'unguarded';
  /** Replays the run. */
  readonly command: string;
  /** Told now and then how it goes. */
  readonly progress: (line: string) => void;
  /** What goes wrong, instead of what the seed says. */
  readonly plan?: readonly Fault[];
  /** What is locked, instead of as many things as there are clients. */
  readonly resources?: readonly string[];
}

export interface Outcome {
  readonly report: Report;
  readonly verdict: Verdict;
}

/** How many calls at a time each client makes. */
const CALLERS = 2;
/** For how long work goes on after healing, in ms: longer than it may take to the first lock. */
const AFTERMATH = 1_500;
/** How long what is being given back may take to be gone from all nodes, in ms. */
const SETTLING = 500;
const PROGRESS_EVERY = 5_000;

const PROGRAM = 'test/chaos/client-process.ts';

/** Clients at work while things go wrong, until all is well again; then what came of it. The servers are ended by who has started them. */
export async function run(servers: Servers, options: RunOptions): Promise<Outcome> {
  const { out, seed, seconds, clients, limits, restartGuard, store, command } = options;
  const startedAt = new Date().toISOString();
  const logs = join(out, 'logs');
  rmSync(logs, { recursive: true, force: true });
  mkdirSync(logs, { recursive: true });
  const ownLog = join(logs, 'harness.jsonl');
  const program = await bundle('chaos-client', PROGRAM);
  const cluster = await Cluster.over(servers);
  const log = new Log(ownLog);
  const play = new Play(cluster, log, logs, options);
  try {
    await play.play(program);
  } finally {
    await cluster.close();
    log.close();
  }
  const events = inOrder([ownLog, ...play.logs].map(readLog));
  await writeHistory(join(out, 'history.jsonl'), events);
  const guard = restartGuard;
  const verdict = judge(events, { nodes: cluster.size, guard, maxTtl: TIMES.maxTtl, limits, store });
  const known = { driver: servers.driver, seed, seconds, limits, command, startedAt } as const;
  const report = reportOf(events, { known, nodes: cluster.size, clients, verdict });
  writeFileSync(join(out, 'report.json'), `${JSON.stringify(report, undefined, 1)}\n`);
  return { report, verdict };
}

class Play {
  readonly #cluster: Cluster;
  readonly #log: Log;
  readonly #options: RunOptions;
  readonly #resources: readonly string[];
  readonly #crewOptions: Omit<ConstructorParameters<typeof Crew>[0], 'program'>;
  #crew: Crew | undefined;

  constructor(cluster: Cluster, log: Log, dir: string, options: RunOptions) {
    const { seed, clients, restartGuard, redisClient, resources } = options;
    this.#cluster = cluster;
    this.#log = log;
    this.#options = options;
    this.#resources = resources ?? resourcesFor(clients);
    this.#crewOptions = {
      clients,
      seed,
      urls: cluster.urls,
      resources: this.#resources,
      dir,
      restartGuard,
      redisClient,
      ...TIMES,
      callers: CALLERS,
      write: (event) => log.write(event),
    };
  }

  get logs(): readonly string[] {
    return this.#crew?.logs ?? [];
  }

  async play(program: string): Promise<void> {
    const { seed, seconds, clients, limits, plan } = this.#options;
    const cluster = this.#cluster;
    const crew = new Crew({ ...this.#crewOptions, program });
    this.#crew = crew;
    await crew.start();
    const calamity = new Calamity({
      cluster,
      crew,
      resources: this.#resources,
      limits,
      quarantine: QUARANTINE,
      recovery: NOTICE,
      write: (event) => this.#log.write(event),
    });
    const progress = this.#showProgress(calamity);
    try {
      const faults =
        plan ??
        planFaults({
          seed,
          duration: seconds * 1_000,
          nodes: cluster.size,
          clients,
          limits,
          recovery: recoveryOn(cluster.servers),
          maxTtl: TIMES.maxTtl,
        });
      await Promise.all([calamity.run(faults), delay(seconds * 1_000)]);
      await delay(calamity.healedAt - now());
      this.#log.write({ type: 'info', f: 'healed', at: now() });
      await delay(AFTERMATH);
      await crew.finish();
      await delay(SETTLING);
      await this.#lookForResidue();
    } finally {
      clearInterval(progress);
      await crew.close();
    }
  }

  async #lookForResidue(): Promise<void> {
    const cluster = this.#cluster;
    for (let node = 0; node < cluster.size; node++) {
      const keys = (await cluster.call(node, 'KEYS', '*')) as string[];
      for (const key of keys.filter(isLock)) {
        const token = await cluster.call(node, 'GET', key);
        if (typeof token !== 'string' || isReservation(token)) continue;
        this.#log.write({ type: 'info', f: 'residue', at: now(), node, key, token });
      }
    }
  }

  #showProgress(calamity: Calamity): NodeJS.Timeout {
    const { progress, seconds } = this.#options;
    const start = now();
    return setInterval(() => {
      const passed = Math.round((now() - start) / 1_000);
      progress(`${passed} s of ${seconds}: ${calamity.faults} faults so far`);
    }, PROGRESS_EVERY);
  }
}

function resourcesFor(clients: number): string[] {
  return Array.from({ length: Math.max(3, clients) }, (_, index) => `resource-${index + 1}`);
}

async function writeHistory(path: string, events: readonly LogEvent[]): Promise<void> {
  const file = createWriteStream(path);
  for (const event of events) file.write(`${JSON.stringify(event)}\n`);
  file.end();
  await finished(file);
}
