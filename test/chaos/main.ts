/** `npm run chaos`: clients at work while nodes fail; then a checker, and a report. See options.ts. */
import { constants } from 'node:os';
import { resolve } from 'node:path';
import type { Servers } from './cluster.ts';
import { ComposeServers } from './compose-cluster.ts';
import { engineAnswers } from './docker.ts';
import { ensureEngine, NoEngineError } from './engine.ts';
import { ensureImage } from './image.ts';
import { type ChaosOptions, commandOf, HELP, readOptions } from './options.ts';
import { ProcessServers } from './process-cluster.ts';
import type { ViolationMark } from './report/report.ts';
import { writeTimeline } from './report/timeline.ts';
import { run } from './run.ts';

const NODES = 5;
/** The exit code that says that no Docker engine can run: nothing was tried. */
const NO_ENGINE = 3;
/** How many violations are shown; the report has all. */
const SHOWN = 20;

/** What was started, the last of which ends first. */
const endings: (() => Promise<void>)[] = [];

async function main(args: string[]): Promise<number> {
  let options: ChaosOptions | 'help';
  try {
    options = readOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\n(npm run chaos -- --help)`);
    return 2;
  }
  if (options === 'help') {
    console.log(HELP);
    return 0;
  }
  try {
    return await chaos(options);
  } finally {
    await endAll();
  }
}

async function chaos(options: ChaosOptions): Promise<number> {
  let servers: Servers;
  try {
    servers = await startServers(options);
  } catch (error) {
    if (!(error instanceof NoEngineError)) throw error;
    console.error(error.message);
    return NO_ENGINE;
  }
  const out = resolve(options.out);
  const command = commandOf(options, servers.driver);
  console.log(command);
  const { report, verdict } = await run(servers, { ...options, out, command, progress: console.log });
  await writeTimeline(report, out);
  const { operations, faults, violations } = report.summary;
  console.log(JSON.stringify(report.summary, undefined, 2));
  show('violations', verdict.violations);
  show('allowed, as limits were broken', verdict.allowed);
  console.log(`the report is in ${options.out}`);
  if (violations > 0) console.log(`to see it again: ${command}`);
  await endAll();
  console.log(`${operations} operations, ${faults} faults, ${violations} violations`);
  return violations > 0 ? 1 : 0;
}

async function startServers({ driver }: ChaosOptions): Promise<Servers> {
  const isCompose = driver === undefined ? await engineAnswers() : driver === 'compose';
  if (!isCompose && driver === undefined)
    console.log(
      'no Docker engine answers: five redis-servers on loopback instead (--driver compose starts one)',
    );
  if (!isCompose) return ending(await ProcessServers.start(NODES));
  const engine = await ensureEngine(console.log);
  endings.push(() => engine.stop());
  return ending(await ComposeServers.start(await ensureImage(console.log)));
}

function ending(servers: Servers): Servers {
  endings.push(() => servers.close());
  return servers;
}

async function endAll(): Promise<void> {
  for (let end = endings.pop(); end; end = endings.pop()) await end();
}

function show(title: string, marks: readonly ViolationMark[]): void {
  if (marks.length === 0) return;
  console.log(`${title}: ${marks.length}`);
  for (const { rule, at, what } of marks.slice(0, SHOWN)) console.log(`  ${at.toFixed(3)} ${rule}: ${what}`);
  if (marks.length > SHOWN) console.log(`  and ${marks.length - SHOWN} more`);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.once(signal, () => void endAll().finally(() => process.exit(128 + constants.signals[signal])));

// All has been ended and written by now. What should still be going on must not keep a gate waiting.
process.exit(await main(process.argv.slice(2)));
