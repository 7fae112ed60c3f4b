/** `npm run chaos`: clients at work while nodes fail; then a checker, and a report. See options.ts. */
import { resolve } from 'node:path';
import type { Servers } from './cluster.ts';
import { type ChaosOptions, commandOf, HELP, readOptions } from './options.ts';
import { ProcessServers } from './process-cluster.ts';
import type { ViolationMark } from './report/report.ts';
import { run } from './run.ts';

const NODES = 5;
/** How many violations are shown; the report has all. */
const SHOWN = 20;

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
  return chaos(options, await ProcessServers.start(NODES));
}

async function chaos(options: ChaosOptions, servers: Servers): Promise<number> {
  const command = commandOf(options, servers.driver);
  console.log(command);
  const { out } = options;
  const { report, verdict } = await run(servers, {
    ...options,
    out: resolve(out),
    command,
    progress: console.log,
  });
  const { operations, faults, violations } = report.summary;
  show('violations', verdict.violations);
  show('allowed, as limits were broken', verdict.allowed);
  console.log(JSON.stringify(report.summary, undefined, 1));
  if (violations > 0) console.log(`to see it again: ${command}`);
  console.log(`${operations} operations, ${faults} faults, ${violations} violations`);
  return violations > 0 ? 1 : 0;
}

function show(title: string, marks: readonly ViolationMark[]): void {
  if (marks.length === 0) return;
  console.log(`${title}: ${marks.length}`);
  for (const { rule, at, what } of marks.slice(0, SHOWN)) console.log(`  ${at.toFixed(3)} ${rule}: ${what}`);
  if (marks.length > SHOWN) console.log(`  and ${marks.length - SHOWN} more`);
}

process.exitCode = await main(process.argv.slice(2));
