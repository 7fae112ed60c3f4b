import { redlock5, sesamecareRedlock } from '../../support/peer-modules.ts';
import { openRaw } from '../../support/raw.ts';
import type { Open } from './contestant.ts';
import {
  openRedisKit,
  openRedisSemaphore,
  openRedlock,
  openRedlock4,
  openRedlockUniversal,
} from './peers.ts';
import { quorlock } from './quorlock.ts';
import { openRawBatched } from './raw-batched.ts';

export const RAW = 'raw';
export const QUORLOCK = 'quorlock';
export const WITHOUT_FENCING = 'quorlock, no fencing';

/** By which others are measured. */
const FLOORS: Readonly<Record<string, Open>> = {
  [RAW]: (urls, { ttl }) => openRaw(urls, ttl),
  'raw, auto-pipelined': (urls, { ttl }) => openRaw(urls, ttl, { enableAutoPipelining: true }),
  'raw, batched': openRawBatched,
};

export const OWN: Readonly<Record<string, Open>> = {
  [QUORLOCK]: quorlock({}),
  [WITHOUT_FENCING]: quorlock({ fencing: false }),
};

export const PEERS: Readonly<Record<string, Open>> = {
  'redlock 5': (urls, terms) => openRedlock(urls, terms, redlock5()),
  'redlock 4': openRedlock4,
  '@sesamecare-oss/redlock': (urls, terms) => openRedlock(urls, terms, sesamecareRedlock()),
  'redis-semaphore': openRedisSemaphore,
  'redlock-universal': openRedlockUniversal,
  '@redis-kit/lock': openRedisKit,
};

/** In the order of the tables. */
const ALL: Readonly<Record<string, Open>> = { ...FLOORS, ...OWN, ...PEERS };

export const EVERYBODY: readonly string[] = Object.keys(ALL);

export function openerOf(name: string): Open {
  const open = ALL[name];
  if (!open) throw new Error(`nobody is called ${name}`);
  return open;
}
