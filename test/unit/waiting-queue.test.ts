import { describe, expect, it } from 'vitest';
import { AcquireTimeoutError, Redlock, RedlockClosedError, ResourceHeldError } from '../../src/index.ts';
import { admittedNode } from '../support/fake-connection.ts';
import { counts } from '../support/lock-over.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const FOREVER = { acquireTimeout: Number.POSITIVE_INFINITY };

/** A process over nodes that the test answers. */
function processOver(nodes: readonly ScriptedNode[]) {
  const clock = new ManualClock(1_000);
  return { clock, redlock: new Redlock(nodes, { clock, random: seededRandom(1) }) };
}

/** A process that holds `r` on nodes that grant at once. */
async function processThatHolds() {
  const nodes = scriptedNodes(3, { grant: granted, release: { kind: 'released' } });
  const { clock, redlock } = processOver(nodes);
  return { nodes, clock, redlock, holder: await redlock.acquire('r', { ttl: 30_000 }) };
}

describe('the calls of one process', () => {
  it('get the lock one after the other, in the order in which they came', async () => {
    const { redlock, clock } = memoryRedlock(3);
    const order: number[] = [];
    const calls = Array.from({ length: 40 }, (_, index) => redlock.using('r', () => void order.push(index)));
    await Promise.all(calls);
    expect(clock.now()).toBe(1_000);
    expect(order).toEqual([...Array(40).keys()]);
  });

  it('ask the nodes one at a time', async () => {
    const nodes = scriptedNodes(3);
    const { redlock } = processOver(nodes);
    for (let call = 0; call < 10; call++) redlock.acquire('r').catch(() => {});
    await turn();
    expect(counts(nodes, 'grant')).toEqual([1, 1, 1]);
  });

  it('ask nobody while the process holds the lock', async () => {
    const { nodes, redlock, clock } = await processThatHolds();
    for (let call = 0; call < 10; call++) redlock.acquire('r').catch(() => {});
    await clock.advanceAsync(5_000);
    expect(counts(nodes, 'grant')).toEqual([1, 1, 1]);
  });

  it('do not wait for those for other resources', async () => {
    const { redlock } = await processThatHolds();
    expect(await peek(redlock.acquire('another'))).toMatchObject({ value: { state: 'held' } });
  });

  it('do not wait for those of other processes', async () => {
    const { redlock, another } = memoryRedlock(3);
    await redlock.acquire('r');
    expect(await another().tryAcquire('r')).toBeNull();
  });

  it('go on when the lock has been lost', async () => {
    const { nodes, redlock, clock, holder } = await processThatHolds();
    const next = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(30_000);
    expect(holder.state).toBe('lost');
    expect(await peek(next)).toMatchObject({ value: { state: 'held' } });
    expect(counts(nodes, 'grant')).toEqual([2, 2, 2]);
  });

  it('ask each node for the next lock right after the release, in the same operation', async () => {
    const { nodes, redlock, holder } = await processThatHolds();
    const next = redlock.acquire('r');
    void holder.release();
    expect(nodes.map(({ requests }) => requests.map(({ verb }) => verb))).toEqual([
      ['grant', 'release', 'grant'],
      ['grant', 'release', 'grant'],
      ['grant', 'release', 'grant'],
    ]);
    expect(await peek(next)).toMatchObject({ value: { state: 'held' } });
  });

  it('hand the lock over in one command to the server', async () => {
    const { node, connection } = await admittedNode();
    const redlock = new Redlock([node], {
      clock: new ManualClock(1_000),
      random: seededRandom(1),
      fencing: false,
    });
    const first = redlock.acquire('r');
    await turn();
    await connection.answer(['granted']);
    const holder = await first;
    const second = redlock.acquire('r');
    connection.sent.length = 0;
    void holder.release();
    await turn();
    expect(connection.sent).toEqual([
      expect.stringMatching(`^release ${holder.ownerToken}, grant [0-9a-f]+$`),
    ]);
    await connection.answer(['released', 'granted']);
    expect((await second).state).toBe('held');
  });

  it('extend and release their locks while others wait', async () => {
    const { redlock } = memoryRedlock(3);
    const holder = await redlock.acquire('r');
    const next = redlock.acquire('r');
    await holder.extend();
    expect((await holder.release()).outcome).toBe('released');
    expect((await (await next).release()).outcome).toBe('released');
  });
});

describe('a call that has to wait behind others of its process', () => {
  it('gives up at its own deadline, because the lock is held', async () => {
    const { redlock, clock, nodes, holder } = await processThatHolds();
    const [late, early] = [
      redlock.acquire('r', { acquireTimeout: 700 }),
      redlock.acquire('r', { acquireTimeout: 300 }),
    ];
    late.catch(() => {});
    const rejection = rejectionOf(early);
    await clock.advanceAsync(300);
    const error = (await rejection) as AcquireTimeoutError;
    expect(error).toBeInstanceOf(AcquireTimeoutError);
    expect(error).toMatchObject({
      code: 'ACQUIRE_TIMEOUT',
      message:
        'gave up on "r" after 300 ms: cannot lock "r": this Redlock itself holds "r", for 29398 ms more unless it is extended or released',
      cause: expect.any(ResourceHeldError),
      votes: [],
    });
    expect(error.cause).toMatchObject({ remaining: holder.remaining() });
    await clock.advanceAsync(399);
    expect(await peek(late)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(late)).toMatchObject({ reason: { code: 'ACQUIRE_TIMEOUT' } });
    expect(counts(nodes, 'grant')).toEqual([1, 1, 1]);
  });

  it('names of several resources those that its Redlock holds, for as long as the longest lock on them', async () => {
    const { redlock, clock } = memoryRedlock(3);
    const holders = [await redlock.acquire('r', { ttl: 5_000 }), await redlock.acquire('s', { ttl: 9_000 })];
    const rejection = rejectionOf(redlock.acquire(['q', 's', 'r'], { acquireTimeout: 300 }));
    await clock.advanceAsync(300);
    const { cause } = (await rejection) as AcquireTimeoutError;
    expect(cause).toMatchObject({
      message: expect.stringContaining('holds "s", "r", for 8608 ms more'),
      remaining: holders[1]?.remaining(),
    });
  });

  it('says so if nobody of its Redlock holds the lock, but others came before', async () => {
    const { redlock, clock, another } = memoryRedlock(3);
    await another().acquire('r', { ttl: 30_000 });
    redlock.acquire('r').catch(() => {});
    const rejection = rejectionOf(redlock.acquire('r', { acquireTimeout: 300 }));
    await clock.advanceAsync(300);
    expect(((await rejection) as AcquireTimeoutError).cause).toMatchObject({
      message: 'cannot lock "r": other calls of this Redlock that came before did not get it either',
      remaining: Number.POSITIVE_INFINITY,
    });
  });

  it('does not take a lock that was released or lost for one that is held', async () => {
    const { redlock, clock, another } = memoryRedlock(3);
    for (const end of ['released', 'lost']) {
      const lock = await redlock.acquire('r', { ttl: 1_000 });
      if (end === 'released') await lock.release();
      else await clock.advanceAsync(1_000);
      const holder = await another().acquire('r', { ttl: 30_000 });
      const first = redlock.acquire('r', { acquireTimeout: 1_000 }).catch(() => {});
      const rejection = rejectionOf(redlock.acquire('r', { acquireTimeout: 300 }));
      await clock.advanceAsync(1_000);
      expect(((await rejection) as AcquireTimeoutError).cause).toMatchObject({
        remaining: Number.POSITIVE_INFINITY,
      });
      await first;
      await holder.release();
    }
  });

  it('has no more time for its attempts than was left when its turn came', async () => {
    const nodes = scriptedNodes(3, { grant: granted, release: { kind: 'released' } });
    const { redlock, clock } = processOver(nodes);
    const holder = await redlock.acquire('r');
    const call = rejectionOf(redlock.acquire('r', { acquireTimeout: 400 }));
    await clock.advanceAsync(300);
    for (const node of nodes)
      node.atOnce.grant = { kind: 'denied', remaining: 60_000, key: 'r', owner: 'other' };
    void holder.release();
    await clock.advanceAsync(99);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call)).toMatchObject({ value: { code: 'ACQUIRE_TIMEOUT' } });
    // For so long the inbox stays open.
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });

  it('ends with its own signal, and nobody else does', async () => {
    const { redlock, holder, nodes } = await processThatHolds();
    const controller = new AbortController();
    const calls = [redlock.acquire('r', { signal: controller.signal }), redlock.acquire('r')] as const;
    const reason = new Error('not wanted any more');
    const rejection = rejectionOf(calls[0]);
    controller.abort(reason);
    expect(await rejection).toBe(reason);
    expect(await peek(calls[1])).toBe('pending');
    void holder.release();
    expect(await peek(calls[1])).toMatchObject({ value: { state: 'held' } });
    expect(counts(nodes, 'grant')).toEqual([2, 2, 2]);
  });

  it('is not delayed by those before it that gave up', async () => {
    const { redlock, holder } = await processThatHolds();
    const controller = new AbortController();
    const gone = Array.from({ length: 10 }, () => redlock.acquire('r', { signal: controller.signal }));
    for (const call of gone) call.catch(() => {});
    const last = redlock.acquire('r');
    controller.abort();
    void holder.release();
    expect(await peek(last)).toMatchObject({ value: { state: 'held' } });
  });

  it('leaves nothing, as do a hundred that one signal ends: nothing is sent, no timer stays', async () => {
    const { nodes, redlock, clock, holder } = await processThatHolds();
    const timers = clock.pending;
    const controller = new AbortController();
    const calls = Array.from({ length: 100 }, () => redlock.acquire('r', { signal: controller.signal }));
    const outcomes = Promise.allSettled(calls);
    controller.abort();
    expect((await outcomes).every(({ status }) => status === 'rejected')).toBe(true);
    await clock.advanceAsync(1_000);
    expect(nodes.map(({ requests }) => requests.length)).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(timers);
    await holder.release();
    await clock.advanceAsync(1_000);
    expect(nodes.map(({ requests }) => requests.length)).toEqual([2, 2, 2]);
    expect(clock.pending).toBe(0);
  });

  it('leaves alone the one that asks the nodes, when a hundred are ended', async () => {
    const nodes = scriptedNodes(1, {
      grant: { kind: 'denied', remaining: 60_000, key: 'r', owner: 'other' },
    });
    const { redlock, clock } = processOver(nodes);
    redlock.acquire('r', { ...FOREVER, retry: { minTimeout: 500, randomize: false } }).catch(() => {});
    const controller = new AbortController();
    const outcomes = Promise.allSettled(
      Array.from({ length: 100 }, () => redlock.acquire('r', { signal: controller.signal })),
    );
    await turn();
    controller.abort();
    await outcomes;
    await clock.advanceAsync(499);
    expect(counts(nodes, 'grant')).toEqual([1]);
  });

  it('leads within the tick in which the one before it is ended', async () => {
    const nodes = scriptedNodes(3);
    const { redlock } = processOver(nodes);
    const controller = new AbortController();
    const head = rejectionOf(redlock.acquire('r', { signal: controller.signal }));
    const next = redlock.acquire('r');
    controller.abort();
    await new Promise((resolve) => process.nextTick(resolve));
    expect(nodes.map(({ requests }) => requests.map(({ verb }) => verb))).toEqual([
      ['grant', 'release', 'grant'],
      ['grant', 'release', 'grant'],
      ['grant', 'release', 'grant'],
    ]);
    for (const node of nodes) node.answer(granted);
    expect((await next).state).toBe('held');
    expect(await head).toBe(controller.signal.reason);
  });

  it('leads when the one before it has used up its time', async () => {
    const nodes = scriptedNodes(1, {
      grant: { kind: 'denied', remaining: 60_000, key: 'r', owner: 'other' },
    });
    const { redlock, clock } = processOver(nodes);
    const head = rejectionOf(redlock.acquire('r', { acquireTimeout: 100 }));
    const next = redlock.acquire('r', FOREVER);
    await clock.advanceAsync(100);
    expect(await head).toBeInstanceOf(AcquireTimeoutError);
    for (const node of nodes) node.atOnce.grant = granted;
    await clock.advanceAsync(1_000);
    expect((await next).state).toBe('held');
  });

  it('is rejected by close, as all others, and nothing of it is sent', async () => {
    const { redlock, nodes, clock } = await processThatHolds();
    const outcomes = Promise.allSettled(Array.from({ length: 100 }, () => redlock.acquire('r')));
    await redlock.close();
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ reason: expect.any(RedlockClosedError) });
    await clock.advanceAsync(60_000);
    expect(counts(nodes, 'grant')).toEqual([1, 1, 1]);
    expect(clock.pending).toBe(0);
  });
});
