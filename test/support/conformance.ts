import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { GrantReply, InspectReply, LockNode } from '../../src/node/lock-node.ts';
import { Asker, TTL } from './asker.ts';
import { eventually } from './eventually.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import type { RedisServer } from './redis-server.ts';

/** What a {@link LockNode} implementation is tried on. */
export interface Backend {
  /** A node that knows nothing yet. */
  createNode(): LockNode;
  /** Makes it unreachable; what it resolves with ends that. */
  outage(node: LockNode): Promise<() => Promise<void>>;
  /** All of them, empty for a node without servers. */
  readonly servers: readonly RedisServer[];
  stop(): Promise<void>;
}

/** One hash slot for all, so that a Cluster can take any of them together; and the prefix that the least ACL allows. */
export const PREFIX = 'lock:{conformance}:';

/** What the port promises, over one implementation. */
export function describeConformance(name: string, start: () => Promise<Backend>): void {
  describe(`${name} as a lock node`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b, c] = ['a', 'b', 'c'].map((key) => PREFIX + key) as [string, string, string];

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(() => {
      ask = new Asker(backend.createNode());
    });
    afterEach(async () => {
      await ask.node.close(1_000);
      expect(ask.answered).toBe(ask.asked);
      await expectNoKeys(backend.servers);
    });

    it('grants a free key', async () => {
      expect(await ask.grant(a, 'owner')).toEqual({ kind: 'granted' });
      expect(await ask.inspect(a)).toMatchObject({ kind: 'held', ownerToken: 'owner' });
      await ask.release(a, 'owner');
    });

    it('tells how long a key that it denies is held', async () => {
      await ask.grant(a, 'owner');
      const reply = (await ask.grant(a, 'other')) as { kind: string; remaining: number };
      expect(reply.kind).toBe('denied');
      expect(reply.remaining).toSatisfy((ms: number) => ms > TTL / 2 && ms <= TTL);
      await ask.release(a, 'owner');
    });

    it('denies a second grant to the same owner', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.grant(a, 'owner')).toMatchObject({ kind: 'denied' });
      await ask.release(a, 'owner');
    });

    it('lets a key expire', async () => {
      await ask.grant(a, 'owner', 1);
      expect(await eventually(async () => again(await ask.grant(a, 'next')))).toEqual({ kind: 'granted' });
      await ask.release(a, 'next');
    });

    it('grants all keys', async () => {
      expect(await ask.grant([a, b, c], 'owner')).toEqual({ kind: 'granted' });
      for (const key of [a, b, c]) expect(await ask.inspect(key)).toMatchObject({ ownerToken: 'owner' });
      expect(await ask.release([a, b, c], 'owner')).toEqual({ kind: 'released' });
    });

    it('takes none of several keys if one is held', async () => {
      await ask.grant(b, 'other', TTL * 2);
      const reply = await ask.grant([a, b, c], 'owner');
      expect(reply).toMatchObject({ kind: 'denied' });
      expect((reply as { remaining: number }).remaining).toBeGreaterThan(TTL);
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      expect(await ask.inspect(c)).toEqual({ kind: 'free' });
      await ask.release(b, 'other');
    });

    it('raises an expiry', async () => {
      await ask.grant([a, b], 'owner');
      expect(await ask.extend([a, b], 'owner', TTL * 10)).toEqual({ kind: 'extended' });
      for (const key of [a, b]) expect(await remaining(key)).toBeGreaterThan(TTL * 5);
      await ask.release([a, b], 'owner');
    });

    it('never lowers an expiry', async () => {
      await ask.grant(a, 'owner', TTL * 10);
      expect(await ask.extend(a, 'owner', 1)).toEqual({ kind: 'extended' });
      expect(await remaining(a)).toBeGreaterThan(TTL * 5);
      await ask.release(a, 'owner');
    });

    it('repairs what is missing, raising the rest', async () => {
      await ask.grant(b, 'owner');
      expect(await ask.repair([a, b], 'owner', TTL * 10)).toEqual({ kind: 'repaired' });
      for (const key of [a, b]) expect(await remaining(key)).toBeGreaterThan(TTL * 5);
      expect(await ask.release([a, b], 'owner')).toEqual({ kind: 'released' });
    });

    it('repairs a lock of which nothing is left', async () => {
      expect(await ask.repair(a, 'owner')).toEqual({ kind: 'repaired' });
      await ask.release(a, 'owner');
    });

    it('repairs what is whole as it extends it', async () => {
      await ask.grant([a, b], 'owner');
      expect(await ask.repair([a, b], 'owner', TTL * 10)).toEqual({ kind: 'extended' });
      for (const key of [a, b]) expect(await remaining(key)).toBeGreaterThan(TTL * 5);
      await ask.release([a, b], 'owner');
    });

    it('writes nothing when it extends a lock of which a key is missing', async () => {
      await ask.grant(b, 'owner');
      expect(await ask.extend([a, b], 'owner', TTL * 10)).toEqual({ kind: 'missing' });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      expect(await remaining(b)).toBeLessThanOrEqual(TTL);
      await ask.release(b, 'owner');
      expect(await ask.extend([a, b], 'owner', TTL * 10)).toEqual({ kind: 'missing' });
      for (const key of [a, b]) expect(await ask.inspect(key)).toEqual({ kind: 'free' });
    });

    it.each(['extend', 'repair'] as const)(
      'writes nothing when another owner has taken a key (%s)',
      async (verb) => {
        await ask.grant(b, 'owner');
        await ask.grant(c, 'other', TTL * 2);
        const reply = await ask[verb]([a, b, c], 'owner', TTL * 10);
        expect(reply).toMatchObject({ kind: 'taken' });
        expect((reply as { remaining: number }).remaining).toBeGreaterThan(TTL);
        expect(await ask.inspect(a)).toEqual({ kind: 'free' });
        expect(await remaining(b)).toBeLessThanOrEqual(TTL);
        expect(await remaining(c)).toBeLessThanOrEqual(TTL * 2);
        await ask.release(b, 'owner');
        await ask.release(c, 'other');
      },
    );

    it('deletes only keys of the owner who releases', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.release(a, 'other')).toEqual({ kind: 'absent' });
      expect(await ask.inspect(a)).toMatchObject({ ownerToken: 'owner' });
      expect(await ask.release(a, 'owner')).toEqual({ kind: 'released' });
    });

    it('calls a release absent when the lock was not whole any more', async () => {
      await ask.grant([a, c], 'owner');
      await ask.grant(b, 'other');
      expect(await ask.release([a, b, c], 'owner')).toEqual({ kind: 'absent' });
      for (const key of [a, c]) expect(await ask.inspect(key)).toEqual({ kind: 'free' });
      expect(await ask.release(b, 'other')).toEqual({ kind: 'released' });
    });

    it('keeps the order of requests made in one tick', async () => {
      const replies = await Promise.all([
        ask.grant(a, 'owner'),
        ask.inspect(a),
        ask.release(a, 'owner'),
        ask.inspect(a),
        ask.grant([a, b], 'next'),
        ask.grant(b, 'owner'),
        ask.extend(b, 'owner'),
        ask.release([a, b], 'next'),
      ]);
      const kinds = 'granted held released free granted denied taken released';
      expect(replies.map(({ kind }) => kind).join(' ')).toBe(kinds);
    });

    it('answers each of many requests of one tick for itself', async () => {
      const keys = Array.from({ length: 300 }, (_, index) => `${PREFIX}${index}`);
      const grants = await Promise.all(keys.map((key) => ask.grant([key, `${key}'`], `owner of ${key}`)));
      expect(new Set(grants.map(({ kind }) => kind))).toEqual(new Set(['granted']));
      const owners = await Promise.all(keys.map((key) => ask.inspect(key)));
      expect(owners).toEqual(keys.map((key) => expect.objectContaining({ ownerToken: `owner of ${key}` })));
      const releases = await Promise.all(
        keys.map((key, index) => ask.release([key, `${key}'`], index % 2 ? 'nobody' : `owner of ${key}`)),
      );
      const expected = keys.map((_, index) => (index % 2 ? 'absent' : 'released'));
      expect(releases.map(({ kind }) => kind)).toEqual(expected);
      await Promise.all(keys.map((key) => ask.release([key, `${key}'`], `owner of ${key}`)));
    });

    it.each([
      ['a space', 'a b'],
      ['line ends', 'a\r\n$3\r\nb'],
      ['a NUL', 'a\0b'],
      ['what UTF-8 needs several bytes for', 'ключ 锁 🔒'],
      ['64 kB', 'x'.repeat(65_536)],
      ['an opening brace', 'a{b'],
      ['a closing brace', 'a}b'],
      ['empty braces', 'a{}b'],
      ['a hash tag', 'a{b}c'],
      ['nested braces', 'a{{b}}c'],
      ['a glob', '*'],
    ])('takes a key with %s', async (_what, text) => {
      const key = `lock:${text}`;
      expect(await ask.grant(key, 'owner')).toEqual({ kind: 'granted' });
      expect(await ask.inspect(key)).toMatchObject({ kind: 'held', ownerToken: 'owner' });
      expect(await ask.grant(key, 'other')).toMatchObject({ kind: 'denied' });
      expect(await ask.extend(key, 'owner', TTL * 2)).toEqual({ kind: 'extended' });
      expect(await ask.release(key, 'owner')).toEqual({ kind: 'released' });
    });

    it('answers at once while it cannot be reached', async () => {
      await reached(ask, a);
      const heal = await backend.outage(ask.node);
      const refused = { kind: 'unreachable', cause: expect.any(Error), maybeExecuted: false };
      await eventually(async () => sentNothing(await ask.inspect(a)));
      expect(await ask.grant(a, 'owner')).toEqual(refused);
      expect(await ask.extend(a, 'owner')).toEqual(refused);
      await heal();
      await reached(ask, a);
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
    });

    it('makes up for a release that it could not hear, before anything newer', async () => {
      await ask.grant([a, b], 'owner');
      const heal = await backend.outage(ask.node);
      expect(await ask.release([a, b], 'owner')).toMatchObject({ kind: 'unreachable' });
      await heal();
      expect(await eventually(async () => heard(await ask.grant([a, b], 'next')))).toEqual({
        kind: 'granted',
      });
      expect(await ask.release([a, b], 'next')).toEqual({ kind: 'released' });
    });

    it('answers unreachable once it is closed', async () => {
      await reached(ask, a);
      await ask.node.close(1_000);
      const refused = { kind: 'unreachable', cause: expect.any(Error), maybeExecuted: false };
      expect(await ask.grant(a, 'owner')).toEqual(refused);
      expect(await ask.extend(a, 'owner')).toEqual(refused);
      expect(await ask.inspect(a)).toEqual(refused);
      expect(await ask.release(a, 'owner')).toMatchObject({ kind: 'unreachable' });
    });

    it('sends what was asked before it is closed', async () => {
      await ask.grant(a, 'owner');
      const release = ask.release(a, 'owner');
      await ask.node.close(10_000);
      expect(await release).toEqual({ kind: 'released' });
    });

    async function remaining(key: string): Promise<number> {
      const reply = await ask.inspect(key);
      return reply.kind === 'held' ? reply.remaining : 0;
    }
  });
}

function reached(ask: Asker, key: string): Promise<true> {
  return eventually(async () => ((await ask.inspect(key)).kind === 'unreachable' ? undefined : true));
}

function again(reply: GrantReply): GrantReply | undefined {
  return reply.kind === 'denied' ? undefined : reply;
}

function heard(reply: GrantReply): GrantReply | undefined {
  return reply.kind === 'unreachable' ? undefined : reply;
}

function sentNothing(reply: InspectReply): true | undefined {
  return reply.kind === 'unreachable' && !reply.maybeExecuted ? true : undefined;
}
