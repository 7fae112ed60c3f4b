import type { Contestant } from './contestants/contestant.ts';

const TOGETHER = 64;

/** Takes a lock on each of `resources`, some at a time. */
export async function hoard(
  client: Contestant,
  resources: readonly string[],
  into: unknown[],
): Promise<void> {
  await each(resources.length, async (i) => {
    into[i] = await client.acquire(resources[i] as string);
  });
}

export async function giveBack(client: Contestant, held: readonly unknown[]): Promise<void> {
  await each(held.length, (i) => client.release(held[i]));
}

async function each(count: number, task: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: TOGETHER }, loop));
}
