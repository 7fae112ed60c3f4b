import type { Report } from './checker.ts';
import { type Facts, ROUNDING } from './facts.ts';
import type { Exchange } from './history.ts';

/** How many commands a client sends one node at most within a second that no call has asked for; so many more for each connection, in the two seconds before, and for each attempt. */
const MOST = { each: 60, forConnection: 12, forAttempt: 1 } as const;

/**
 * For how many times its longest ttl a lock can occupy a node: it is held, and then its release is owed; the rest is for
 * clocks. And for how many ms more, because an answer that has been on its way all the time can ask for one more release.
 */
const LONGEST = { ttls: 2.5, underWay: 3_000 } as const;

const CLAIMS: ReadonlySet<Exchange['operation']> = new Set<Exchange['operation']>([
  'grant',
  'extend',
  'repair',
]);

/** Whether clients leave nodes alone that have nothing for them. */
export function economy(facts: Facts, report: Report): void {
  sparing(facts, report);
  forgetful(facts, report);
}

/** What nobody has called for is done at a pace that slows down. */
function sparing({ history }: Facts, report: Report): void {
  const ways = new Map<string, { extras: number[]; connections: number[] }>();
  for (const { client, node, at, what } of history.extras) {
    const name = `client ${client} and node ${node}`;
    const way = ways.get(name) ?? { extras: [], connections: [] };
    ways.set(name, way);
    if (what === 'connection') {
      way.connections.push(at);
      continue;
    }
    way.extras.push(at);
    while ((way.extras[0] ?? at) < at - 1_000) way.extras.shift();
    while ((way.connections[0] ?? at) < at - 2_000) way.connections.shift();
    const allowed = MOST.each + MOST.forConnection * way.connections.length;
    if (way.extras.length <= allowed) continue;
    const attempts = history.attempts.filter(
      (each) => each.client === client && each.at <= at && each.at >= at - 1_000,
    );
    if (way.extras.length <= allowed + MOST.forAttempt * attempts.length) continue;
    report('paced', at, `${name}: ${way.extras.length} commands in a second that nobody has called for`);
    return;
  }
}

/** Nothing is sent any more for keys that have expired by themselves, but to a node that is reached for the first time. */
function forgetful(facts: Facts, report: Report): void {
  const { metAt = 0 } = facts.history.pace ?? {};
  for (const { operation, client, node, token, sentAt } of facts.history.exchanges) {
    if (operation !== 'release' || sentAt <= metAt) continue;
    const claims = facts
      .exchangesOf(token)
      .filter((each) => CLAIMS.has(each.operation) && each.sentAt < sentAt);
    if (claims.length === 0) continue;
    const last = Math.max(...claims.map((claim) => claim.sentAt));
    const ttl = Math.max(...claims.map((claim) => claim.ttl ?? Number.POSITIVE_INFINITY));
    const waited = sentAt - last - facts.pausedBetween(client, last, sentAt);
    if (waited <= LONGEST.ttls * ttl + LONGEST.underWay + ROUNDING) continue;
    report(
      'paced',
      sentAt,
      `node ${node} was told ${waited} ms after the last claim that ${token} is released`,
    );
    return;
  }
}
