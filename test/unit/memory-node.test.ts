import { describe, expect, it } from 'vitest';
import type { Clock, GrantReply, LockNode } from '../../src/index.ts';
import { createMemoryNodes, type MemoryNode, type MemoryNodeOptions } from '../../src/testing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

function memoryNode() {
  const clock = new ManualClock();
  const [node] = createMemoryNodes(1, { clock }) as [MemoryNode];
  const replies: string[] = [];
  const ask = (verb: 'grant' | 'extend' | 'repair' | 'release', ownerToken: string, keys = ['k']): void => {
    const request = {
      keys,
      ownerToken,
      ttl: 1_000,
      wanted: () => true,
      afterwards: 'serve',
      reservation: 30,
      longestTtl: 1_000,
    } as const;
    (node as LockNode)[verb](request, (reply: { kind: string }) =>
      replies.push(`${ownerToken} ${reply.kind}`),
    );
  };
  return { node, clock, replies, ask };
}

describe('a memory node', () => {
  it('answers in order, and never before a request has returned', async () => {
    const { ask, replies } = memoryNode();
    ask('grant', 'x');
    ask('grant', 'y');
    ask('release', 'x');
    ask('grant', 'y');
    expect(replies).toEqual([]);
    await turn();
    expect(replies).toEqual(['x granted', 'y denied', 'x released', 'y granted']);
  });

  it('forgets a key when its ttl is over', async () => {
    const { node, ask, clock, replies } = memoryNode();
    ask('grant', 'x');
    await turn();
    clock.advance(999);
    expect(node.keys()).toEqual(['k']);
    clock.advance(1);
    expect(node.keys()).toEqual([]);
    ask('release', 'x');
    await turn();
    expect(replies).toEqual(['x granted', 'x absent']);
  });

  it('raises an expiry, never lowers it', async () => {
    const { node, ask, clock, replies } = memoryNode();
    node.grant({ keys: ['k'], ownerToken: 'x', ttl: 5_000, wanted: () => true }, () => {});
    ask('extend', 'x');
    await turn();
    clock.advance(4_999);
    expect(node.keys()).toEqual(['k']);
    ask('extend', 'x');
    await turn();
    clock.advance(999);
    expect([node.keys(), replies]).toEqual([['k'], ['x extended', 'x extended']]);
  });

  it('sets keys again that are missing', async () => {
    const { node, ask, replies } = memoryNode();
    ask('grant', 'x', ['k']);
    ask('repair', 'x', ['k', 'l']);
    ask('repair', 'x', ['k', 'l']);
    await turn();
    expect(replies).toEqual(['x granted', 'x repaired', 'x extended']);
    expect(node.keys()).toEqual(['k', 'l']);
  });

  it('sets nothing when it extends keys of which one is missing', async () => {
    const { node, ask, clock, replies } = memoryNode();
    ask('grant', 'x', ['k']);
    await turn();
    clock.advance(900);
    ask('extend', 'x', ['k', 'l']);
    await turn();
    expect(replies).toEqual(['x granted', 'x missing']);
    expect(node.keys()).toEqual(['k']);
    clock.advance(100);
    expect(node.keys()).toEqual([]);
  });

  it('extends nothing that is another’s', async () => {
    const { node, ask, replies } = memoryNode();
    ask('grant', 'x', ['k']);
    ask('extend', 'y', ['k', 'l']);
    await turn();
    expect(replies).toEqual(['x granted', 'y taken']);
    expect(node.keys()).toEqual(['k']);
  });

  it('releases its own keys only, and says whether all were there', async () => {
    const { node, ask, replies } = memoryNode();
    ask('grant', 'x', ['k']);
    ask('grant', 'y', ['l']);
    ask('release', 'x', ['k', 'l']);
    await turn();
    expect(replies.at(-1)).toBe('x absent');
    expect(node.keys()).toEqual(['l']);
  });

  it('grants all keys or none', async () => {
    const { node, ask, replies } = memoryNode();
    ask('grant', 'x', ['l']);
    ask('grant', 'y', ['k', 'l', 'm']);
    await turn();
    expect(replies.at(-1)).toBe('y denied');
    expect(node.keys()).toEqual(['l']);
  });
});

/** A node whose wall clock stands at `now` µs since 1970, and the counters that its grants of k come to. */
function counting(now = 0, options: MemoryNodeOptions = {}) {
  const manual = new ManualClock();
  const clock: Clock = {
    now: () => manual.now(),
    wallTime: () => now / 1_000,
    after: (delay, callback) => manual.after(delay, callback),
  };
  const [node] = createMemoryNodes(1, { clock, ...options }) as [MemoryNode];
  const grant = async (hint: number): Promise<unknown> => {
    let reply: GrantReply | undefined;
    node.grant({ keys: ['k'], ownerToken: 'x', ttl: 1, hint, wanted: () => true }, (each) => {
      reply = each;
    });
    await turn();
    manual.advance(1);
    return reply?.kind === 'granted' ? reply.counter : reply?.kind;
  };
  return { node, clock: manual, grant };
}

describe('the fencing counters of a memory node', () => {
  const HOUR = 3_600_000_000;

  it.each([
    [0, HOUR, HOUR + 1],
    [0, HOUR + 1, 'unusable'],
    [0, 10 * HOUR, 'unusable'],
    [10 * HOUR, 0, 1],
    [10 * HOUR, 10 * HOUR, 10 * HOUR + 1],
    [10 * HOUR, 11 * HOUR, 11 * HOUR + 1],
    [10 * HOUR, 11 * HOUR + 1, 'unusable'],
    [10 * HOUR, 12 * HOUR, 'unusable'],
  ])('at %d µs since 1970 take a hint of %d as %d', async (now, hint, counter) => {
    expect(await counting(now).grant(hint)).toBe(counter);
  });

  it('go on from where they are, however far the clock of the node is behind', async () => {
    const { grant } = counting();
    const hints = [HOUR, 2 * HOUR, 0, 3 * HOUR + 2];
    const counters: unknown[] = [];
    for (const hint of hints) counters.push(await grant(hint));
    expect(counters).toEqual([HOUR + 1, 2 * HOUR + 1, 2 * HOUR + 2, 3 * HOUR + 3]);
  });

  it('give no number that may be below an earlier one, when they are lost and the clock is far behind', async () => {
    const { node, grant } = counting();
    const hint = HOUR;
    expect(await grant(hint)).toBe(hint + 1);
    expect(await grant(3 * HOUR)).toBe('unusable');
    expect(node.keys()).toEqual([]);
    expect(await grant(hint)).toBe(hint + 2);
  });

  it.each<[MemoryNodeOptions, number]>([
    [{}, 3_600_000],
    [{ fenceRetention: undefined }, 3_600_000],
    [{ fenceRetention: 5_000 }, 5_000],
  ])('with %j are kept for %d ms after the last lock', async (options, retention) => {
    const { clock, grant } = counting(0, options);
    expect(await grant(10)).toBe(11);
    clock.advance(retention - 2);
    expect(await grant(0)).toBe(12);
    clock.advance(retention - 1);
    expect(await grant(0)).toBe(1);
  });

  it('are no keys', async () => {
    const { node, grant } = counting();
    await grant(10);
    expect(node.keys()).toEqual([]);
  });

  it('go when the node forgets', async () => {
    const { node, grant } = counting();
    await grant(10);
    node.forget();
    expect(await grant(0)).toBe(1);
  });

  it('come to an end', async () => {
    const last = Date.UTC(2200, 0) * 1_000;
    const { node, grant } = counting(last);
    expect(await grant(last - 1)).toBe(last);
    expect(await grant(0)).toBe('unusable');
    expect(node.keys()).toEqual([]);
  });
});

describe('a memory node that has failed', () => {
  it('refuses in the next microtask, and keeps what it holds', async () => {
    const { node, ask, replies } = memoryNode();
    ask('grant', 'x');
    await turn();
    node.fail();
    ask('grant', 'y');
    expect(replies).toEqual(['x granted']);
    await Promise.resolve();
    expect(replies).toEqual(['x granted', 'y unreachable']);
    node.heal();
    expect(node.keys()).toEqual(['k']);
  });

  it('executes what it owes once it is back', async () => {
    const { node, ask } = memoryNode();
    ask('grant', 'x');
    await turn();
    node.fail();
    ask('release', 'x');
    node.heal();
    await turn();
    expect(node.keys()).toEqual([]);
  });
});

describe('a memory node that hangs', () => {
  it('answers nothing until it is healed', async () => {
    const { node, ask, replies } = memoryNode();
    node.hang();
    ask('grant', 'x');
    ask('release', 'x');
    await turn();
    expect(replies).toEqual([]);
    node.heal();
    await turn();
    expect(replies).toEqual(['x granted', 'x released']);
    expect(node.keys()).toEqual([]);
  });

  it('may have executed what it did not answer when it fails', async () => {
    const { node } = memoryNode();
    const replies: unknown[] = [];
    node.hang();
    node.grant({ keys: ['k'], ownerToken: 'x', ttl: 5, wanted: () => true }, (reply) => replies.push(reply));
    node.fail();
    await turn();
    expect(replies).toMatchObject([{ kind: 'unreachable', maybeExecuted: true }]);
  });
});

describe('a memory node that forgets', () => {
  it('has no keys any more', async () => {
    const { node, ask, replies } = memoryNode();
    ask('grant', 'x');
    await turn();
    node.forget();
    expect(node.keys()).toEqual([]);
    ask('extend', 'x');
    await turn();
    expect(replies.at(-1)).toBe('x missing');
  });
});

describe('a memory node that is closed', () => {
  it('answers everything, and cannot be healed', async () => {
    const { node, ask, replies } = memoryNode();
    await (node as LockNode).close(0);
    node.heal();
    ask('grant', 'x');
    ask('release', 'x');
    await turn();
    expect(replies).toEqual(['x unreachable', 'x unreachable']);
  });
});

describe('createMemoryNodes', () => {
  it('names its nodes by number', () => {
    expect(createMemoryNodes(3).map(({ name }) => name)).toEqual(['memory-1', 'memory-2', 'memory-3']);
  });

  it.each([
    [{ fenceRetention: 0 }, RangeError],
    [{ fenceRetention: '5' }, TypeError],
    [{ fenceretention: 5 }, TypeError],
  ])('refuses %j', (options, Type) => {
    expect(() => createMemoryNodes(3, options as MemoryNodeOptions)).toThrow(Type);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('makes no %d nodes', (n) => {
    expect(() => createMemoryNodes(n)).toThrow(RangeError);
  });
});
