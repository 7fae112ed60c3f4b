import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Place, Waiter } from '../../src/node/lock-node.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { Ear } from './ear.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import { tokenOf } from './token.ts';

const HOLDER = tokenOf(1, 1);
/** The names of those who wait, and the tokens with which they ask. */
const FIRST = tokenOf(2, 0);
const SECOND = tokenOf(3, 0);
const THIRD = tokenOf(4, 0);
const NAMES = [FIRST, SECOND, THIRD];

/** In µs. Each has come later than the one before by this, whatever the time that passes between their requests. */
const A_SECOND = 1_000_000;

/** The lines of waiters that a node keeps, over one implementation. */
export function describeLineConformance(name: string, start: () => Promise<Backend>): void {
  describe(`the lines at ${name}`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b] = ['line:a', 'line:b'].map((key) => PREFIX + key) as [string, string];

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(async () => {
      ask = new Asker(backend.createNode());
      await ask.inspect(a);
    });
    afterEach(async () => {
      for (const each of [HOLDER, ...NAMES]) await ask.release([a, b], each, leaving(each));
      await ask.node.close(1_000);
      expect(ask.answered).toBe(ask.asked);
      await expectNoKeys(backend.servers);
    });

    async function listen(waiter: string, key = a): Promise<Ear> {
      const ear = new Ear(ask.node, waiter, key);
      await ear.told('live');
      return ear;
    }

    /** They stand one after the other; each asks with its name as its token, too. */
    async function line(...waiters: string[]): Promise<number[]> {
      const places: number[] = [];
      for (const waiter of waiters) {
        const since = (NAMES.indexOf(waiter) - NAMES.length) * A_SECOND;
        const reply = await ask.stand(a, waiter, waiter, { since });
        places.push(reply.kind === 'denied' ? (reply.place?.since ?? Number.NaN) : Number.NaN);
      }
      return places;
    }

    /** Where somebody stands who asks; the key must not be free. */
    async function placeOf(waiter: string, how: { reservation: number; since?: number }): Promise<Place> {
      const reply = await ask.stand(a, waiter, waiter, how);
      if (reply.kind !== 'denied' || !reply.place) throw new Error(`no place: ${reply.kind}`);
      return reply.place;
    }

    const place = async (waiter: string): Promise<unknown> => {
      const reply = await ask.stand(a, waiter, waiter);
      return reply.kind === 'denied' ? reply.place?.position : reply.kind;
    };

    it('are not for those who get the key at once', async () => {
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
      expect(await ask.inspect(a)).toMatchObject({ kind: 'held', ownerToken: FIRST });
      expect(await ask.release(a, FIRST)).toEqual({ kind: 'released' });
      expect(await ask.grant(a, HOLDER)).toEqual({ kind: 'granted' });
    });

    it('take those who are denied, first come, first served', async () => {
      await ask.grant(a, HOLDER);
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({
        kind: 'denied',
        remaining: expect.toSatisfy((ms: number) => ms > TTL / 2 && ms <= TTL),
        key: a,
        owner: ownerOf(HOLDER),
        place: { position: 0, since: expect.any(Number) },
      });
      expect(await ask.stand(a, SECOND, SECOND)).toMatchObject({ place: { position: 1 } });
    });

    it('are in the order of time by the clock of the server, in µs', async () => {
      await ask.grant(a, HOLDER);
      const reply = await ask.stand(a, FIRST, FIRST, { since: -10 * A_SECOND });
      const { since = 0 } = (reply as { place?: Place }).place ?? {};
      expect(Number.isInteger(since)).toBe(true);
      expect(Math.abs(Date.now() - since / 1_000 - 10_000)).toBeLessThan(5_000);
    });

    it('take somebody in front of those who have waited for a shorter time', async () => {
      await ask.grant(a, HOLDER);
      await line(THIRD, SECOND);
      expect([await place(SECOND), await place(THIRD)]).toEqual([0, 1]);
      await line(FIRST);
      expect([await place(FIRST), await place(SECOND), await place(THIRD)]).toEqual([0, 1, 2]);
    });

    it('take somebody back to the place that it was told', async () => {
      await ask.grant(a, HOLDER);
      const [since = 0] = await line(FIRST, SECOND, THIRD);
      await ask.release(a, 'nobody', leaving(FIRST));
      expect(await place(SECOND)).toBe(0);
      expect(await ask.stand(a, FIRST, FIRST, { since })).toMatchObject({ place: { position: 0, since } });
    });

    it('keep a place for those who ask again, whatever they say', async () => {
      await ask.grant(a, HOLDER);
      const [since = 0] = await line(FIRST, SECOND);
      for (const other of [since + 10 * A_SECOND, -A_SECOND * 60, 1, 0])
        expect(await ask.stand(a, FIRST, FIRST, { since: other })).toMatchObject({
          place: { position: 0, since },
        });
    });

    it('give a key that is released to the first, and tell the second', async () => {
      const [first, second, third] = [await listen(FIRST), await listen(SECOND), await listen(THIRD)];
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND, THIRD);
      await ask.release(a, HOLDER);
      await first.told('turn');
      await second.told('next');
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
      await ask.release(a, FIRST);
      await second.told('turn');
      await third.told('next');
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ kind: 'granted' });
      await ask.release(a, SECOND);
      await third.told('turn');
      expect(await ask.stand(a, THIRD, THIRD)).toEqual({ kind: 'granted' });
      expect([first.heard, second.heard, third.heard]).toEqual([
        ['live', 'turn'],
        ['live', 'next', 'turn'],
        ['live', 'next', 'turn'],
      ]);
    });

    it('keep the key for the one whose turn it is, and it is nobody’s lock', async () => {
      await listen(FIRST);
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER, { reservation: 20_000 });
      const denied = { kind: 'denied', key: a, isReserved: true };
      const remaining = expect.toSatisfy((ms: number) => ms > 10_000 && ms <= 20_000);
      expect(await ask.grant(a, HOLDER)).toEqual({ ...denied, remaining });
      const place = { position: 0, since: expect.any(Number) };
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ ...denied, remaining, place });
      expect(await ask.extend(a, HOLDER)).toEqual({ kind: 'taken', remaining });
      expect(await ask.repair(a, HOLDER)).toEqual({ kind: 'taken', remaining });
      expect(await ask.confirm(a, HOLDER, 1)).toEqual({ kind: 'absent' });
      expect(await ask.release(a, HOLDER)).toEqual({ kind: 'absent' });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
    });

    it.each([
      [1, 0],
      [30, 0],
      [31, 1],
      [60, 1],
      [100, 2],
      [240, 3],
      [241, 4],
      [480, 4],
      [481, 5],
      [960, 5],
      [961, 6],
      [1_000, 6],
      [60_000, 6],
    ])(
      'note that somebody needs a key reserved for %d ms, in the last bits of its time',
      async (needed, bits) => {
        await ask.grant(a, HOLDER);
        const { since } = await placeOf(FIRST, { reservation: needed, since: 8_000 });
        expect(since).toBe(8_000 + bits);
        expect((await placeOf(SECOND, { reservation: needed, since: 8_007 })).since).toBe(8_000 + bits);
        expect((await placeOf(THIRD, { reservation: needed, since: -1 })).since % 8).toBe(bits);
      },
    );

    it.each([
      [200, 240],
      [900, 960],
      [961, 1_000],
      [60_000, 1_000],
    ])(
      'keep a key for as long as its heir needs, if the releaser does not need longer: %d ms',
      async (needed, time) => {
        const first = await listen(FIRST);
        await ask.grant(a, HOLDER);
        await ask.stand(a, FIRST, FIRST, { reservation: needed });
        await ask.release(a, HOLDER, { reservation: 1 });
        expect(await ask.grant(a, HOLDER)).toMatchObject({
          isReserved: true,
          remaining: expect.toSatisfy((ms: number) => ms > time / 8 && ms <= time),
        });
        await first.told('turn');
      },
    );

    it('keep the place of somebody who needs a key for longer, or shorter, than before', async () => {
      await listen(FIRST);
      await ask.grant(a, HOLDER);
      const { since } = await placeOf(FIRST, { reservation: 30, since: -2 * A_SECOND });
      await placeOf(SECOND, { reservation: 30, since: -A_SECOND });
      expect(since % 8).toBe(0);
      for (const [reservation, bits] of [
        [60_000, 6],
        [60, 1],
        [30, 0],
        [900, 5],
      ] as const)
        expect(await placeOf(FIRST, { reservation })).toEqual({ position: 0, since: since + bits });
      await ask.release(a, HOLDER, { reservation: 1 });
      expect(await ask.stand(a, SECOND, SECOND, { reservation: 1 })).toMatchObject({
        isReserved: true,
        remaining: expect.toSatisfy((ms: number) => ms > 240 && ms <= 960),
      });
    });

    it('know what somebody needs who has yielded its turn', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      const { since } = await placeOf(FIRST, { reservation: 30, since: -A_SECOND });
      await ask.release(a, HOLDER, { reservation: 1 });
      const waiter = { name: FIRST, key: a, since };
      await ask.release(a, FIRST, { afterwards: 'yield', waiter, reservation: 900 });
      expect(await ask.stand(a, SECOND, SECOND, { reservation: 1 })).toMatchObject({
        isReserved: true,
        remaining: expect.toSatisfy((ms: number) => ms > 240 && ms <= 960),
      });
      await first.told('turn', 2);
    });

    it('serve the next one when a turn is not taken in time', async () => {
      const [, second] = [await listen(FIRST), await listen(SECOND)];
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.stand(a, FIRST, FIRST, { reservation: 1 });
      await ask.release(a, HOLDER, { reservation: 1 });
      await second.told('next');
      // As soon as the reservation has expired; what is denied earlier keeps the place.
      while ((await place(SECOND)) !== 'granted') continue;
    });

    it('pass over those whom nobody hears for, and have them no more', async () => {
      const third = await listen(THIRD);
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND, THIRD);
      await ask.release(a, HOLDER);
      await third.told('turn');
      expect(await ask.stand(a, THIRD, THIRD)).toEqual({ kind: 'granted' });
      expect(await place(SECOND)).toBe(0);
    });

    it('tell the third that it is the next if nobody hears for the second, and have the second no more', async () => {
      const [first, third] = [await listen(FIRST), await listen(THIRD)];
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND, THIRD);
      await ask.release(a, HOLDER);
      await first.told('turn');
      await third.told('next');
      expect(await place(THIRD)).toBe(0);
    });

    it('tell the third of a turn that is given back if nobody hears for the second', async () => {
      const third = await listen(THIRD);
      await ask.grant(a, HOLDER);
      const [since = 0] = await line(FIRST, SECOND, THIRD);
      await ask.release(a, 'unheard of', { afterwards: 'yield', waiter: { name: FIRST, key: a, since } });
      await third.told('next');
      expect([await place(FIRST), await place(THIRD)]).toEqual([0, 1]);
    });

    it('leave the key free if nobody hears', async () => {
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER);
      expect(await ask.grant(a, HOLDER)).toEqual({ kind: 'granted' });
    });

    it('are served by a release that has found nothing, if the key is free', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      await line(FIRST);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      expect(await ask.release(a, 'another')).toEqual({ kind: 'absent' });
      await first.told('turn');
      expect(await ask.grant(a, HOLDER)).toMatchObject({ isReserved: true });
    });

    it('are not served by a release that leaves another owner’s key', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      await line(FIRST);
      expect(await ask.release(a, 'another')).toEqual({ kind: 'absent' });
      expect(await place(FIRST)).toBe(0);
      expect(first.heard).toEqual(['live']);
    });

    it('are not asked when the key is handed over in one process', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      await line(FIRST);
      const replies = await Promise.all([
        ask.release(a, HOLDER, { afterwards: 'hand over' }),
        ask.grant(a, tokenOf(1, 2)),
      ]);
      expect(replies).toEqual([{ kind: 'released' }, { kind: 'granted' }]);
      expect(await place(FIRST)).toBe(0);
      await ask.release(a, tokenOf(1, 2));
      await first.told('turn');
      expect(first.heard).toEqual(['live', 'turn']);
    });

    it('are respected by those who stand: a free key goes to the first', async () => {
      const first = await listen(FIRST);
      await listen(SECOND);
      await ask.grant(a, HOLDER);
      await line(FIRST);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      expect(await ask.stand(a, SECOND, SECOND, { reservation: 20_000 })).toEqual({
        kind: 'denied',
        remaining: expect.toSatisfy((ms: number) => ms > 10_000 && ms <= 20_000),
        key: a,
        isReserved: true,
        place: { position: 0, since: expect.any(Number) },
      });
      await first.told('turn');
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
    });

    it('give a free key to the first that stands again', async () => {
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
      expect(await place(SECOND)).toBe(0);
    });

    it('give a turn to somebody behind those whom nobody hears for', async () => {
      const third = await listen(THIRD);
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      const denied = { kind: 'denied', remaining: expect.any(Number), key: a, isReserved: true };
      expect(await ask.stand(a, THIRD, THIRD)).toEqual(denied);
      await third.told('turn');
      expect(await ask.stand(a, THIRD, THIRD)).toEqual({ kind: 'granted' });
    });

    it('tell somebody whom nobody hears for to ask again', async () => {
      await ask.grant(a, HOLDER);
      await line(FIRST);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      const denied = { kind: 'denied', remaining: 0, key: a, isReserved: true };
      expect(await ask.stand(a, SECOND, SECOND)).toEqual(denied);
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ kind: 'granted' });
    });

    it('are nothing to a grant that nobody waits for', async () => {
      await listen(FIRST);
      await ask.grant(a, HOLDER);
      await line(FIRST);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      expect(await ask.grant(a, 'passer-by')).toEqual({ kind: 'granted' });
      await ask.release(a, 'passer-by', { afterwards: 'hand over' });
    });

    it('take somebody back who yields its turn, and serve nobody', async () => {
      const [first, second, third] = [await listen(FIRST), await listen(SECOND), await listen(THIRD)];
      await ask.grant(a, HOLDER);
      const [since = 0] = await line(FIRST, SECOND, THIRD);
      await ask.release(a, HOLDER);
      await first.told('turn');
      await ask.stand(a, FIRST, FIRST, { since });
      const waiter = { name: FIRST, key: a, since };
      expect(await ask.release(a, FIRST, { afterwards: 'yield', waiter })).toEqual({ kind: 'released' });
      await second.told('next', 2);
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      expect(await ask.stand(a, FIRST, FIRST, { since: 0 })).toEqual({ kind: 'granted' });
      expect(second.heard).toEqual(['live', 'next', 'next']);
      expect(third.heard).toEqual(['live']);
    });

    it('take a reservation back that is yielded', async () => {
      const second = await listen(SECOND);
      await listen(FIRST);
      await ask.grant(a, HOLDER);
      const [since = 0] = await line(FIRST, SECOND);
      await ask.release(a, HOLDER);
      const waiter = { name: FIRST, key: a, since };
      expect(await ask.release(a, 'unheard of', { afterwards: 'yield', waiter })).toEqual({ kind: 'absent' });
      await second.told('next', 2);
      // The first one has its old place, so the second is told to let it go first.
      expect(await place(SECOND)).toBe(0);
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
    });

    it('let those go who wait no more', async () => {
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      expect(await ask.release(a, 'unheard of', leaving(FIRST))).toEqual({ kind: 'absent' });
      expect(await place(SECOND)).toBe(0);
    });

    it('serve the next one when somebody leaves whose turn it is', async () => {
      const second = await listen(SECOND);
      await listen(FIRST);
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER);
      const then = { afterwards: 'serve', waiter: waiterOf(FIRST) } as const;
      expect(await ask.release(a, 'unheard of', then)).toEqual({ kind: 'absent' });
      await second.told('turn');
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ kind: 'granted' });
    });

    it('serve the next one when somebody leaves and releases', async () => {
      const second = await listen(SECOND);
      await ask.grant(a, FIRST);
      await line(FIRST, SECOND);
      const then = { afterwards: 'serve', waiter: waiterOf(FIRST) } as const;
      expect(await ask.release(a, FIRST, then)).toEqual({ kind: 'released' });
      await second.told('turn');
    });

    it('have somebody no more that has been granted the key', async () => {
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      await ask.stand(a, FIRST, FIRST);
      expect(await place(SECOND)).toBe(0);
    });

    it('count on with the fencing counter', async () => {
      const { counter = 0 } = (await ask.grantAbove(10, a, HOLDER)) as { counter?: number };
      expect(await ask.stand(a, FIRST, FIRST, { hint: 10 })).toMatchObject({
        kind: 'denied',
        place: { position: 0 },
      });
      await listen(FIRST);
      await ask.release(a, HOLDER);
      const granted = { kind: 'granted', counter: counter + 1 };
      expect(await ask.stand(a, FIRST, FIRST, { hint: 10 })).toEqual(granted);
    });

    it('serve each of several keys that are released', async () => {
      const [first, second] = [await listen(FIRST, a), await listen(SECOND, b)];
      await ask.grant([a, b], HOLDER);
      await ask.stand(a, FIRST, FIRST);
      await ask.stand(b, SECOND, SECOND);
      await ask.release([a, b], HOLDER);
      await first.told('turn');
      await second.told('turn');
      expect(await ask.stand(b, SECOND, SECOND)).toEqual({ kind: 'granted' });
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
    });

    it('take one who wants several keys at the one that it names, and name the one that expires last', async () => {
      await ask.grant(a, HOLDER, TTL);
      await ask.grant(b, 'by hand', TTL * 2);
      const position = { place: { position: 0, since: expect.any(Number) } };
      const denied = { kind: 'denied', key: b, remaining: expect.any(Number), foreign: 'value' };
      expect(await ask.stand([a, b], FIRST, FIRST, { key: a })).toEqual({ ...denied, ...position });
      expect(await ask.stand([a, b], FIRST, FIRST, { key: b })).toEqual({ ...denied, ...position });
      await ask.release(b, 'by hand', { afterwards: 'hand over' });
      // In one line at a time.
      expect(await place(SECOND)).toBe(0);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
    });

    it('take nobody at a key that another one denies', async () => {
      await ask.grant(b, HOLDER);
      const denied = { kind: 'denied', key: b, remaining: expect.any(Number), owner: ownerOf(HOLDER) };
      expect(await ask.stand([a, b], FIRST, FIRST, { key: a })).toEqual(denied);
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ kind: 'granted' });
    });

    it('serve a key that was reserved for one whom another key is denied to', async () => {
      await listen(FIRST);
      const second = await listen(SECOND);
      await ask.grant(a, HOLDER);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER);
      await ask.grant(b, HOLDER);
      expect(await ask.stand([a, b], FIRST, FIRST, { key: b })).toMatchObject({
        kind: 'denied',
        key: b,
        owner: ownerOf(HOLDER),
        place: { position: 0 },
      });
      await second.told('turn');
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ kind: 'granted' });
    });

    it('serve a free key when its first one goes to another key’s line', async () => {
      await ask.grant(a, HOLDER);
      const second = await listen(SECOND);
      await line(FIRST, SECOND);
      await ask.release(a, HOLDER, { afterwards: 'hand over' });
      await ask.grant(b, HOLDER);
      expect(await ask.stand([a, b], FIRST, FIRST, { key: b })).toMatchObject({ kind: 'denied', key: b });
      await second.told('turn');
    });

    it('give several keys to one whose turn it is at one of them', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      expect(await ask.stand([a, b], FIRST, FIRST, { key: a })).toMatchObject({ kind: 'denied', key: a });
      await ask.release(a, HOLDER);
      await first.told('turn');
      expect(await ask.stand([a, b], FIRST, FIRST, { key: a, hint: 4 })).toEqual({
        kind: 'granted',
        counter: expect.any(Number),
      });
      for (const key of [a, b]) expect(await ask.inspect(key)).toMatchObject({ ownerToken: FIRST });
    });

    it('serve the other keys of one who yields at one of them', async () => {
      const [second, third] = [await listen(SECOND, a), await listen(THIRD, b)];
      await ask.grant([a, b], FIRST);
      await line(SECOND);
      await ask.stand(b, THIRD, THIRD);
      const waiter = { name: FIRST, key: a, since: -10 * A_SECOND };
      expect(await ask.release([a, b], FIRST, { afterwards: 'yield', waiter })).toEqual({ kind: 'released' });
      await second.told('next');
      await third.told('turn');
      expect(second.heard).toEqual(['live', 'next']);
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
    });

    function waiterOf(waiter: string): Waiter {
      return { name: waiter, key: a, since: 0 };
    }

    function leaving(waiter: string): { afterwards: 'hand over'; waiter: Waiter } {
      return { afterwards: 'hand over', waiter: waiterOf(waiter) };
    }
  });
}
