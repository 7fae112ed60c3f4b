import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { eventually } from './eventually.ts';
import { expectNoKeys } from './expect-no-keys.ts';

/** The last fencing token that there is: what clocks show, in µs since 1970, as the year 2200 begins. */
export const LAST: number = Date.UTC(2200, 0) * 1_000;

const HOUR = 3_600_000_000;
const MINUTE = 60_000_000;

function microseconds(): number {
  return Date.now() * 1_000;
}

/** What the port promises of fencing counters, over one implementation. */
export function describeFencingConformance(name: string, start: () => Promise<Backend>): void {
  describe(`${name} with fencing counters`, () => {
    let backend: Backend;
    let ask: Asker;
    let a: string;
    let b: string;
    let c: string;
    let serial = 0;

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(() => {
      ask = new Asker(backend.createNode());
      // Counters outlive locks, so each test has keys of its own.
      serial++;
      [a, b, c] = ['a', 'b', 'c'].map((key) => `${PREFIX}fence:${serial}${key}`) as [string, string, string];
    });
    afterEach(async () => {
      await ask.node.close(1_000);
      expect(ask.answered).toBe(ask.asked);
      await expectNoKeys(backend.servers);
    });

    /** Grants keys above a hint and releases them again; the counter that it came to. */
    async function counter(keys: string | string[], hint = 0): Promise<number | undefined> {
      const reply = await ask.grantAbove(hint, keys, 'reader');
      expect(reply.kind).toBe('granted');
      expect(await ask.release(keys, 'reader')).toEqual({ kind: 'released' });
      return reply.kind === 'granted' ? reply.counter : undefined;
    }

    /** Puts the counter of a key there. */
    async function put(key: string, value: number): Promise<void> {
      await ask.grant(key, 'writer');
      expect(await ask.confirm(key, 'writer', value)).toEqual({ kind: 'confirmed' });
      await ask.release(key, 'writer');
    }

    it('counts on from the hint, or from where it was', async () => {
      const counters: unknown[] = [];
      for (const hint of [100, 100, 50, 102, 103, 104, 200, 0]) counters.push(await counter(a, hint));
      expect(counters).toEqual([101, 102, 103, 104, 105, 106, 201, 202]);
    });

    it('takes the clock of a client that is right as the hint', async () => {
      const hint = microseconds();
      expect(await counter(a, hint)).toBe(hint + 1);
      expect(await counter(a, hint)).toBe(hint + 2);
    });

    it('takes a hint of up to an hour from where it was', async () => {
      const now = microseconds();
      await put(a, now);
      expect(await counter(a, now + HOUR)).toBe(now + HOUR + 1);
      expect(await counter(a, now + 2 * HOUR + 1)).toBe(now + 2 * HOUR + 2);
      await put(b, LAST - HOUR);
      expect(await counter(b, LAST - 1)).toBe(LAST);
    });

    it('takes a hint of almost an hour from now when there was none', async () => {
      const hint = microseconds() + HOUR - MINUTE;
      expect(await counter(a, hint)).toBe(hint + 1);
    });

    it.each([
      ['nothing', 0, 2 * HOUR],
      ['long ago', 1_000, HOUR + MINUTE],
      ['a moment ago', microseconds(), 2 * HOUR],
      ['10 hours from now', microseconds() + 10 * HOUR, 12 * HOUR],
    ])(
      'gives no number above a hint that is far from now and from where it was: %s',
      async (_where, from, ahead) => {
        if (from > 0) for (const key of [a, b]) await put(key, from);
        const refused = { kind: 'unusable', why: expect.stringContaining('the clock of this server') };
        for (const keys of [a, [a, b]])
          expect(await ask.grantAbove(microseconds() + ahead, keys, 'owner')).toEqual(refused);
        for (const key of [a, b]) expect(await ask.inspect(key)).toEqual({ kind: 'free' });
        expect(await counter([a, b], 5)).toBe(Math.max(from, 5) + 1);
      },
    );

    it('takes no hint of the end of all counters, but for one that is almost there', async () => {
      expect(await ask.grantAbove(LAST - 1, a, 'owner')).toMatchObject({ kind: 'unusable' });
      await put(b, LAST - 1_000);
      expect(await counter(b, LAST - 10)).toBe(LAST - 9);
    });

    it('never goes back because the clock does', async () => {
      const ahead = microseconds() + 20 * HOUR;
      await put(a, ahead);
      expect(await counter(a, microseconds())).toBe(ahead + 1);
      expect(await counter(a, ahead + HOUR)).toBe(ahead + HOUR + 1);
    });

    it('is one for several keys, above that of each', async () => {
      await put(a, 10);
      await put(b, 20);
      expect(await counter([a, b, c], 5)).toBe(21);
      expect([await counter(a), await counter(b), await counter(c)]).toEqual([22, 22, 22]);
      expect(await counter([a, b], 400)).toBe(401);
    });

    it('stays where it is without a hint', async () => {
      await put(a, 10);
      expect(await ask.grant([a, b], 'owner')).toEqual({ kind: 'granted' });
      await ask.release([a, b], 'owner');
      expect([await counter(a), await counter(b)]).toEqual([11, 1]);
    });

    it('stays where it is when a grant is denied', async () => {
      await ask.grantAbove(10, b, 'owner');
      expect(await ask.grantAbove(50, b, 'other')).toMatchObject({ kind: 'denied' });
      expect(await ask.grantAbove(50, [a, b], 'other')).toMatchObject({ kind: 'denied' });
      await ask.release(b, 'owner');
      expect([await counter(a), await counter(b)]).toEqual([1, 12]);
    });

    it('is raised by the owner who confirms a token', async () => {
      await ask.grantAbove(0, [a, b], 'owner');
      expect(await ask.confirm([a, b], 'owner', 500)).toEqual({ kind: 'confirmed' });
      await ask.release([a, b], 'owner');
      expect([await counter(a), await counter(b)]).toEqual([501, 501]);
    });

    it('is not lowered by a token', async () => {
      await put(a, 100);
      await ask.grant([a, b], 'owner');
      expect(await ask.confirm([a, b], 'owner', 50)).toEqual({ kind: 'confirmed' });
      expect(await ask.extend([a, b], 'owner', TTL, 70)).toEqual({ kind: 'extended' });
      await ask.release([a, b], 'owner');
      expect([await counter(a), await counter(b)]).toEqual([101, 71]);
    });

    it('is raised for nobody but the owner', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.confirm(a, 'other', 500)).toEqual({ kind: 'absent' });
      expect(await ask.confirm(b, 'owner', 500)).toEqual({ kind: 'absent' });
      await ask.release(a, 'owner');
      expect([await counter(a), await counter(b)]).toEqual([1, 1]);
    });

    it('is raised for all keys of the owner or for none', async () => {
      await ask.grant([a, c], 'owner');
      await ask.grant(b, 'other');
      expect(await ask.confirm([a, b], 'owner', 500)).toEqual({ kind: 'absent' });
      await ask.release([a, c], 'owner');
      await ask.release(b, 'other');
      expect([await counter(a), await counter(b)]).toEqual([1, 1]);
    });

    it('is not raised after the owner has released', async () => {
      await ask.grant(a, 'owner');
      const replies = await Promise.all([ask.release(a, 'owner'), ask.confirm(a, 'owner', 500)]);
      expect(replies).toEqual([{ kind: 'released' }, { kind: 'absent' }]);
      expect(await counter(a)).toBe(1);
    });

    it('is raised by an extension', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.extend(a, 'owner', TTL, 500)).toEqual({ kind: 'extended' });
      await ask.release(a, 'owner');
      expect(await counter(a)).toBe(501);
    });

    it('is raised by a repair, so that no later holder gets a smaller token', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.repair([a, b], 'owner', TTL, 500)).toEqual({ kind: 'repaired' });
      await ask.release([a, b], 'owner');
      expect([await counter(a), await counter(b)]).toEqual([501, 501]);
    });

    it('is not raised by an extension of a lock of which a key is missing', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.extend([a, b], 'owner', TTL, 500)).toEqual({ kind: 'missing' });
      await ask.release(a, 'owner');
      expect([await counter(a), await counter(b)]).toEqual([1, 1]);
    });

    it.each(['extend', 'repair'] as const)(
      'is not raised where another owner is in the way (%s)',
      async (verb) => {
        await ask.grant(a, 'owner');
        await ask.grant(b, 'other');
        expect(await ask[verb]([a, b], 'owner', TTL, 500)).toMatchObject({ kind: 'taken' });
        await ask.release(a, 'owner');
        await ask.release(b, 'other');
        expect([await counter(a), await counter(b)]).toEqual([1, 1]);
      },
    );

    it('stays where it is in an extension without fencing', async () => {
      await ask.repair(a, 'owner');
      await ask.release(a, 'owner');
      expect(await counter(a)).toBe(1);
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
    ])('is kept for a key with %s, unless that is refused at once', async (_what, text) => {
      const key = `lock:${serial}${text}`;
      if (ask.node.objection([key]) !== undefined) return;
      expect(await counter(key, 10)).toBe(11);
      expect(await ask.repair(key, 'owner', TTL, 20)).toEqual({ kind: 'repaired' });
      expect(await ask.confirm(key, 'owner', 30)).toEqual({ kind: 'confirmed' });
      expect(await ask.release(key, 'owner')).toEqual({ kind: 'released' });
      expect(await counter(key)).toBe(31);
    });

    it('is kept for each of as many keys as a lock may have', async () => {
      const keys = Array.from({ length: 1_000 }, (_, i) => `${a}:${i}`);
      await put(keys[500] as string, 50);
      expect(await counter(keys)).toBe(51);
      expect(await ask.repair(keys, 'owner', TTL, 90)).toEqual({ kind: 'repaired' });
      expect(await ask.release(keys, 'owner')).toEqual({ kind: 'released' });
      expect([await counter(keys[0] as string), await counter(keys[999] as string)]).toEqual([91, 91]);
    });

    it('outlives the lock', async () => {
      await ask.grantAbove(10, a, 'owner', 1);
      await eventually(async () => ((await ask.inspect(a)).kind === 'free' ? true : undefined));
      expect(await counter(a)).toBe(12);
    });

    it('is exact to the last token', async () => {
      await put(a, LAST - 4);
      const counters: unknown[] = [];
      for (let i = 0; i < 4; i++) counters.push(await counter(a));
      expect(counters).toEqual([LAST - 3, LAST - 2, LAST - 1, LAST]);
    });

    it('is exact to the last token when a hint is ahead of it', async () => {
      await put(a, LAST - 9);
      expect(await counter(a, LAST - 7)).toBe(LAST - 6);
      expect(await counter(a, LAST - 1)).toBe(LAST);
    });

    it('gives no token after the last one, and sets nothing', async () => {
      await put(a, LAST);
      const refused = { kind: 'unusable', why: 'ERR no fencing token is left: the counter is at its end' };
      expect(await ask.grantAbove(0, a, 'owner')).toEqual(refused);
      expect(await ask.grantAbove(LAST - 1, a, 'owner')).toEqual(refused);
      expect(await ask.grantAbove(0, [b, a, c], 'owner')).toEqual(refused);
      for (const key of [a, b, c]) expect(await ask.inspect(key)).toEqual({ kind: 'free' });
      expect([await counter(b), await counter(c)]).toEqual([1, 1]);
      expect(await ask.grantAbove(0, a, 'owner')).toEqual(refused);
    });

    it('can be at its end for whoever holds the lock', async () => {
      await ask.grant(a, 'owner');
      expect(await ask.confirm(a, 'owner', LAST)).toEqual({ kind: 'confirmed' });
      expect(await ask.extend(a, 'owner', TTL, LAST)).toEqual({ kind: 'extended' });
      expect(await ask.release(a, 'owner')).toEqual({ kind: 'released' });
    });

    it('at its end fails no neighbour of one tick', async () => {
      await put(b, LAST);
      const replies = await Promise.all([
        ask.grantAbove(0, a, 'owner'),
        ask.grantAbove(0, b, 'owner'),
        ask.grantAbove(0, c, 'owner'),
        ask.confirm(a, 'owner', 7),
        ask.release([a], 'owner'),
        ask.release([c], 'owner'),
      ]);
      expect(replies.map(({ kind }) => kind)).toEqual([
        'granted',
        'unusable',
        'granted',
        'confirmed',
        'released',
        'released',
      ]);
    });
  });
}
