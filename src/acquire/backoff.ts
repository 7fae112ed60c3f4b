import type { Retry } from '../options.ts';

/** No waiter attempts more often than this, in ms, whatever its options say. */
export const SHORTEST_PAUSE = 5;

/**
 * The pause after the n-th failed attempt (n ≥ 1), in ms: `minTimeout × factor^(n−1)`, at most `maxTimeout`;
 * with `randomize` between half of that and all of it, so that contenders that met once do not meet again.
 *
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ ("equal jitter")
 */
export function backoff(n: number, retry: Retry, fraction: number): number {
  // 0 × Infinity would be NaN, and a pause of NaN ms none at all.
  const growth = Math.min(retry.factor ** (n - 1), Number.MAX_VALUE);
  const pause = Math.min(retry.minTimeout * growth, retry.maxTimeout);
  return Math.max(SHORTEST_PAUSE, retry.randomize ? pause * (0.5 + fraction / 2) : pause);
}
