import { EVERYBODY, OWN, PEERS, QUORLOCK, RAW } from './contestants/contestants.ts';

/** How much is measured. `ms`: for how long at a time. */
export interface Budget {
  /** `runs`: how often all of its rounds are repeated with new clients. */
  readonly versusRaw: Rounds & { readonly runs: number };
  readonly throughput: Rounds & {
    readonly contestants: readonly string[];
    readonly inFlight: readonly number[];
  };
  readonly clients: Rounds;
  readonly nodes: Rounds & { readonly counts: readonly number[]; readonly inFlight: readonly number[] };
  /** `soak`: for how long nodes stay broken to see whether the heap grows. */
  readonly faults: Rounds & { readonly soak: number };
  readonly heap: { readonly contestants: readonly string[]; readonly locks: number };
  readonly extension: { readonly locks: number; readonly ms: number };
  readonly resources: Rounds & { readonly counts: readonly number[] };
  readonly held: Rounds & { readonly counts: readonly number[] };
  readonly processes: Rounds & { readonly counts: readonly number[] };
  /** `roundTrips` in ms; `pairs`: how many acquires and releases at least. */
  readonly distance: { readonly ms: number; readonly roundTrips: readonly number[]; readonly pairs: number };
  readonly batch: { readonly batches: number };
}

interface Rounds {
  readonly rounds: number;
  readonly ms: number;
}

export const FULL: Budget = {
  versusRaw: { runs: 3, rounds: 5, ms: 700 },
  throughput: { rounds: 5, ms: 750, contestants: EVERYBODY, inFlight: [1, 16, 64, 256] },
  clients: { rounds: 5, ms: 600 },
  nodes: { rounds: 3, ms: 500, counts: [1, 3, 5, 7], inFlight: [1, 64] },
  faults: { rounds: 3, ms: 900, soak: 60_000 },
  heap: { contestants: [...Object.keys(OWN), ...Object.keys(PEERS)], locks: 10_000 },
  extension: { locks: 10_000, ms: 21_000 },
  resources: { rounds: 3, ms: 400, counts: [1, 2, 4, 8, 16] },
  held: { rounds: 3, ms: 600, counts: [0, 1_000, 10_000, 100_000] },
  processes: { rounds: 3, ms: 1_000, counts: [1, 2, 4] },
  distance: { ms: 1_500, roundTrips: [1, 10, 80], pairs: 25 },
  batch: { batches: 200 },
};

/** Shows that everything works, and little more. */
export const QUICK: Budget = {
  versusRaw: { runs: 1, rounds: 2, ms: 250 },
  throughput: { rounds: 1, ms: 250, contestants: EVERYBODY, inFlight: [1, 64] },
  clients: { rounds: 1, ms: 250 },
  nodes: { rounds: 1, ms: 200, counts: [1, 3], inFlight: [64] },
  faults: { rounds: 1, ms: 500, soak: 3_000 },
  heap: { contestants: [QUORLOCK, 'redlock 5'], locks: 1_000 },
  extension: { locks: 1_000, ms: 3_000 },
  resources: { rounds: 1, ms: 200, counts: [1, 4] },
  held: { rounds: 1, ms: 200, counts: [0, 1_000] },
  processes: { rounds: 1, ms: 400, counts: [1, 2] },
  distance: { ms: 300, roundTrips: [1, 10], pairs: 10 },
  batch: { batches: 20 },
};

/** The floor, and quorlock both ways. */
export const OWN_AND_RAW: readonly string[] = [RAW, ...Object.keys(OWN)];
