import { describe, expect, it } from 'vitest';
import type { LockNode } from '../../src/index.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

function listenedTo() {
  const clock = new ManualClock();
  const [node] = createMemoryNodes(1, { clock }) as [MemoryNode];
  const ask = (verb: 'grant' | 'release', ownerToken: string): void => {
    const claim = {
      keys: ['k'],
      ownerToken,
      ttl: 1_000,
      longestTtl: 1_000,
      announce: true,
      wanted: () => true,
    };
    (node as LockNode)[verb](claim, () => {});
  };
  return { node, clock, ask };
}

/** One who listens for the releases of `k`, and what is told. */
function listenTo(node: LockNode): { told: string[]; end: () => void } {
  const told: string[] = [];
  const end = node.onRelease('k', {
    listening: (missedUntil) => told.push(`listening from ${missedUntil}`),
    deaf: () => told.push('deaf'),
    released: (owner) => told.push(owner),
  });
  return { told, end };
}

describe('a memory node that is listened to', () => {
  it('tells that it does so from now on, and whose lock was released', async () => {
    const { node, clock, ask } = listenedTo();
    clock.advance(30);
    const { told } = listenTo(node);
    expect(told).toEqual([]);
    await turn();
    ask('grant', 'x');
    ask('release', 'x');
    await turn();
    expect(told).toEqual(['listening from 30', ownerOf('x')]);
  });

  it('tells nobody who does not listen any more', async () => {
    const { node, ask } = listenedTo();
    const [early, late] = [listenTo(node), listenTo(node)];
    early.end();
    await turn();
    ask('grant', 'x');
    ask('release', 'x');
    late.end();
    await turn();
    expect(early.told).toEqual([]);
    expect(late.told).toEqual(['listening from 0']);
  });

  it('tells nothing of keys that expire, or are forgotten', async () => {
    const { node, clock, ask } = listenedTo();
    const { told } = listenTo(node);
    ask('grant', 'x');
    await turn();
    clock.advance(1_000);
    ask('release', 'x');
    ask('grant', 'y');
    await turn();
    node.forget();
    ask('release', 'y');
    await turn();
    expect(told).toEqual(['listening from 0']);
  });

  it('tells of a release that it owed once it is back', async () => {
    const { node, ask } = listenedTo();
    const { told } = listenTo(node);
    ask('grant', 'x');
    await turn();
    node.fail();
    ask('release', 'x');
    await turn();
    expect(told).toEqual(['listening from 0']);
    node.heal();
    await turn();
    expect(told).toEqual(['listening from 0', ownerOf('x')]);
  });
});
