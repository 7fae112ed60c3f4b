import { callRedis } from '../../../test/support/resp.ts';
import { DELETE_OWN, type Own } from '../../support/raw.ts';
import { BareSocket } from './bare-socket.ts';
import type { Contestant, Terms } from './contestant.ts';

/** The floor without a client of Redis: one write per node and tick. The limit of what this protocol and Node.js give. */
export async function openRawBatched(urls: readonly string[], { ttl }: Terms): Promise<Contestant<Own>> {
  const nodes = await Promise.all(urls.map((url) => BareSocket.connect(url)));
  const shas = await Promise.all(
    urls.map((url) => callRedis({ port: Number(new URL(url).port) }, ['SCRIPT', 'LOAD', DELETE_OWN])),
  );
  const sha = String(shas[0]);
  const quorum = Math.floor(nodes.length / 2) + 1;
  const duration = String(ttl);
  let serial = 0;

  const ask = (command: readonly string[], good: string): Promise<void> =>
    new Promise((resolve, reject) => {
      let missing = quorum;
      let left = nodes.length;
      const count = (reply: string): void => {
        if (reply === good && --missing === 0) resolve();
        if (--left < missing) reject(new Error(`no quorum: ${reply}`));
      };
      for (const node of nodes) node.send(command, count);
    });

  return {
    acquire: async (resource) => {
      const token = `token ${serial++}`;
      await ask(['SET', resource, token, 'PX', duration, 'NX'], '+OK');
      return { resource, token };
    },
    release: ({ resource, token }) => ask(['EVALSHA', sha, '1', resource, token], ':1'),
    close: async () => {
      for (const node of nodes) node.close();
    },
  };
}
