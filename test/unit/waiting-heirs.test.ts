import { describe, expect, it } from 'vitest';
import { MOST_CONTESTED_HAND_OVERS, MOST_HAND_OVERS } from '../../src/acquire/local-queue.ts';
import { type Lock, Redlock } from '../../src/index.ts';
import type { ReleaseRequest } from '../../src/node/lock-node.ts';
import { type InLine, standing } from '../support/in-line.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 60_000, key: 'r', owner: 'other' } as const;
const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** A process that holds `r`; what its next attempt is answered, the test says. */
async function holding(): Promise<{
  nodes: ScriptedNode[];
  clock: ManualClock;
  redlock: Redlock;
  lock: Lock;
}> {
  const nodes = scriptedNodes(3, { grant: granted, release: { kind: 'released' } });
  const clock = new ManualClock(1_000);
  const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
  const lock = await redlock.acquire('r');
  for (const node of nodes) delete node.atOnce.grant;
  return { nodes, clock, redlock, lock };
}

/** For each node, what happened to the lines with its releases. */
function thens(nodes: readonly ScriptedNode[]): (ReleaseRequest['afterwards'] | undefined)[][] {
  return nodes.map((node) => node.of('release').map(({ afterwards }) => afterwards));
}

/** Of three nodes, each of which was sent these. */
function onAll(...each: ReleaseRequest['afterwards'][]): ReleaseRequest['afterwards'][][] {
  return [each, each, each];
}

describe('a lock that is handed on within its process', () => {
  it('serves no line: nobody else could get it', async () => {
    const { nodes, redlock, lock } = await holding();
    const heir = redlock.acquire('r');
    void lock.release();
    for (const node of nodes) node.answer(granted);
    await heir;
    expect(thens(nodes)).toEqual(onAll('hand over'));
  });

  it('serves the lines when nobody waits for it in the process', async () => {
    const { nodes, lock } = await holding();
    void lock.release();
    expect(thens(nodes)).toEqual(onAll('serve'));
  });

  it('serves them when those who waited have gone', async () => {
    const { nodes, redlock, lock } = await holding();
    const controller = new AbortController();
    const heir = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    controller.abort();
    void lock.release();
    await heir;
    expect(thens(nodes)).toEqual(onAll('serve'));
  });

  it('serves them when the one who waits wants more than it', async () => {
    const { nodes, redlock, lock } = await holding();
    redlock.acquire(['r', 's']).catch(() => {});
    void lock.release();
    expect(thens(nodes)).toEqual(onAll('serve'));
  });

  it.each([
    ['is refused', denied],
    ['cannot reach the nodes', unreachable()],
    ['gets no answer', unreachable(true)],
  ])('serves them after all when its heir %s', async (_why, reply) => {
    const { nodes, redlock, lock } = await holding();
    const heir = redlock.acquire('r', FOREVER);
    heir.catch(() => {});
    void lock.release();
    nodes[0]?.answer(granted);
    for (const node of nodes.slice(1)) node.answer(reply);
    await turn();
    // Also at nodes at which it has nothing to delete.
    expect(thens(nodes)).toEqual(onAll('hand over', 'serve'));
  });

  it('serves them after all when its heir is not wanted any more', async () => {
    const { nodes, redlock, lock } = await holding();
    const controller = new AbortController();
    const heir = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    void lock.release();
    controller.abort();
    await heir;
    expect(thens(nodes)).toEqual(onAll('hand over', 'serve'));
  });

  it('serves them after all when its Redlock is closed before the heir has it', async () => {
    const { nodes, redlock, lock } = await holding();
    const heir = rejectionOf(redlock.acquire('r'));
    void lock.release();
    await redlock.close();
    await heir;
    expect(thens(nodes)).toEqual(onAll('hand over', 'serve'));
  });

  it('serves them when the last of several has it, and lets go', async () => {
    const { nodes, redlock, lock } = await holding();
    const heirs = [redlock.acquire('r'), redlock.acquire('r')];
    let last = lock;
    for (const heir of heirs) {
      void last.release();
      for (const node of nodes) node.answer(granted);
      last = await heir;
    }
    await last.release();
    expect(thens(nodes)).toEqual(onAll('hand over', 'hand over', 'serve'));
  });

  it('serves them each time when it was lost', async () => {
    const { nodes, redlock, clock } = await holding();
    redlock.acquire('r', FOREVER).catch(() => {});
    await clock.advanceAsync(10_000);
    expect(thens(nodes).map(([first]) => first)).toEqual(['serve', 'serve', 'serve']);
  });
});

/** A process that has got `r` by its turn, and whose next calls wait: the nodes grant and release whatever comes. */
async function afterATurn(calls: number): Promise<{ waiting: InLine; locks: Promise<Lock>[] }> {
  const waiting = await standing(3);
  for (const node of waiting.nodes) node.atOnce.grant = granted;
  await waiting.tell(0, 'turn');
  const locks = [waiting.call, ...Array.from({ length: calls }, () => waiting.redlock.acquire('r', FOREVER))];
  for (const call of locks) call.catch(() => {});
  return { waiting, locks };
}

describe('a lock that was handed on often enough', () => {
  it('serves the lines, and the next call stands in them in the same tick', async () => {
    const { waiting, locks } = await afterATurn(MOST_CONTESTED_HAND_OVERS + 1);
    for (const call of locks.slice(0, MOST_CONTESTED_HAND_OVERS)) await (await call).release();
    const last = await (locks[MOST_CONTESTED_HAND_OVERS] as Promise<Lock>);
    const { nodes } = waiting;
    for (const node of nodes) delete node.atOnce.grant;
    const before = nodes.map(({ requests }) => requests.length);
    void last.release();
    const since = nodes.map(({ requests }, node) =>
      requests.slice(before[node]).map(({ verb, afterwards, waiter }) => [afterwards ?? verb, waiter?.key]),
    );
    expect(since).toEqual([
      [
        ['serve', undefined],
        ['grant', 'r'],
      ],
      [['serve', undefined]],
      [['serve', undefined]],
    ]);
    expect(waiting.given()[0]?.slice(0, -1)).toEqual(new Array(MOST_CONTESTED_HAND_OVERS).fill('hand over'));
  });

  it('goes to the process that waits, and then comes back', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const order: string[] = [];
    const waiting = another();
    const hold = async (name: string, call: Promise<Lock>): Promise<void> => {
      const lock = await call;
      order.push(name);
      await turn();
      void lock.release();
    };
    const calls = Array.from({ length: MOST_HAND_OVERS + 5 }, () =>
      hold('crowd', redlock.acquire('r', FOREVER)),
    );
    await turn();
    const single = hold('single', waiting.acquire('r', FOREVER));
    await clock.advanceAsync(1_000);
    await Promise.all([...calls, single]);
    expect(order.indexOf('single')).toBe(MOST_HAND_OVERS + 1);
  });
});

describe('a lock that was lost', () => {
  it('leaves the next call of its process behind those that wait in other processes', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await redlock.acquire('r', { ttl: 2_000 });
    const order: string[] = [];
    const waiting = another().acquire('r', FOREVER);
    void waiting.then(() => order.push('other process'));
    await clock.advanceAsync(1_000);
    const next = redlock.acquire('r', FOREVER);
    void next.then(() => order.push('same process'));
    // Its keys expire a little later than its validity.
    await clock.advanceAsync(1_100);
    await (await waiting).release();
    await clock.advanceAsync(100);
    expect(order).toEqual(['other process', 'same process']);
  });
});

describe('another process that waits for it', () => {
  it('gets it as soon as nobody of that process wants it any more', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const locks = [redlock.acquire('r'), redlock.acquire('r'), redlock.acquire('r')];
    await locks[0];
    const waiting = another().acquire('r', FOREVER);
    await clock.advanceAsync(1_000);
    for (const lock of locks) {
      expect(await peek(waiting)).toBe('pending');
      await (await lock).release();
    }
    expect(await peek(waiting)).toMatchObject({ value: { state: 'held' } });
  });

  it('gets it as soon as the heir has given up', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const lock = await redlock.acquire('r');
    const controller = new AbortController();
    const heir = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    const waiting = another().acquire('r', FOREVER);
    await clock.advanceAsync(1_000);
    const now = clock.now();
    void lock.release();
    controller.abort();
    await heir;
    expect(await peek(waiting)).toMatchObject({ value: { state: 'held' } });
    expect(clock.now()).toBe(now);
  });
});
