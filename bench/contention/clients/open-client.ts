import { Redis } from 'ioredis';
import type { Random } from '../../../src/random.ts';
import { IDEAL, isQuorlock } from './contestants.ts';
import { openIdeal } from './ideal.ts';
import type { LockClient } from './lock-client.ts';
import { openRedisSemaphore, openRedlock, openRedlockUniversal } from './peers.ts';
import { openQuorlock } from './quorlock.ts';
import { openRaw } from './raw.ts';

export async function openClient(name: string, urls: readonly string[], random: Random): Promise<LockClient> {
  if (name === IDEAL) return openIdeal();
  // Brings its own connections.
  if (isQuorlock(name)) return openQuorlock(urls);
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
