/* One process of the bench: a client of one library that does what the parent tells it. */
import { setTimeout } from 'node:timers/promises';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { serve } from '../../support/child.ts';
import { now } from '../../support/monotonic.ts';
import { IDEAL, openClient } from '../clients/contestants.ts';
import type { Release } from '../clients/lock-client.ts';
import { load } from './load.ts';
import { Sent } from './sent.ts';
import type { Verbs } from './verbs.ts';

const TTL = 10_000;
/** Connections and scripts are there; and code that runs for the first time is slow. */
const WARM_UP = 30;

const [name = '', seed, ...urls] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const sent = new Sent();
sent.watch();
const client = await openClient(name, urls, random);
const held = new Map<string, Release>();

const verbs: Verbs = {
  acquire: async ({ resource, ttl }) => {
    const release = await client.acquire(resource, ttl);
    const heldAt = now();
    held.set(resource, release);
    return { heldAt };
  },
  release: async ({ resource }) => {
    const release = held.get(resource);
    if (!release) throw new Error(`${resource} is not held`);
    held.delete(resource);
    const calledAt = now();
    await release();
    await setTimeout(3);
    return { calledAt };
  },
  alone: async ({ resource, count, pause }) => {
    const took: number[] = [];
    for (let i = 0; i < count; i++) {
      const calledAt = now();
      const release = await client.acquire(resource, TTL);
      took.push(now() - calledAt);
      await release();
      if (pause > 0) await setTimeout(pause);
    }
    return { took };
  },
  load: async (request) => {
    const before = sent.commands;
    const { turns, failures } = await load(client, request, random);
    return { turns, failures, commands: sent.commands - before };
  },
  idle: async ({ resource, waiters, ms }) => {
    const before = sent.commands;
    // They are waiting still when this process is ended.
    for (let i = 0; i < waiters; i++) client.acquire(resource, TTL).catch(() => {});
    await setTimeout(ms);
    return { commands: sent.commands - before };
  },
  attempts: async () => ({ times: [...sent.attempts.values()] }),
};

await verbs.alone({ resource: `warm-up of ${process.pid}`, count: WARM_UP, pause: 0 });
if (sent.commands === 0 && name !== IDEAL) throw new Error('commands are sent that nobody counts');
serve(verbs);
