import { setTimeout } from 'node:timers/promises';
import type { Random } from '../../../src/random.ts';
import { now } from '../../support/monotonic.ts';
import type { LockClient } from '../clients/lock-client.ts';
import type { LoadReply, LoadRequest, Turn } from './verbs.ts';

/** Long enough that no lock of a load ever expires. */
const TTL = 10_000;

/** A timer counts from when the event loop last looked at the clock, and so may fire early. */
async function atLeast(ms: number, since: number): Promise<void> {
  await setTimeout(ms);
  while (now() - since < ms) await setTimeout(1);
}

/** So many clients that want the same lock, hold it for a moment, and want it again after a while. */
export async function load(
  client: LockClient,
  request: LoadRequest,
  random: Random,
): Promise<Omit<LoadReply, 'commands'>> {
  const { resource, clients, section, think, from, until, patience } = request;
  const turns: Turn[] = [];
  const failures: string[] = [];
  const waiting = new Map<number, number>();

  const loop = async (each: number): Promise<void> => {
    await setTimeout(from - now() + random.fraction() * think);
    while (now() < until) {
      const calledAt = now();
      waiting.set(each, calledAt);
      try {
        const release = await client.acquire(resource, TTL);
        const heldAt = now();
        waiting.delete(each);
        await atLeast(section, heldAt);
        turns.push({ client: each, calledAt, heldAt, leftAt: now() });
        await release();
      } catch (error) {
        failures.push(String(error));
      }
      await setTimeout(think);
    }
  };

  const loops = Promise.all(Array.from({ length: clients }, (_, each) => loop(each)));
  await Promise.race([loops, setTimeout(until - now() + patience, undefined, { ref: false })]);
  for (const [each, calledAt] of waiting) {
    turns.push({ client: each, calledAt, heldAt: Number.MAX_VALUE, leftAt: Number.MAX_VALUE });
  }
  return { turns, failures };
}
