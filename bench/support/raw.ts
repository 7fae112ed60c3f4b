import { Redis } from 'ioredis';
import type { Take } from './load.ts';

const DELETE_OWN =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/**
 * The floor: what any client of Redis has to do at least, by the client that quorlock uses. No timeout, no
 * rollback, no reasons.
 */
export async function openRaw(urls: readonly string[]): Promise<{ take: Take; close(): void }> {
  const clients = urls.map((url) => new Redis(url));
  const shas = await Promise.all(clients.map((client) => client.script('LOAD', DELETE_OWN)));
  const quorum = Math.floor(clients.length / 2) + 1;
  const [sha] = shas as string[];
  let serial = 0;
  const take: Take = async (resource) => {
    const token = `token ${serial++}`;
    const set = clients.map((client) => client.set(resource, token, 'PX', 10_000, 'NX'));
    await atQuorum(set, (reply) => reply === 'OK', quorum);
    return async () => {
      const deleted = clients.map((client) => client.evalsha(sha ?? '', 1, resource, token));
      await atQuorum(deleted, (reply) => reply === 1, quorum);
      return true;
    };
  };
  return {
    take,
    close: () => {
      for (const client of clients) client.disconnect();
    },
  };
}

function atQuorum<T>(
  replies: readonly Promise<T>[],
  good: (reply: T) => boolean,
  quorum: number,
): Promise<void> {
  let missing = quorum;
  let left = replies.length;
  return new Promise((resolve, reject) => {
    const count = (ok: boolean): void => {
      if (ok && --missing === 0) resolve();
      if (--left < missing) reject(new Error('no quorum'));
    };
    for (const reply of replies) {
      reply.then(
        (value) => count(good(value)),
        () => count(false),
      );
    }
  });
}
