/** All clients of Redis, in the order of the tables. `baseline` is another checkout of quorlock. */
export const CONTESTANTS = [
  'raw polling',
  'quorlock',
  'baseline',
  'redlock 5',
  'redis-semaphore',
  'redlock-universal',
] as const;

export type Contestant = (typeof CONTESTANTS)[number];

export const BASELINE = 'baseline';

export function isQuorlock(contestant: string): boolean {
  return contestant === 'quorlock' || contestant === BASELINE;
}

/** The key under which it keeps a resource. */
export function keyOf(contestant: Contestant, resource: string): string {
  return contestant === 'redis-semaphore' ? `mutex:${resource}` : resource;
}

export const IDEAL = 'ideal mutex';
