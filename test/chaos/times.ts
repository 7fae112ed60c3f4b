import { quarantineOf } from '../../src/node/redis/quarantine.ts';
import type { Servers } from './cluster.ts';
import type { Recovery } from './fault.ts';

/** What all clients are told, in ms. Locks are short, so that quarantines are, too. */
export const TIMES = { maxTtl: 2_000, nodeTimeout: 150, connectTimeout: 1_000 } as const;
/** The library's default. */
export const DRIFT_FACTOR = 0.01;
/** For how long a node does not vote after it has started, in ms. */
export const QUARANTINE: number = quarantineOf(TIMES.maxTtl, DRIFT_FACTOR);
/** How long clients may take to notice that a node is back, in ms. */
export const NOTICE = 500;

/** How long nodes count as faulty after their faults. */
export function recoveryOn({ lag }: Pick<Servers, 'lag'>): Recovery {
  return { restart: QUARANTINE + NOTICE + lag, other: NOTICE + lag };
}
