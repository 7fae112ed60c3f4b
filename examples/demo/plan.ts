import { randomInt } from 'node:crypto';

/** What the demo does to worker 1 and to the nodes, and when, in ms from the start. */
export type Act =
  | { readonly at: number; readonly kind: 'linger' }
  | { readonly at: number; readonly kind: 'kill' | 'restart'; readonly node: number };

/**
 * While worker 1 holds the lock for longer than the ttl, two nodes die, one after the other; both come back without
 * memory. A majority is up all the time.
 *
 * Of the nodes 1, 2, 3 that hold a lock, 1 and 2 could forget it, and together with 4 give it to a second holder. A
 * server that has forgotten its locks is kept from voting by quorlock's `restartGuard`, until all of them are over; a node in
 * memory has no such guard, and so it stays away for longer than the ttl. The description of Redlock calls this a
 * delayed restart.
 */
export function planActs(duration: number, ttl: number, victims: readonly number[]): Act[] {
  const downtime = Math.max(0.3 * duration, 1.25 * ttl);
  const faults = victims.flatMap((node, index): Act[] => {
    const death = (0.2 + 0.1 * index) * duration;
    return [
      { at: death, kind: 'kill', node },
      { at: death + downtime, kind: 'restart', node },
    ];
  });
  const acts: Act[] = [{ at: 0.15 * duration, kind: 'linger' }, ...faults];
  return acts.sort((a, b) => a.at - b.at);
}

/** Two different numbers below `count`. */
export function pickTwo(count: number): [number, number] {
  const first = randomInt(count);
  return [first, (first + randomInt(1, count)) % count];
}
