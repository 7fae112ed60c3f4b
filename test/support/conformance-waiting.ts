import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { InboxListener, LockNode, Place, ReleaseRequest } from '../../src/node/lock-node.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { eventually } from './eventually.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import { tokenOf } from './token.ts';

const TOKEN = tokenOf(1, 1);

/** The names of waiters. */
const NAMES = ['1', '2', '3'].map((digit) => digit.repeat(40)) as [string, string, string];

/** A listener that writes down what a waiter is told about a key. */
class Ear {
  readonly heard: (keyof InboxListener)[] = [];
  readonly end: () => void;

  constructor(node: LockNode, waiter: string, key: string) {
    const note = (what: keyof InboxListener) => (): void => void this.heard.push(what);
    this.end = node.openInbox(waiter, key, {
      live: note('live'),
      deaf: note('deaf'),
      turn: note('turn'),
      next: note('next'),
    });
  }

  /** What was heard, once this was the last of it. */
  until(what: keyof InboxListener): Promise<(keyof InboxListener)[]> {
    return eventually(async () => (this.heard.at(-1) === what ? this.heard : undefined));
  }
}

/** What the port promises to those who wait for a lock, over one implementation. */
export function describeWaitingConformance(name: string, start: () => Promise<Backend>): void {
  describe(`those who wait at ${name}`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b] = ['a', 'b'].map((key) => PREFIX + key) as [string, string];
    const spaced = `${PREFIX}with  spaces`;
    const [first, second, third] = NAMES;

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(async () => {
      ask = new Asker(backend.createNode());
      await ask.inspect(a);
    });
    afterEach(async () => {
      for (const waiter of NAMES) await leave(waiter, [a, b, spaced]);
      await ask.node.close(1_000);
      await expectNoKeys(backend.servers);
    });

    async function listening(waiter: string, key = a): Promise<Ear> {
      const ear = new Ear(ask.node, waiter, key);
      expect(ear.heard).toEqual([]);
      await ear.until('live');
      return ear;
    }

    /** Asks for a lock that is denied. Returns the place in line. */
    async function standing(
      waiter: string,
      keys: string | string[] = a,
      key?: string,
    ): Promise<Place | undefined> {
      const reply = await ask.stand(keys, `token of ${waiter}`, waiter, key === undefined ? {} : { key });
      return reply.kind === 'denied' ? reply.place : expect.fail(`not denied, but ${reply.kind}`);
    }

    function leave(waiter: string, keys: string | string[] = a): Promise<unknown> {
      return ask.release(keys, 'nobody', { waiter: { name: waiter, key: [keys].flat()[0] ?? a, since: 0 } });
    }

    function yieldOf(waiter: string, { since }: Place = { position: 0, since: 0 }): Partial<ReleaseRequest> {
      return { afterwards: 'yield', waiter: { name: waiter, key: a, since } };
    }

    it.each([TOKEN, `${TOKEN}@l`, `${TOKEN}@!~-${'w'.repeat(61)}`])(
      'learn from a denial whose lock is in their way: %s',
      async (token) => {
        await ask.grant(a, token);
        const denial = await ask.grant(a, 'second');
        expect(denial).toMatchObject({ kind: 'denied', owner: ownerOf(token) });
        expect(denial).not.toHaveProperty('foreign');
        expect(await ask.inspect(a)).not.toHaveProperty('foreign');
        await ask.release(a, token);
      },
    );

    it.each([
      '',
      'by hand',
      TOKEN.slice(1),
      `${TOKEN}0`,
      TOKEN.toUpperCase(),
      TOKEN.replace('1', 'g'),
      `${TOKEN}@`,
      `${TOKEN}@two words`,
      `${TOKEN}@ü`,
      `${TOKEN}@${'w'.repeat(65)}`,
      `${TOKEN}\n`,
      `${TOKEN}@l\n`,
      `\n${TOKEN}`,
      ` ${TOKEN.slice(1)}`,
      // As redlock and redis-semaphore set it.
      '5f4dcc3b5aa765d61d8327deb882cf99',
      'f47ac10b-58cc-4372-a567-0e02b2c3d479',
    ])('learn from a denial that no lock of quorlock is in their way: %j', async (token) => {
      await ask.grant(a, token);
      const denial = await ask.grant(a, 'second');
      expect(denial).toMatchObject({ kind: 'denied', foreign: 'value' });
      expect(denial).not.toHaveProperty('owner');
      expect(await ask.inspect(a)).toMatchObject({ ownerToken: token, foreign: 'value' });
      await ask.release(a, token);
    });

    it.each([
      ['the first', 2, 1, { key: a, owner: ownerOf(TOKEN) }],
      ['the second, which is no lock', 1, 2, { key: b, foreign: 'value' }],
    ])('learn of several keys what expires last: %s', async (_which, ofA, ofB, what) => {
      await ask.grant(a, TOKEN, (TTL / 2) * ofA);
      await ask.grant(b, 'by hand', (TTL / 2) * ofB);
      expect(await ask.grant([a, b], 'third')).toEqual({
        kind: 'denied',
        remaining: expect.any(Number),
        ...what,
      });
      await ask.release(a, TOKEN);
      await ask.release(b, 'by hand');
    });

    it('learn from a denial where they stand, and keep that place', async () => {
      await ask.grant(a, 'owner');
      const [one, two] = [await standing(first), await standing(second)];
      expect([one?.position, two?.position]).toEqual([0, 1]);
      expect(one?.since).toBeLessThanOrEqual(two?.since ?? 0);
      expect(Math.abs((one?.since ?? 0) / 1_000 - Date.now())).toBeLessThan(60_000);
      expect([await standing(first), await standing(second)]).toEqual([one, two]);
      await leave(first);
      expect(await standing(second)).toEqual({ ...two, position: 0 });
      await ask.release(a, 'owner');
    });

    it('stand by how long they have waited, and by where they stood before', async () => {
      await ask.grant(a, 'owner');
      const place = await standing(first);
      await ask.stand(a, 'token', second, { since: -60_000_000 });
      expect(await standing(first)).toEqual({ ...place, position: 1 });
      await leave(first);
      await standing(third);
      await ask.stand(a, 'token', first, { since: place?.since ?? 0 });
      expect(await standing(first)).toEqual({ ...place, position: 1 });
      await ask.release(a, 'owner');
    });

    it('are told when a lock is released: the first that it is its turn, the second that it is next', async () => {
      const ears = [await listening(first), await listening(second), await listening(third)] as const;
      await ask.grant(a, 'owner');
      for (const waiter of NAMES) await standing(waiter);
      await ask.release(a, 'owner');
      expect(await ears[0].until('turn')).toEqual(['live', 'turn']);
      expect(await ears[1].until('next')).toEqual(['live', 'next']);
      await leave(first);
      expect(await ears[1].until('turn')).toEqual(['live', 'next', 'turn']);
      expect(await ears[2].until('next')).toEqual(['live', 'next']);
      expect(ears[0].heard).toEqual(['live', 'turn']);
    });

    it('have the lock reserved when it is their turn', async () => {
      const ear = await listening(first);
      await ask.grant(a, 'owner');
      await standing(first);
      await ask.release(a, 'owner');
      await ear.until('turn');
      const denial = await ask.grant(a, 'newcomer');
      expect(denial).toEqual({ kind: 'denied', key: a, remaining: expect.any(Number), isReserved: true });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      expect(await ask.extend(a, 'newcomer')).toMatchObject({ kind: 'taken' });
      expect(await standing(second)).toMatchObject({ position: 0 });
      expect(await ask.stand(a, 'heir', first)).toEqual({ kind: 'granted' });
      expect(await ask.inspect(a)).toMatchObject({ kind: 'held', ownerToken: 'heir' });
      await ask.release(a, 'heir');
    });

    it('are in the line no more once they have the lock', async () => {
      const ears = [await listening(first), await listening(second)] as const;
      await ask.grant(a, 'owner');
      await standing(first);
      await standing(second);
      await ask.release(a, 'owner', { afterwards: 'hand over' });
      expect(await ask.stand(a, 'heir', first)).toEqual({ kind: 'granted' });
      expect(await standing(second)).toMatchObject({ position: 0 });
      await ask.release(a, 'heir');
      expect(await ears[1].until('turn')).toEqual(['live', 'turn']);
      expect(ears[0].heard).toEqual(['live']);
    });

    it('do not get a free lock before the first in line, who is told', async () => {
      const ears = [await listening(first), await listening(second)] as const;
      await ask.grant(a, 'owner');
      await standing(first);
      await ask.release(a, 'owner', { afterwards: 'hand over' });
      expect(await ask.stand(a, 'second', second)).toMatchObject({
        kind: 'denied',
        isReserved: true,
        place: { position: 0 },
      });
      expect(await ears[0].until('turn')).toEqual(['live', 'turn']);
      expect(await ears[1].until('next')).toEqual(['live', 'next']);
    });

    it('are told by any release that finds the lock free, also by one that deletes nothing', async () => {
      const ear = await listening(first);
      await ask.grant(a, 'owner');
      await standing(first);
      expect(await ask.release(a, 'nobody')).toEqual({ kind: 'absent' });
      await ask.release(a, 'owner', { afterwards: 'hand over' });
      expect(ear.heard).toEqual(['live']);
      expect(await ask.release(a, 'nobody')).toEqual({ kind: 'absent' });
      expect(await ear.until('turn')).toEqual(['live', 'turn']);
    });

    it('are not told of a lock that is handed over', async () => {
      const ear = await listening(first);
      await ask.grant(a, 'owner');
      await standing(first);
      await ask.release(a, 'owner', { afterwards: 'hand over' });
      expect(await ask.grant(a, 'next')).toEqual({ kind: 'granted' });
      await ask.release(a, 'next');
      expect(await ear.until('turn')).toEqual(['live', 'turn']);
    });

    it('stand in line again after a turn that they give back, and only let the next one know', async () => {
      const ears = [await listening(first), await listening(second)] as const;
      await ask.grant(a, 'owner');
      const place = await standing(first);
      await standing(second);
      await ask.release(a, 'owner');
      expect(await ask.stand(a, 'heir', first)).toEqual({ kind: 'granted' });
      expect(await ask.release(a, 'heir', yieldOf(first, place))).toEqual({ kind: 'released' });
      expect(await eventually(async () => (ears[1].heard.length === 3 ? ears[1].heard : undefined))).toEqual([
        'live',
        'next',
        'next',
      ]);
      expect(await ask.grant(a, 'newcomer')).toEqual({ kind: 'granted' });
      expect(await standing(first)).toEqual(place);
      await ask.release(a, 'newcomer');
      await eventually(async () => ears[0].heard.length === 3 || undefined);
      expect(ears[0].heard).toEqual(['live', 'turn', 'turn']);
    });

    it('give back a turn that they do not take', async () => {
      const ears = [await listening(first), await listening(second)] as const;
      await ask.grant(a, 'owner');
      await standing(first);
      await standing(second);
      await ask.release(a, 'owner');
      await ears[0].until('turn');
      await leave(first);
      expect(await ears[1].until('turn')).toEqual(['live', 'next', 'turn']);
    });

    it('are passed over if nobody hears for them', async () => {
      const ear = await listening(third);
      await ask.grant(a, 'owner');
      for (const waiter of NAMES) await standing(waiter);
      await ask.release(a, 'owner');
      expect(await ear.until('turn')).toEqual(['live', 'turn']);
    });

    it('stand in the line of one of several keys, if that is in their way', async () => {
      const ears = [await listening(first, a), await listening(first, b)] as const;
      await ask.grant(b, 'owner');
      expect(await standing(first, [a, b], a)).toBeUndefined();
      expect(await standing(first, [a, b], b)).toMatchObject({ position: 0 });
      await ask.release(b, 'owner');
      expect(await ears[1].until('turn')).toEqual(['live', 'turn']);
      expect(await ask.stand([a, b], 'heir', first, { key: b })).toEqual({ kind: 'granted' });
      expect(await ask.release([a, b], 'heir')).toEqual({ kind: 'released' });
      expect(ears[0].heard).toEqual(['live']);
    });

    it('are told of each key of a lock on several', async () => {
      const ears = [await listening(first, a), await listening(second, b)] as const;
      await ask.grant([a, b], 'owner');
      await standing(first, a);
      await standing(second, b);
      await ask.release([a, b], 'owner');
      for (const ear of ears) expect(await ear.until('turn')).toEqual(['live', 'turn']);
    });

    it('are told nothing of other keys, nor of what others are told', async () => {
      const others = [await listening(first, b), await listening(second, a)] as const;
      const ear = await listening(first, a);
      await ask.grant([a, b], 'owner');
      await standing(first, a);
      await ask.release([a, b], 'owner');
      await ear.until('turn');
      await ask.grant(b, 'owner');
      await standing(first, b);
      await ask.release(b, 'owner');
      expect(await others[0].until('turn')).toEqual(['live', 'turn']);
      expect(others[1].heard).toEqual(['live']);
      expect(ear.heard).toEqual(['live', 'turn']);
    });

    it('are told of a key with spaces', async () => {
      const ear = await listening(first, spaced);
      await ask.grant(spaced, 'owner');
      await standing(first, spaced);
      await ask.release(spaced, 'owner');
      expect(await ear.until('turn')).toEqual(['live', 'turn']);
    });

    it('are told nothing more once they do not listen any more', async () => {
      const [ear, still] = [await listening(first), await listening(first)];
      ear.end();
      ear.end();
      await ask.grant(a, 'owner');
      await standing(first);
      await ask.release(a, 'owner');
      await still.until('turn');
      expect(ear.heard).toEqual(['live']);
    });

    it('hear of a lock that another program of the same nodes released', async () => {
      const ear = await listening(first);
      if (backend.servers.length === 0) return;
      const other = new Asker(backend.createNode());
      await other.grant(a, 'owner');
      await standing(first);
      await other.release(a, 'owner');
      expect(await ear.until('turn')).toEqual(['live', 'turn']);
      await other.node.close(1_000);
    });

    it('learn that they hear nothing while the node is down', async () => {
      const ear = await listening(first);
      const heal = await backend.outage(ask.node);
      expect(await ear.until('deaf')).toEqual(['live', 'deaf']);
      await heal();
      await ear.until('live');
      await eventually(async () => ((await ask.inspect(a)).kind === 'free' ? true : undefined));
    });

    it('are told nothing by a node that is closed', async () => {
      const ear = await listening(first);
      await ask.node.close(1_000);
      const late = new Ear(ask.node, first, b);
      await ask.inspect(a);
      late.end();
      ear.end();
      expect(ear.heard).toEqual(['live']);
      expect(late.heard).toEqual([]);
    });
  });
}
