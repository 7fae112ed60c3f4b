import type { Terms } from '../contestants/contestant.ts';

/** What a process of the bench can be told. Times are in ms, of the clock that all processes share. */
export interface Verbs {
  /** From now on it is this one that is told; it runs for a moment. */
  open(request: { name: string; urls: readonly string[]; terms: Terms }): Promise<void>;
  load(request: { inFlight: number; from: number; ms: number }): Promise<LoadReply>;
  /** One lock after the other while something is wrong with the nodes. `settle`: of `ms`, before heap is looked at. */
  soak(request: { ms: number; settle: number }): Promise<SoakReply>;
}

interface LoadReply {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** µs per operation. */
  readonly clientCpu: number;
  readonly count: number;
  readonly failed: number;
}

export interface SoakReply {
  /** Used heap, in MB, after it has settled and at the end. */
  readonly before: number;
  readonly after: number;
  readonly count: number;
  readonly failed: number;
}
