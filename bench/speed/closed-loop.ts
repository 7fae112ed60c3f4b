import type { Latencies } from '../support/latencies.ts';
import type { Contestant } from './contestants/contestant.ts';

/** Where durations go, in ms. */
type Times = Pick<Latencies, 'record'>;

export interface Load {
  readonly inFlight: number;
  /** For how long new locks are taken. */
  readonly ms: number;
  /** A resource that nobody has used yet. */
  readonly fresh: () => string;
}

export interface Done {
  /** In which it was done, in ms: until the last has ended. */
  readonly elapsed: number;
  readonly failed: number;
  /** The first one's reason. */
  readonly failure: unknown;
}

/** So many loops, each of which takes a lock of its own, gives it back, and again. */
export async function closedLoop(
  client: Contestant,
  { inFlight, ms, fresh }: Load,
  into: { readonly pairs: Times; readonly acquires?: Times; readonly releases?: Times },
): Promise<Done> {
  let failed = 0;
  let failure: unknown;
  const began = performance.now();
  const until = began + ms;
  const loop = async (): Promise<void> => {
    for (let from = began; from < until; ) {
      from = performance.now();
      try {
        const held = await client.acquire(fresh());
        const taken = into.acquires ? performance.now() : from;
        await client.release(held);
        const given = performance.now();
        into.pairs.record(given - from);
        into.acquires?.record(taken - from);
        into.releases?.record(given - taken);
        from = given;
      } catch (error) {
        failed++;
        failure ??= error;
        // Who fails at once must not keep everything else from happening.
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
  return { elapsed: performance.now() - began, failed, failure };
}
