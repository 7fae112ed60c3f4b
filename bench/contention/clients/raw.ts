import { setTimeout } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Random } from '../../../src/random.ts';
import type { LockClient } from './lock-client.ts';
import { jittered, POLLING } from './polling.ts';

const DELETE_OWN =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/** The floor: Redlock by hand. Polls; a failed attempt is undone without waiting for it. No timeout, no reasons. */
export async function openRaw(nodes: readonly Redis[], random: Random): Promise<LockClient> {
  const [sha] = (await Promise.all(nodes.map((node) => node.script('LOAD', DELETE_OWN)))) as string[];
  const quorum = Math.floor(nodes.length / 2) + 1;
  const remove = (resource: string, token: string): Promise<boolean> =>
    majority(
      nodes.map((node) => node.evalsha(sha ?? '', 1, resource, token).then((reply) => reply === 1)),
      quorum,
    );
  let serial = 0;
  return {
    acquire: async (resource, ttl) => {
      for (;;) {
        // Fresh for every attempt, so that a late rollback does not undo a later one.
        const token = `${process.pid} ${serial++}`;
        const set = nodes.map((node) =>
          node.set(resource, token, 'PX', ttl, 'NX').then((reply) => reply === 'OK'),
        );
        if (await majority(set, quorum)) return () => remove(resource, token);
        void remove(resource, token);
        await setTimeout(jittered(POLLING.raw, random));
      }
    },
  };
}

/** As early as it can be told. */
function majority(votes: readonly Promise<boolean>[], quorum: number): Promise<boolean> {
  let missing = quorum;
  let left = votes.length;
  return new Promise((resolve) => {
    const count = (granted: boolean): void => {
      left--;
      if (granted) missing--;
      if (missing === 0) resolve(true);
      else if (left < missing) resolve(false);
    };
    for (const vote of votes) {
      vote.then(count, () => count(false));
    }
  });
}
