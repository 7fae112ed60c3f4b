import { isTombstone } from '../../../src/node/owner.ts';
import type { Report } from './checker.ts';
import type { Facts } from './facts.ts';
import type { Exchange } from './history.ts';

/** How many times a node is asked for a grant again that has denied it. */
const MOST_REPEATS = 2;

/** Whether nodes were asked for what they may be asked for, and did that. */
export function operations(facts: Facts, report: Report): void {
  const { votes, exchanges, reordering } = facts.history;
  for (const { node, key, token, until, end, endedBy } of votes) {
    // What a tombstone replaces was taken away on purpose.
    const isRevoked = endedBy !== undefined && isTombstone(endedBy);
    if ((end === 'overwritten' && !isRevoked) || (end === 'deleted' && endedBy !== token))
      report('owner', until, `the vote of node ${node} for ${token} on ${key} was ${end} by ${endedBy}`);
  }
  for (const { node, operation, token, reply, executedAt, torn } of exchanges) {
    if (torn) report('atomic', executedAt, `${operation} ${token} on node ${node} said ${reply}`);
  }
  for (const [token, all] of facts.tokens()) {
    if (token === '') continue;
    sentInTime(token, all, report);
    executedInOrder(token, all, reordering, report);
  }
  for (const { section, until } of facts.beliefs) {
    for (const { node, operation, executedAt } of facts.exchangesOf(section.token)) {
      if (operation === 'release' && executedAt < until)
        report('live votes', executedAt, `node ${node} released ${section.token}, held until ${until}`);
    }
  }
}

function sentInTime(token: string, exchanges: readonly Exchange[], report: Report): void {
  let releasing = false;
  for (const { node, operation, sentAt } of exchanges) {
    if (operation === 'release') releasing = true;
    else if (releasing)
      report('sent in time', sentAt, `${operation} ${token} was sent to node ${node} after a release`);
  }
}

function executedInOrder(
  token: string,
  exchanges: readonly Exchange[],
  reordering: readonly number[],
  report: Report,
): void {
  const executed = exchanges
    .filter(({ executedAt }) => executedAt < Number.POSITIVE_INFINITY)
    .sort((a, b) => a.executedAt - b.executedAt);
  const granted = new Map<number, number>();
  const released = new Set<number>();
  for (const { node, operation, reply, executedAt, overDead } of executed) {
    if (operation === 'release') {
      released.add(node);
      continue;
    }
    const sets = reply === 'granted' || reply === 'extended' || reply === 'repaired';
    if (sets && released.has(node) && !overDead && !reordering.includes(node))
      report(
        'first in, first out',
        executedAt,
        `${operation} ${token} on node ${node} came after its release`,
      );
    if (operation !== 'grant') continue;
    // One that has denied may be asked again.
    const before = granted.get(node) ?? 0;
    if (before > MOST_REPEATS)
      report('once', executedAt, `${token} was asked of node ${node} again and again`);
    granted.set(node, reply === 'denied' ? before + 1 : Number.POSITIVE_INFINITY);
  }
}
