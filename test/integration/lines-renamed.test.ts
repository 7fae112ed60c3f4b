import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { inboxOf } from '../../src/node/inbox.ts';
import { lineOf } from '../../src/node/line.ts';
import type { LockNode } from '../../src/node/lock-node.ts';
import { createNodes } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { Asker } from '../support/asker.ts';
import { Ear } from '../support/ear.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { tokenOf } from '../support/token.ts';

enforceNoLeaks();

const HOLDER = tokenOf(1, 1);
const FIRST = tokenOf(2, 0);
const SECOND = tokenOf(3, 0);
const KEY = 'k';

/** Two that stand in line, and are listened for. */
async function waiting(ask: Asker): Promise<void> {
  for (const each of [FIRST, SECOND]) {
    await new Ear(ask.node, each, KEY).told('live');
    expect(await ask.stand(KEY, each, each)).toMatchObject({ kind: 'denied', place: expect.anything() });
  }
}

/** The script asks a server about each of these before it calls it; about a command that does not exist, that is an error. */
describe.each(['SPUBLISH', 'ZPOPMIN', 'GETRANGE'])('on a server without %s', (command) => {
  let server: RedisServer;

  beforeAll(async () => {
    server = await startRedis({ config: { 'rename-command': `${command} ""` } });
  });
  afterAll(() => server.stop());

  async function connected(): Promise<Asker> {
    await server.cli('FLUSHALL');
    const node = createNodes([server.url], resolveSettings()).all[0] as LockNode;
    onTestFinished(() => node.close(1_000));
    const ask = new Asker(node);
    await ask.inspect(KEY);
    return ask;
  }

  it('a release that has somebody to serve is done, and so is all else of its batch', async () => {
    const ask = await connected();
    await ask.grant(KEY, HOLDER);
    await waiting(ask);
    await server.cli('CONFIG', 'RESETSTAT');
    const replies = await Promise.all([
      ask.grant('l', FIRST),
      ask.release(KEY, HOLDER),
      ask.grant('m', SECOND),
      ask.release('m', SECOND),
    ]);
    expect(replies.map(({ kind }) => kind)).toEqual(['granted', 'released', 'granted', 'released']);
    // Brief commands, one for the grants and one for the releases, need GETRANGE.
    const commands = command === 'GETRANGE' ? 1 : 2;
    expect(await server.info('cmdstat_evalsha')).toContain(`calls=${commands},`);
    expect(await ask.inspect('l')).toMatchObject({ kind: 'held' });
  });
});

describe('on a server that cannot publish', () => {
  let server: RedisServer;
  let ask: Asker;

  beforeAll(async () => {
    server = await startRedis({ config: { 'rename-command': 'SPUBLISH ""' } });
    const node = createNodes([server.url], resolveSettings()).all[0] as LockNode;
    ask = new Asker(node);
    await ask.inspect(KEY);
  });
  afterAll(async () => {
    await ask.node.close(1_000);
    await server.stop();
  });

  it('no place is lost, and those who stand get a free key', async () => {
    await ask.grant(KEY, HOLDER);
    await ask.stand(KEY, FIRST, FIRST);
    await ask.stand(KEY, SECOND, SECOND);
    const line = await server.cli('ZRANGE', lineOf(KEY), 0, -1, 'WITHSCORES');
    expect(line).toHaveLength(4);
    expect(await ask.release(KEY, HOLDER)).toEqual({ kind: 'released' });
    expect(await server.cli('ZRANGE', lineOf(KEY), 0, -1, 'WITHSCORES')).toEqual(line);
    expect(await ask.stand(KEY, SECOND, SECOND)).toEqual({ kind: 'granted' });
    const waiter = { name: SECOND, key: KEY, since: 1 };
    expect(await ask.release(KEY, SECOND, { afterwards: 'yield', waiter })).toEqual({ kind: 'released' });
    expect(await server.cli('ZRANGE', lineOf(KEY), 0, -1)).toEqual([inboxOf(SECOND), inboxOf(FIRST)]);
  });
});
