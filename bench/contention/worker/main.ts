/* One process of the bench: clients of one library that do what the parent tells them. */
import { setTimeout } from 'node:timers/promises';
import { seededRandom } from '../../../test/support/seeded-random.ts';
import { serve } from '../../support/child.ts';
import { now } from '../../support/monotonic.ts';
import { IDEAL } from '../clients/contestants.ts';
import type { LockClient, Release } from '../clients/lock-client.ts';
import { openClient } from '../clients/open-client.ts';
import type { Arguments } from './fleet.ts';
import { Load } from './load.ts';
import { Network } from './network.ts';
import { Sent } from './sent.ts';
import type { Verbs } from './verbs.ts';

const TTL = 10_000;
/** Acquisitions of all clients together: connections and scripts are there; and code that runs for the first time is slow. */
const WARM_UP = 30;
/** How many clients connect at once. */
const AT_ONCE = 20;

const { contestant, seed, clients: count, urls } = JSON.parse(process.argv[2] ?? '') as Arguments;
const random = seededRandom(seed);
const sent = new Sent();
sent.watch();
const network = new Network();
network.watch();
const clients: LockClient[] = [];
/** By the index of the client and the resource. */
const held = new Map<string, Release>();
let load: Load | undefined;

for (let first = 0; first < count; first += AT_ONCE) {
  const length = Math.min(AT_ONCE, count - first);
  const opened = Array.from({ length }, () => openClient(contestant, urls, random));
  for (const client of await Promise.all(opened)) clients.push(client);
  await Promise.all(
    clients
      .slice(first)
      .map((client, i) =>
        alone(client, `warm-up ${process.pid} ${first + i}`, Math.ceil(WARM_UP / count), 0),
      ),
  );
}
if (sent.commands === 0 && contestant !== IDEAL) throw new Error('commands are sent that nobody counts');
const [client] = clients as [LockClient];

const verbs: Verbs = {
  acquire: async ({ resource, ttl, client: index = 0 }) => {
    const release = await (clients[index] as LockClient).acquire(resource, ttl);
    const heldAt = now();
    held.set(`${index} ${resource}`, release);
    return { heldAt };
  },
  release: async ({ resource, client: index = 0 }) => {
    const key = `${index} ${resource}`;
    const release = held.get(key);
    if (!release) throw new Error(`${resource} is not held`);
    held.delete(key);
    const calledAt = now();
    await release();
    await setTimeout(3);
    return { calledAt };
  },
  tryAt: async ({ resource, ttl, at }) => {
    sleepUntil(at);
    const calledAt = now();
    try {
      const release = await client.tryAcquire?.(resource, ttl);
      const took = now() - calledAt;
      if (release) held.set(`0 ${resource}`, release);
      return { calledAt, took, result: release ? 'lock' : 'null' };
    } catch (error) {
      return { calledAt, took: now() - calledAt, result: 'error', message: String(error) };
    }
  },
  alone: ({ resource, count, pause }) => alone(client, resource, count, pause),
  load: async (request) => {
    const before = sent.commands;
    load = new Load(clients, request, random);
    const reply = await load.run();
    return { ...reply, commands: sent.commands - before };
  },
  turns: async () => ({ turns: load?.turns ?? [] }),
  onlyWaits: async () => {
    await load?.onlyWaits();
  },
  cutOff: async () => network.cutOff(),
  idle: async ({ resource, waiters, settle, ms }) => {
    // They are waiting still when this process is ended.
    for (const each of clients) {
      for (let i = 0; i < waiters; i++) each.acquire(resource, TTL).catch(() => {});
    }
    await setTimeout(settle);
    const before = sent.commands;
    await setTimeout(ms);
    return { commands: sent.commands - before };
  },
  attempts: async () => ({ times: [...sent.attempts.values()] }),
};

async function alone(
  of: LockClient,
  resource: string,
  times: number,
  pause: number,
): ReturnType<Verbs['alone']> {
  const before = sent.commands;
  const took: number[] = [];
  const released: number[] = [];
  for (let i = 0; i < times; i++) {
    const calledAt = now();
    const release = await of.acquire(resource, TTL);
    const heldAt = now();
    took.push(heldAt - calledAt);
    await release();
    released.push(now() - heldAt);
    if (pause > 0) await setTimeout(pause);
  }
  return { took, released, commands: sent.commands - before };
}

/** Blocks the process: a timer would be late by up to 1 ms, and a loop would take a processor from the others. */
function sleepUntil(at: number): void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let left = at - now(); left > 0; left = at - now()) Atomics.wait(never, 0, 0, left);
}

serve(verbs);
