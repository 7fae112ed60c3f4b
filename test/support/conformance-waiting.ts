import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LockNode } from '../../src/node/lock-node.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { eventually } from './eventually.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import { tokenOf } from './token.ts';

const TOKEN = tokenOf(1, 1);

/** One who listens, and writes down what is told: `listening`, `deaf`, or whose lock was released. */
class Ear {
  readonly heard: string[] = [];
  readonly end: () => void;

  constructor(node: LockNode, key: string) {
    this.end = node.onRelease(key, {
      listening: () => this.heard.push('listening'),
      deaf: () => this.heard.push('deaf'),
      released: (owner) => this.heard.push(owner),
    });
  }

  told(what: string): Promise<true> {
    return eventually(async () => this.heard.includes(what) || undefined);
  }
}

/** What the port promises to those who wait for a lock, over one implementation. */
export function describeWaitingConformance(name: string, start: () => Promise<Backend>): void {
  describe(`those who wait at ${name}`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b] = ['a', 'b'].map((key) => PREFIX + key) as [string, string];

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(async () => {
      ask = new Asker(backend.createNode());
      await ask.inspect(a);
    });
    afterEach(async () => {
      await ask.node.close(1_000);
      await expectNoKeys(backend.servers);
    });

    async function listening(key: string): Promise<Ear> {
      const ear = new Ear(ask.node, key);
      expect(ear.heard).toEqual([]);
      await ear.told('listening');
      return ear;
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
      ['the first', 2, 1, { owner: ownerOf(TOKEN) }],
      ['the second, which is no lock', 1, 2, { foreign: 'value' }],
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

    it('are told whose lock was released', async () => {
      const ear = await listening(a);
      await ask.grant(a, 'owner');
      await ask.release(a, 'owner');
      await ear.told(ownerOf('owner'));
      expect(ear.heard).toEqual(['listening', ownerOf('owner')]);
    });

    it('are told of each release of a lock on several keys', async () => {
      const ears = [await listening(a), await listening(b)];
      await ask.grant([a, b], 'owner');
      await ask.release([a, b], 'owner');
      for (const ear of ears) await ear.told(ownerOf('owner'));
      expect(ears.map(({ heard }) => heard.length)).toEqual([2, 2]);
    });

    it('are not told of a release that is not announced, nor of one that found nothing', async () => {
      const ear = await listening(a);
      await ask.grant(a, 'quiet');
      await new Promise((resolve) =>
        ask.node.release({ keys: [a], ownerToken: 'quiet', announce: false, longestTtl: 60_000 }, resolve),
      );
      await ask.release(a, 'nobody');
      await ask.grant(a, 'owner');
      await ask.release(a, 'another');
      await ask.release(a, 'owner');
      await ear.told(ownerOf('owner'));
      expect(ear.heard).toEqual(['listening', ownerOf('owner')]);
    });

    it('are told nothing of other keys', async () => {
      const ear = await listening(a);
      await ask.grant(b, 'other');
      await ask.release(b, 'other');
      await ask.grant(a, 'owner');
      await ask.release(a, 'owner');
      await ear.told(ownerOf('owner'));
      expect(ear.heard).not.toContain(ownerOf('other'));
    });

    it('are told nothing more once they do not listen any more', async () => {
      const [ear, still] = [await listening(a), await listening(a)];
      ear.end();
      ear.end();
      await ask.grant(a, 'owner');
      await ask.release(a, 'owner');
      await still.told(ownerOf('owner'));
      expect(ear.heard).toEqual(['listening']);
    });

    it('hear of a lock that another program of the same nodes released', async () => {
      const ear = await listening(a);
      if (backend.servers.length === 0) return;
      const other = new Asker(backend.createNode());
      await other.grant(a, 'owner');
      await other.release(a, 'owner');
      await ear.told(ownerOf('owner'));
      await other.node.close(1_000);
    });

    it('are told nothing by a node that is closed', async () => {
      const ear = await listening(a);
      await ask.node.close(1_000);
      const late = new Ear(ask.node, b);
      await ask.inspect(a);
      late.end();
      ear.end();
      expect(ear.heard).toEqual(['listening']);
    });
  });
}
