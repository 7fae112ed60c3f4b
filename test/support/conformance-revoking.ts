import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { tombstoneOf } from '../../src/node/owner.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { expectNoKeys } from './expect-no-keys.ts';

const OWNER = `${'ab'.repeat(20)}@api/1`;
const OTHER = 'cd'.repeat(20);
const TOMBSTONE = tombstoneOf('ops');

/** What the port promises about taking a lock away, over one implementation. */
export function describeRevokingConformance(name: string, start: () => Promise<Backend>): void {
  describe(`${name} as a lock node whose locks are revoked`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b] = ['a', 'b'].map((key) => PREFIX + key) as [string, string];

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

    /** A tombstone is nobody's; but its token is enough to delete it. */
    async function bury(...keys: string[]): Promise<void> {
      for (const key of keys) await ask.release(key, TOMBSTONE);
    }

    it('puts a tombstone in place of a lock, which expires when the lock would have', async () => {
      await ask.grant(a, OWNER);
      const reply = await ask.revoke(a, TOMBSTONE);
      expect(reply).toEqual({ kind: 'revoked', remaining: expect.any(Number), ownerToken: OWNER });
      const found = await ask.inspect(a);
      expect(found).toMatchObject({ kind: 'held', ownerToken: TOMBSTONE });
      const { remaining } = found as { remaining: number };
      expect(remaining).toSatisfy((ms: number) => ms > TTL / 2 && ms <= TTL);
      await bury(a);
    });

    it('keeps everybody out by it, and says so', async () => {
      await ask.grant([a, b], OWNER);
      await ask.revoke(a, TOMBSTONE);
      const owner = '0'.repeat(16);
      expect(await ask.grant(a, OTHER)).toMatchObject({ kind: 'denied', owner, key: a });
      expect(await ask.extend([a, b], OWNER)).toMatchObject({ kind: 'taken', owner });
      expect(await ask.repair([a, b], OWNER)).toMatchObject({ kind: 'taken', owner });
      expect(await ask.release([a, b], OWNER)).toEqual({ kind: 'absent' });
      expect(await ask.inspect(a)).toMatchObject({ ownerToken: TOMBSTONE });
      expect(await ask.inspect(b)).toEqual({ kind: 'free' });
      await bury(a);
    });

    it('leaves a free key free, unless it is to have a tombstone for a time', async () => {
      expect(await ask.revoke(a, TOMBSTONE)).toEqual({ kind: 'absent' });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      expect(await ask.revoke(a, TOMBSTONE, TTL)).toEqual({ kind: 'revoked', remaining: expect.any(Number) });
      expect(await ask.inspect(a)).toMatchObject({ ownerToken: TOMBSTONE });
      await bury(a);
    });

    it('keeps a tombstone that is there already', async () => {
      await ask.grant(a, OWNER);
      await ask.revoke(a, TOMBSTONE);
      const again = await ask.revoke(a, tombstoneOf('somebody-else'), 10 * TTL);
      expect(again).toMatchObject({ kind: 'revoked', ownerToken: TOMBSTONE });
      expect((again as { remaining: number }).remaining).toBeLessThanOrEqual(TTL);
      expect(await ask.inspect(a)).toMatchObject({ ownerToken: TOMBSTONE });
      await bury(a);
    });

    it.each(['0'.repeat(16), `${'0'.repeat(40)}!`, `${'0'.repeat(40)}@${'x'.repeat(65)}`])(
      'takes no other value for a tombstone: %s',
      async (owner) => {
        await ask.grant(a, owner);
        await ask.revoke(a, TOMBSTONE);
        expect(await ask.inspect(a)).toMatchObject({ ownerToken: TOMBSTONE });
        await bury(a);
      },
    );

    it('counts a key that is reserved for a waiter as free', async () => {
      await ask.grant(a, OWNER);
      await ask.stand(a, OTHER, 'f'.repeat(40));
      await ask.revoke(a, TOMBSTONE);
      await bury(a);
      expect(await ask.revoke(a, TOMBSTONE)).toEqual({ kind: 'absent' });
      await ask.release(a, 'nobody', { waiter: { name: 'f'.repeat(40), key: a, since: 0 } });
    });

    it('tells the fencing counter of a lock', async () => {
      const reply = await ask.grantAbove(Date.now() * 1_000, a, OWNER);
      const { counter } = reply as { counter: number };
      expect(await ask.inspect(a)).toMatchObject({ kind: 'held', ownerToken: OWNER, counter });
      await ask.release(a, OWNER);
    });
  });
}
