import { CONTESTANTS, type Contestant } from './clients/contestants.ts';

/** How much is measured. `ms`: for how long; `patience`: how much longer a starved waiter is watched. */
export interface Budget {
  readonly contestants: readonly Contestant[];
  readonly handOver: { readonly turns: number; readonly own: number; readonly others: number };
  readonly load: { readonly turns: number; readonly ms: number; readonly patience: number };
  readonly crowd: { readonly turns: number; readonly ms: number; readonly patience: number };
  readonly storm: { readonly waiters: number; readonly releases: number };
  readonly death: { readonly turns: number; readonly locks: number };
  /** In ms. */
  readonly idle: { readonly own: number; readonly others: number };
}

export const FULL: Budget = {
  contestants: CONTESTANTS,
  handOver: { turns: 2, own: 160, others: 40 },
  load: { turns: 2, ms: 1_500, patience: 1_500 },
  crowd: { turns: 1, ms: 2_500, patience: 2_000 },
  storm: { waiters: 32, releases: 24 },
  death: { turns: 1, locks: 16 },
  idle: { own: 10_000, others: 2_000 },
};

/** The other libraries are left out. */
export const QUICK: Budget = {
  contestants: ['raw polling', 'quorlock'],
  handOver: { turns: 1, own: 60, others: 15 },
  load: { turns: 1, ms: 800, patience: 500 },
  crowd: { turns: 1, ms: 1_000, patience: 1_000 },
  storm: { waiters: 32, releases: 6 },
  death: { turns: 1, locks: 6 },
  idle: { own: 5_000, others: 500 },
};
