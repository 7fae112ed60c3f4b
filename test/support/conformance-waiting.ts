import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { LockNode } from '../../src/node/lock-node.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { eventually } from './eventually.ts';
import { expectNoKeys } from './expect-no-keys.ts';

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

    it('learn from a denial who is in their way', async () => {
      await ask.grant(a, 'first');
      expect(await ask.grant(a, 'second')).toMatchObject({ kind: 'denied', owner: ownerOf('first') });
      await ask.release(a, 'first');
    });

    it.each([
      ['first', 1, 2],
      ['second', 2, 1],
    ])('learn whose of several keys expires last: those of the %s', async (last, ofA, ofB) => {
      await ask.grant(a, 'second', (TTL / 2) * ofA);
      await ask.grant(b, 'first', (TTL / 2) * ofB);
      expect(await ask.grant([a, b], 'third')).toMatchObject({
        kind: 'denied',
        owner: ownerOf(last === 'first' ? 'first' : 'second'),
      });
      await ask.release(a, 'second');
      await ask.release(b, 'first');
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
        ask.node.release({ keys: [a], ownerToken: 'quiet', announce: false }, resolve),
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
