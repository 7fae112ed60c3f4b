import { Latencies } from './latencies.ts';

/** Takes a resource; resolves with what gives it back, which resolves with whether that worked. */
export type Take = (resource: string) => Promise<() => Promise<boolean>>;

/** What came of calls under one condition. */
export class Samples {
  /** Taking and giving back together. */
  readonly pairs: Latencies = new Latencies();
  /** Either of them. */
  readonly calls: Latencies = new Latencies();
  failed = 0;
  /** Measured time in ms, for pairs per second. */
  elapsed = 0;

  get perSecond(): number {
    return (this.pairs.count / this.elapsed) * 1_000;
  }
}

/** So many loops for so many ms, each with a resource of its own: take it, give it back, again. */
export async function load(take: Take, inFlight: number, ms: number, into: Samples): Promise<void> {
  const began = performance.now();
  const loop = async (worker: number): Promise<void> => {
    while (performance.now() - began < ms) await once(take, `resource ${worker}`, into);
  };
  await Promise.all(Array.from({ length: inFlight }, (_, worker) => loop(worker)));
  into.elapsed += performance.now() - began;
}

async function once(take: Take, resource: string, into: Samples): Promise<void> {
  const began = performance.now();
  let taken = began;
  try {
    const give = await take(resource);
    taken = performance.now();
    into.calls.record(taken - began);
    if (!(await give())) into.failed++;
  } catch {
    into.failed++;
  }
  const given = performance.now();
  into.calls.record(given - taken);
  into.pairs.record(given - began);
}
