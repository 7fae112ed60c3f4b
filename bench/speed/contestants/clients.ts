import { createClient } from '@redis/client';
import { Redis } from 'ioredis';
import { Redis as Valkey } from 'iovalkey';
import type { Open } from './contestant.ts';
import { quorlock } from './quorlock.ts';

/**
 * quorlock by each client that it supports. It only reads the settings of an instance and makes sockets of its own, so
 * the instances never connect.
 */
export const BY_CLIENT: Readonly<Record<string, Open>> = {
  'ioredis, by URL': quorlock({}),
  'ioredis, instances': quorlock({}, { nodeOf: (url) => new Redis(url, { lazyConnect: true }) }),
  'iovalkey, instances': quorlock({}, { nodeOf: (url) => new Valkey(url, { lazyConnect: true }) }),
  'node-redis, clients': quorlock({}, { nodeOf: (url) => createClient({ url }) }),
};
