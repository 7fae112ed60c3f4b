import type { Report } from './checker.ts';
import { type Facts, ROUNDING } from './facts.ts';
import type { Call, Entry, History, Pace } from './history.ts';
import type { Nodes } from './nodes.ts';
import { isForbidden } from './residue.ts';
import { longestReservation } from './served.ts';

/** For how long what a client has sent before may have effects, in ms. */
const LATE = 1_000;

/** What timers may add, in ms. */
const SLACK = 12;

/** Whether nothing of a waiter stays in a line when it does not wait any more, and no node keeps a key for it for long. */
export function left(facts: Facts, pace: Pace, nodes: Nodes, report: Report): void {
  const { entries, reservations } = facts.history;
  entries.every((entry) => isWanted(facts, pace, nodes, entry, report));
  putOut(facts, pace, report);
  const longest = (longestReservation(facts) + 1) / (1 - pace.drift);
  const outlived = reservations.find(
    ({ client, from, until }) => client >= 0 && until - from > longest + ROUNDING,
  );
  if (!outlived) return;
  const { node, key, client, from, until } = outlived;
  report('left', from + longest, `node ${node} kept ${key} for client ${client} from ${from} to ${until}`);
}

/** Whether a client that stands in a line has a call that waits there, but for the time that it takes to leave. */
function isWanted(facts: Facts, pace: Pace, nodes: Nodes, entry: Entry, report: Report): boolean {
  const { node, key, client, from, until, isStray } = entry;
  const { history } = facts;
  if (client < 0 || isStray) return true;
  const bound = pace.nodeTimeout + 4 * pace.latency + SLACK;
  const end = Math.min(until, facts.crashOf(client));
  const waits = history.calls
    .filter((call) => isWaiting(call, client, key) && call.invokedAt < end && call.settledAt > from - bound)
    .sort((a, b) => a.invokedAt - b.invokedAt);
  let last = from;
  for (const { invokedAt, settledAt } of [...waits, { invokedAt: end, settledAt: end }]) {
    const calm = Math.max(last, nodes.faultyUntil(client, node, last - bound, invokedAt));
    const due = calm + bound;
    const isLate = invokedAt > due + ROUNDING && facts.pausedBetween(client, last - bound, due) === 0;
    if (isLate && calm < closedAt(history, client) && !mayNotLeave(history, entry)) {
      report('left', due, `client ${client} was left in the line of node ${node} for ${key} from ${last} on`);
      return false;
    }
    last = Math.max(last, settledAt);
  }
  return true;
}

/** When a client that is closed gives up on what it has not been able to leave. */
function closedAt({ calls }: History, one: number): number {
  const close = calls.find(({ client, verb }) => client === one && verb === 'close');
  return close?.settledAt ?? Number.POSITIVE_INFINITY;
}

/** Whether the node has said to a client in its line that it may not leave it. */
function mayNotLeave({ exchanges }: History, { node, client, from }: Entry): boolean {
  return exchanges.some(
    (each) => each.client === client && each.node === node && each.sentAt >= from && isForbidden(each),
  );
}

/** Nobody is taken out of a line as it still waits for nothing but that key. */
function putOut(facts: Facts, pace: Pace, report: Report): void {
  const { history } = facts;
  const stands = history.exchanges.filter(({ operation, waits }) => operation === 'grant' && waits);
  for (const { node, key, client, until, end, endedOverDead, isStray } of history.entries) {
    if (end !== 'left' || endedOverDead || isStray || history.reordering.includes(node)) continue;
    const own = history.calls.filter((call) => isWaiting(call, client, key));
    // It may want others as well, or have got the lock without this node; and while it has the lock, its calls wait for that.
    if (own.some((call) => call.resources.length > 1 || isJustWon(call, until))) continue;
    if (facts.holds(client, [key], until, until)) continue;
    // As it gave back a lock that it did not know it had lost, its next call was to get it, and not the line.
    if (isRevoked(history, node, key, until)) continue;
    // It has come to stand in the line of another node.
    const isElsewhere = history.entries.some(
      (each) =>
        each.client === client &&
        each.key === key &&
        each.node !== node &&
        each.from <= until &&
        each.until > until - LATE,
    );
    if (isElsewhere) continue;
    const isWaited = own.some(
      ({ invokedAt, settledAt }) =>
        settledAt > until + pace.nodeTimeout &&
        stands.some(
          (stand) =>
            stand.client === client &&
            stand.node === node &&
            stand.reply === 'denied' &&
            stand.keys?.includes(key) &&
            stand.sentAt >= invokedAt &&
            stand.executedAt < until,
        ),
    );
    if (!isWaited) continue;
    report(
      'left',
      until,
      `client ${client} was taken out of the line of node ${node} for ${key}, as it waited`,
    );
    return;
  }
}

function isRevoked({ votes }: History, node: number, key: string, at: number): boolean {
  return votes.some(
    (vote) =>
      vote.by === 'revoke' && vote.node === node && vote.key === key && vote.from <= at && vote.until > at,
  );
}

function isJustWon({ wonAt = Number.POSITIVE_INFINITY }: Call, at: number): boolean {
  return wonAt <= at && at < wonAt + LATE;
}

function isWaiting({ client, resources, waits }: Call, one: number, key: string): boolean {
  return waits && client === one && resources.includes(key);
}
