import { beforeEach, describe, expect, it } from 'vitest';
import type { AskOrder } from '../../src/acquire/ask-order.ts';
import { type Caller, type Line, Lines } from '../../src/acquire/line.ts';
import { RoundTrip } from '../../src/acquire/round-trip.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { acquireContext, askOrder } from '../support/acquire-context.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const LINGER = 5_000;

let clock: ManualClock;
let nodes: ScriptedNode[];
let lines: Lines;
let line: Line;
let heard: string[];

beforeEach(() => {
  clock = new ManualClock(1_000);
  nodes = scriptedNodes(3);
  lines = new Lines({ nodes, clock, random: seededRandom(1), roundTrip: new RoundTrip() });
  line = lines.of('k');
  heard = [];
});

function caller(name = 'caller'): Caller {
  return {
    turn: (node) => heard.push(`${name}: turn at ${node}`),
    next: () => heard.push(`${name}: next`),
    live: () => heard.push(`${name}: live`),
    deaf: () => heard.push(`${name}: deaf`),
  };
}

/** For each node, what was given back there. */
function given(): unknown[][] {
  return nodes.map((node) =>
    node.of('release').map(({ keys, afterwards, waiter }) => ({
      keys,
      how: afterwards,
      waiter: waiter?.name,
      key: waiter?.key,
    })),
  );
}

/** An attempt that has asked all nodes, of which the arbiter may have answered. */
function answered(arbiter: number, reply?: GrantReply): AskOrder {
  const order = askOrder(acquireContext(nodes, clock), { how: 'turn', arbiter });
  order.begin(
    () => {},
    () => {},
  );
  if (reply) order.heard(arbiter, reply);
  return order;
}

/** What a node is sent when the process leaves its line. */
function leave(): unknown {
  return { keys: ['k'], how: 'serve', waiter: line.stand(0, 0).name, key: 'k' };
}

describe('the inbox of a process', () => {
  it('is opened once at each node where it stands', () => {
    line.open(1);
    line.open(1);
    line.open(2);
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([0, 1, 1]);
  });

  it('has one name for all keys and all nodes', () => {
    line.open(1);
    line.open(2);
    lines.of('another').open(2);
    const names = nodes.flatMap(({ inboxes }) => [...inboxes].map(({ waiter }) => waiter));
    expect(names).toHaveLength(3);
    expect(new Set(names).size).toBe(1);
    expect(names[0]).toMatch(/^[0-9a-f]{40}$/);
    expect(names[0]).toBe(line.stand(1, 0).name);
  });

  it('is another one for each Redlock', () => {
    const others = new Lines({ nodes, clock, random: seededRandom(2), roundTrip: new RoundTrip() });
    expect(others.of('k').stand(0, 0).name).not.toBe(line.stand(0, 0).name);
  });

  it('is live while its node says so', () => {
    line.open(1);
    expect([0, 1].map((node) => line.isLive(node))).toEqual([false, false]);
    nodes[1]?.tell('live');
    expect([0, 1].map((node) => line.isLive(node))).toEqual([false, true]);
    nodes[1]?.tell('deaf');
    expect(line.isLive(1)).toBe(false);
  });

  it('tells the call that waits what it gets, and which node has given it a turn', () => {
    line.enter(caller());
    line.open(1);
    line.open(2);
    nodes[1]?.tell('live');
    nodes[2]?.tell('turn');
    nodes[1]?.tell('next');
    nodes[1]?.tell('deaf');
    expect(heard).toEqual(['caller: live', 'caller: turn at 2', 'caller: next', 'caller: deaf']);
  });

  it('tells the call that has come last', () => {
    line.open(1);
    const first = caller('first');
    line.enter(first);
    line.exit(first);
    line.enter(caller('second'));
    nodes[1]?.tell('turn');
    expect(heard).toEqual(['second: turn at 1']);
  });

  it('stays open for a while when nobody waits any more, and is live then', () => {
    const call = caller();
    line.enter(call);
    line.open(1);
    nodes[1]?.tell('live');
    line.exit(call);
    clock.advance(LINGER - 1);
    expect(lines.of('k').isLive(1)).toBe(true);
    clock.advance(1);
    expect(nodes[1]?.inboxes.size).toBe(0);
    expect(lines.of('k').isLive(1)).toBe(false);
    expect(clock.pending).toBe(0);
  });

  it('stays open if somebody waits again', () => {
    const [first, second] = [caller('first'), caller('second')];
    line.enter(first);
    line.open(1);
    line.exit(first);
    clock.advance(LINGER - 1);
    lines.of('k').enter(second);
    clock.advance(LINGER);
    expect(nodes[1]?.inboxes.size).toBe(1);
    expect(clock.pending).toBe(0);
    line.exit(second);
    clock.advance(LINGER);
    expect(nodes[1]?.inboxes.size).toBe(0);
  });

  it('is closed with the lines', () => {
    line.enter(caller());
    line.open(1);
    lines.of('another').open(2);
    lines.close();
    expect(nodes.map(({ inboxes }) => inboxes.size)).toEqual([0, 0, 0]);
    expect(clock.pending).toBe(0);
  });
});

describe('a turn', () => {
  it('that nobody waits for is given back', () => {
    line.open(1);
    nodes[1]?.tell('turn');
    expect(given()).toEqual([[], [leave()], []]);
  });

  it('that comes after the call has ended is given back', () => {
    const call = caller();
    line.enter(call);
    line.open(1);
    line.exit(call);
    nodes[1]?.tell('turn');
    expect(heard).toEqual([]);
    expect(given()).toEqual([[], [leave()], []]);
  });

  it('is given back with a token that nobody has, and for as long as a line is kept', () => {
    line.open(1);
    nodes[1]?.tell('turn');
    nodes[1]?.tell('turn');
    const tokens = nodes[1]?.of('release').map(({ ownerToken }) => ownerToken) ?? [];
    expect(new Set([...tokens, line.stand(1, 0).name]).size).toBe(3);
  });

  it('is one for this key', () => {
    const other = lines.of('another');
    other.open(1);
    line.enter(caller());
    line.open(1);
    nodes[1]?.tell('turn', 'another');
    expect(heard).toEqual([]);
    expect(nodes[1]?.of('release').map(({ keys }) => keys)).toEqual([['another']]);
  });
});

describe('a place in line', () => {
  it('is asked for with the time that the call has waited so far, in µs', () => {
    expect(line.stand(1, 12.5)).toEqual({ name: expect.any(String), key: 'k', since: -12_500 });
  });

  it('is asked for again as the node has told', () => {
    line.stand(1, 0);
    line.denied(1, { position: 3, since: 1_700_000_000_000_000 });
    expect(line.stand(1, 99).since).toBe(1_700_000_000_000_000);
  });

  it('at one node says nothing of another', () => {
    line.denied(1, { position: 3, since: 7 });
    expect(line.stand(2, 1).since).toBe(-1_000);
  });

  it('is kept for the next call of the process', async () => {
    const call = caller();
    line.enter(call);
    line.denied(1, { position: 3, since: 7 });
    line.exit(call);
    line.enter(caller('next'));
    await turn();
    expect(line.stand(1, 0).since).toBe(7);
    expect(given()).toEqual([[], [], []]);
  });

  it('is not asked for again once the node has granted', () => {
    line.denied(1, { position: 3, since: 7 });
    line.won(1, answered(1, { kind: 'granted' }));
    expect(line.stand(1, 1).since).toBe(-1_000);
  });

  it('is left at all nodes when nobody of the process waits any more', async () => {
    const call = caller();
    line.enter(call);
    line.denied(0, { position: 3, since: 7 });
    line.stand(2, 0);
    line.exit(call);
    await turn();
    expect(given()).toEqual([[leave()], [], [leave()]]);
  });

  it('is left once', () => {
    line.stand(0, 0);
    line.leave();
    line.leave();
    expect(given()).toEqual([[leave()], [], []]);
  });

  it('is not left where the node has none, or has granted', async () => {
    const call = caller();
    line.enter(call);
    for (const node of [0, 1, 2]) line.stand(node, 0);
    line.denied(0, undefined);
    line.won(1, answered(1, { kind: 'granted' }));
    line.exit(call);
    await turn();
    expect(given().map((releases) => releases.length)).toEqual([0, 0, 1]);
  });

  it('is left by a call that has won, if the arbiter has denied', async () => {
    const call = caller();
    line.enter(call);
    line.stand(1, 0);
    line.won(1, answered(1, { kind: 'denied', remaining: 500, key: 'k', place: { position: 0, since: 7 } }));
    line.exit(call);
    await turn();
    expect(given()).toEqual([[], [leave()], []]);
  });

  it.each([
    ['granted', { kind: 'granted' }, 0],
    ['denied', { kind: 'denied', remaining: 500, key: 'k' }, 1],
    ['unreachable', unreachable(true), 1],
  ] as const)(
    'is left by a call that has won if the arbiter’s answer comes later, and is: %s',
    async (_what, reply, leaves) => {
      const call = caller();
      line.enter(call);
      line.stand(1, 0);
      const order = answered(1);
      line.won(1, order);
      line.exit(call);
      await turn();
      expect(given()).toEqual([[], [], []]);
      order.end();
      order.heard(1, reply);
      expect(given()[1]).toHaveLength(leaves);
    },
  );

  it('is not left for an answer that comes when the next call stands there already', async () => {
    const call = caller();
    line.enter(call);
    line.stand(1, 0);
    const order = answered(1);
    line.won(1, order);
    line.exit(call);
    line.enter(caller('next'));
    line.stand(1, 0);
    await turn();
    order.end();
    order.heard(1, { kind: 'denied', remaining: 500, key: 'k', place: { position: 0, since: 7 } });
    expect(given()).toEqual([[], [], []]);
  });

  it('is left by nobody but the call that waits', async () => {
    const [first, second] = [caller('first'), caller('second')];
    line.enter(first);
    line.exit(first);
    line.enter(second);
    line.stand(1, 0);
    line.exit(first);
    await turn();
    expect(given()).toEqual([[], [], []]);
    expect(clock.pending).toBe(0);
  });

  it('is left before the inbox is closed', () => {
    line.open(1);
    line.stand(1, 0);
    lines.close();
    expect(given()).toEqual([[], [leave()], []]);
    expect(nodes[1]?.inboxes.size).toBe(0);
  });

  it('is left though calls of the process wait, if none of them comes for it', async () => {
    const call = caller();
    line.enter(call);
    line.stand(1, 0);
    line.exit(call);
    await turn();
    line.enter(caller('too late'));
    expect(given()).toEqual([[], [leave()], []]);
    expect(line.stand(1, 0).since).toBeLessThanOrEqual(0);
  });
});
