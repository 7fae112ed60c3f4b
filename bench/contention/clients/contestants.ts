import { Redis } from 'ioredis';
import type { Random } from '../../../src/random.ts';
import { openIdeal } from './ideal.ts';
import type { LockClient } from './lock-client.ts';
import { openRedisSemaphore, openRedlock, openRedlockUniversal } from './peers.ts';
import { openQuorlock } from './quorlock.ts';
import { openRaw } from './raw.ts';

/** Whoever competes over Redis, in the order of the tables. */
export const CONTESTANTS = [
  'raw polling',
  'quorlock',
  'redlock 5',
  'redis-semaphore',
  'redlock-universal',
] as const;

export type Contestant = (typeof CONTESTANTS)[number];

/** The key under which it keeps a resource. */
export function keyOf(contestant: Contestant, resource: string): string {
  return contestant === 'redis-semaphore' ? `mutex:${resource}` : resource;
}

export const IDEAL = 'ideal mutex';

export async function openClient(name: string, urls: readonly string[], random: Random): Promise<LockClient> {
  if (name === IDEAL) return openIdeal();
  // Brings its own connections.
  if (name === 'quorlock') return openQuorlock(urls);
  const nodes = urls.map((url) => new Redis(url));
  switch (name) {
    case 'raw polling':
      return openRaw(nodes, random);
    case 'redlock 5':
      return openRedlock(nodes);
    case 'redis-semaphore':
      return openRedisSemaphore(nodes, random);
    case 'redlock-universal':
      return openRedlockUniversal(nodes, random);
    default:
      throw new Error(`nobody is called ${name}`);
  }
}
