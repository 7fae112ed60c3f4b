import { Redis } from 'ioredis';

export const DELETE_OWN =
  "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";

/** A lock of the floor. */
export interface Own {
  readonly resource: string;
  readonly token: string;
}

export interface Raw {
  acquire(resource: string): Promise<Own>;
  release(own: Own): Promise<void>;
  close(): Promise<void>;
}

/**
 * The floor: what any client of Redis has to do at least, by the client that quorlock uses. No timeout, no
 * rollback, no reasons.
 */
export async function openRaw(
  urls: readonly string[],
  ttl = 10_000,
  options: { readonly enableAutoPipelining?: boolean } = {},
): Promise<Raw> {
  const clients = urls.map((url) => new Redis(url, options));
  // What happens to a node is none of its business.
  for (const client of clients) client.on('error', () => {});
  const shas = await Promise.all(clients.map((client) => client.script('LOAD', DELETE_OWN)));
  const quorum = Math.floor(clients.length / 2) + 1;
  const [sha] = shas as string[];
  let serial = 0;
  return {
    acquire: async (resource) => {
      const token = `token ${serial++}`;
      const set = clients.map((client) => client.set(resource, token, 'PX', ttl, 'NX'));
      await atQuorum(set, (reply) => reply === 'OK', quorum);
      return { resource, token };
    },
    release: ({ resource, token }) => {
      const deleted = clients.map((client) => client.evalsha(sha ?? '', 1, resource, token));
      return atQuorum(deleted, (reply) => reply === 1, quorum);
    },
    close: async () => {
      for (const client of clients) client.disconnect();
    },
  };
}

/** As soon as so many replies are good; rejects as soon as they cannot be. */
export function atQuorum<T>(
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
