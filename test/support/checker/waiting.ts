import type { Report } from './checker.ts';
import { type Facts, ROUNDING } from './facts.ts';
import { fair } from './fair.ts';
import type { Call } from './history.ts';
import { left } from './left.ts';
import { Nodes } from './nodes.ts';
import { endOf, progress, served } from './served.ts';
import { thrifty } from './thrifty.ts';

/** Whether those who wait get their turn, in order, and what that costs. */
export function waiting(facts: Facts, report: Report): void {
  const calls = facts.history.calls.filter((call) => call.waits);
  inOrder(calls, report);
  const { pace } = facts.history;
  if (!pace) return;
  const nodes = new Nodes(facts);
  left(facts, pace, nodes, report);
  if (calls.length === 0) return;
  served(facts, pace, nodes, calls, report);
  progress(facts, pace, nodes, calls, report);
  fair(facts, pace, nodes, calls, report);
  thrifty(facts, pace, nodes, calls, report);
}

/** Of calls of one process for one resource the first gets it first. */
function inOrder(calls: readonly Call[], report: Report): void {
  const lines = new Map<string, Call[]>();
  for (const call of calls) {
    if (call.resources.length > 1) continue;
    const line = `${call.client} ${call.resources[0]}`;
    const before = lines.get(line) ?? [];
    lines.set(line, [...before, call]);
    const { wonAt = Number.POSITIVE_INFINITY } = call;
    if (wonAt === Number.POSITIVE_INFINITY) continue;
    const passed = before.find((each) => endOf(each) > wonAt + ROUNDING);
    if (passed)
      report(
        'in turn',
        wonAt,
        `client ${line}: called at ${call.invokedAt}, it passed who called at ${passed.invokedAt}`,
      );
  }
}
