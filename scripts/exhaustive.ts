/**
 * Runs every order of events in small worlds: `npm run exhaustive`, or `npm run exhaustive -- 'no fault' crash` for some
 * of them (a few, which take hours, only so). `npm run exhaustive -- crash --order 'c0 acts, c0>n0, …'` runs one order,
 * as it is printed for a violation.
 */
import { parseArgs } from 'node:util';
import { explore, type Found, replay } from '../test/support/exhaustive/explore.ts';
import { LONG_SCOPES, SCOPES, type Scope } from '../test/support/exhaustive/scope.ts';

/** After how many executions there is a sign of life. */
const PROGRESS = 10_000;

const { values, positionals } = parseArgs({ options: { order: { type: 'string' } }, allowPositionals: true });
const names = positionals.length > 0 ? positionals : [...SCOPES.keys()];

if (values.order === undefined) await exploreAll();
else await replayOne(values.order);

async function exploreAll(): Promise<void> {
  const summary: string[] = [];
  for (const name of names) {
    const started = performance.now();
    const seconds = (): string => `${((performance.now() - started) / 1_000).toFixed(1)} s`;
    const { executions, blocked, violation } = await explore(scopeOf(name), {
      onExecution: (_, executions) => {
        if (executions % PROGRESS === 0)
          console.log(`${name}: ${executions} executions so far, ${seconds()}`);
      },
    });
    const verdict = violation ? 'VIOLATION' : 'no violation';
    summary.push(`${name}: ${executions} executions (${blocked} given up), ${seconds()}, ${verdict}`);
    if (!violation) continue;
    show(violation);
    console.log(
      `\nto see it again: npm run exhaustive -- '${name}' --order '${violation.order.join(', ')}'\n`,
    );
  }
  console.log(summary.join('\n'));
}

async function replayOne(order: string): Promise<void> {
  for (const name of names) show(await replay(scopeOf(name), order.split(', ')));
}

function show({ trace, violations }: Found): void {
  console.log(trace);
  if (violations.length > 0) process.exitCode = 1;
}

function scopeOf(name: string): Scope {
  const scope = SCOPES.get(name) ?? LONG_SCOPES.get(name);
  if (scope) return scope;
  const known = [...SCOPES.keys(), ...LONG_SCOPES.keys()];
  throw new RangeError(`no scope is called ${name}; there are: ${known.join('; ')}`);
}
