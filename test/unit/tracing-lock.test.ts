import { describe, expect, it } from 'vitest';
import type { ExtendFailedEvent, LockEvent, LockLostEvent, LockReleasedEvent } from '../../src/index.ts';
import { heard } from '../support/heard.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { rejectionOf } from '../support/peek.ts';

const TTL = 1_000;
/** Of a lock that was just taken: less the drift. */
const VALIDITY = TTL - 12;

describe('quorlock:lock:acquired', () => {
  it.each(['acquire', 'tryAcquire', 'using'] as const)(
    'is published for %s before the caller has the lock',
    async (method) => {
      const { redlock } = memoryRedlock(3, { ttl: TTL });
      const acquired = heard<LockEvent>('quorlock:lock:acquired');
      let known = 0;
      const take = async () => {
        if (method === 'using')
          return redlock.using('a', { label: 'me' }, (lock) => {
            known = acquired.length;
            return lock;
          });
        const lock = await redlock[method]('a', { label: 'me' });
        known = acquired.length;
        return lock;
      };
      const lock = await take();
      expect(known).toBe(1);
      expect(acquired).toEqual([
        {
          lock,
          resources: ['a'],
          label: 'me',
          fencingToken: lock?.fencingToken,
          heldFor: 0,
          remaining: VALIDITY,
        },
      ]);
    },
  );

  it('has no label and no fencing token for a lock that has none', async () => {
    const { redlock } = memoryRedlock(3, { ttl: TTL });
    const acquired = heard<LockEvent>('quorlock:lock:acquired');
    const lock = await redlock.acquire(['a', 'b'], { fencing: false });
    expect(acquired).toEqual([{ lock, resources: ['a', 'b'], heldFor: 0, remaining: VALIDITY }]);
  });

  it('is not published for a call that gets no lock', async () => {
    const { redlock, another } = memoryRedlock(3);
    await another().acquire('a');
    const acquired = heard('quorlock:lock:acquired');
    await redlock.tryAcquire('a');
    await rejectionOf(redlock.acquire('a', { acquireTimeout: 0 }));
    expect(acquired).toEqual([]);
  });
});

describe('quorlock:lock:extended', () => {
  it('is published for each extension, by hand and by itself', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    heard('quorlock:lock:acquired');
    const extended = heard<LockEvent>('quorlock:lock:extended');
    const byHand = await redlock.acquire('a', { label: 'me' });
    clock.jump(100);
    await byHand.extend(2_000);
    expect(extended).toEqual([
      {
        lock: byHand,
        resources: ['a'],
        label: 'me',
        fencingToken: byHand.fencingToken,
        heldFor: 100,
        remaining: 2_000 - 22,
      },
    ]);
    const byItself = await redlock.acquire('b', { autoExtend: true });
    await clock.advanceAsync(TTL);
    expect(extended.filter(({ lock }) => lock === byItself).map(({ remaining }) => remaining)).toContain(
      VALIDITY,
    );
  });

  it('says for how long the lock was held if somebody subscribed before it was taken, to any channel of locks', async () => {
    const { redlock } = memoryRedlock(3);
    const extended = heard<LockEvent>('quorlock:lock:extended');
    const lock = await redlock.acquire('a');
    await lock.extend();
    expect(extended).toMatchObject([{ heldFor: 0 }]);
  });

  it('does not say for how long the lock was held if nobody had subscribed when it was taken', async () => {
    const { redlock } = memoryRedlock(3);
    const lock = await redlock.acquire('a');
    const extended = heard<LockEvent>('quorlock:lock:extended');
    await lock.extend();
    expect(extended).toHaveLength(1);
    expect(extended[0]).not.toHaveProperty('heldFor');
  });
});

describe('quorlock:lock:extendFailed', () => {
  it('has the error that extend throws, its votes, and how long the lock stays held', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: TTL });
    heard('quorlock:lock:acquired');
    const failed = heard<ExtendFailedEvent>('quorlock:lock:extendFailed');
    const lost = heard('quorlock:lock:lost');
    const lock = await redlock.acquire('a');
    for (const node of nodes) node.fail();
    clock.jump(300);
    const error = await rejectionOf(lock.extend());
    expect(failed).toEqual([
      {
        lock,
        resources: ['a'],
        fencingToken: lock.fencingToken,
        heldFor: 300,
        remaining: VALIDITY - 300,
        error,
        votes: (error as ExtendFailedEvent['error']).votes,
      },
    ]);
    expect(failed[0]?.votes.map(({ node }) => node)).toEqual(['memory-1', 'memory-2', 'memory-3']);
    expect([lock.state, lost]).toEqual(['held', []]);
  });

  it('is published for automatic extensions, until the lock is lost', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: TTL });
    const failed = heard<ExtendFailedEvent>('quorlock:lock:extendFailed');
    await redlock.acquire('a', { autoExtend: true });
    for (const node of nodes) node.fail();
    await clock.advanceAsync(2 * TTL);
    expect(failed.length).toBeGreaterThan(1);
    const left = failed.map(({ remaining }) => remaining);
    expect(left).toEqual([...left].sort((a, b) => b - a));
    for (const each of left) expect(each).toBeGreaterThan(0);
  });

  it('is not published when another owner is found: that is a loss', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { ttl: TTL });
    const failed = heard('quorlock:lock:extendFailed');
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    const lock = await redlock.acquire('a');
    await another().revoke('a');
    const extension = lock.extend();
    extension.catch(() => {});
    await clock.advanceAsync(0);
    await rejectionOf(extension);
    expect([failed.length, lost.map(({ reason }) => reason)]).toEqual([0, ['taken']]);
  });
});

describe('quorlock:lock:lost', () => {
  it('has the reason expired, the error of the signal, and the votes of the last extension', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: TTL });
    heard('quorlock:lock:acquired');
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    const lock = await redlock.acquire('a', { autoExtend: true, label: 'me' });
    for (const node of nodes) node.fail();
    await clock.advanceAsync(2 * TTL);
    expect(lost).toEqual([
      {
        lock,
        resources: ['a'],
        label: 'me',
        fencingToken: lock.fencingToken,
        heldFor: expect.closeTo(VALIDITY, -1) as number,
        remaining: 0,
        reason: 'expired',
        error: lock.signal.reason as unknown,
        votes: (lock.signal.reason as LockLostEvent['error']).votes,
      },
    ]);
    expect(lost[0]?.votes).toHaveLength(3);
  });

  it('has no votes if the lock was never extended', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    await redlock.acquire('a');
    await clock.advanceAsync(2 * TTL);
    expect(lost).toMatchObject([{ reason: 'expired', votes: [], remaining: 0 }]);
  });

  it('has the reason maxHoldTime', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    await redlock.acquire('a', { autoExtend: true, maxHoldTime: 3_000 });
    await clock.advanceAsync(4_000);
    expect(lost).toMatchObject([{ reason: 'maxHoldTime' }]);
  });

  it('has the reason closed', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    const lock = await redlock.acquire('a');
    const closed = redlock.close();
    await clock.advanceAsync(0);
    await closed;
    expect(lost).toMatchObject([{ lock, reason: 'closed', votes: [], error: { code: 'LOCK_LOST' } }]);
  });

  it('has the votes of the nodes that name another owner, with the reason taken', async () => {
    const { redlock, another, clock } = memoryRedlock(3, { ttl: TTL });
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    const lock = await redlock.acquire('a', { autoExtend: true });
    await another().revoke('a');
    await clock.advanceAsync(TTL);
    expect(lost).toMatchObject([{ lock, reason: 'taken' }]);
    expect(lost[0]?.votes.filter(({ kind }) => kind === 'denied').length).toBeGreaterThanOrEqual(2);
  });

  it('is published once, before the signal aborts, also when a look at the clock finds the loss', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const order: string[] = [];
    heard('quorlock:lock:lost', () => order.push('published'));
    const lock = await redlock.acquire('a');
    lock.signal.addEventListener('abort', () => order.push('aborted'));
    clock.jump(2 * TTL);
    expect([lock.state, lock.state]).toEqual(['lost', 'lost']);
    await clock.advanceAsync(TTL);
    expect(order).toEqual(['published', 'aborted']);
  });
});

describe('quorlock:lock:released', () => {
  it('has what the release has come to, and how long the lock was held until it was called', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    heard('quorlock:lock:acquired');
    const released = heard<LockReleasedEvent>('quorlock:lock:released');
    const lock = await redlock.acquire('a', { label: 'me' });
    clock.jump(250);
    const release = await lock.release();
    await lock.release();
    expect(released).toEqual([
      {
        lock,
        resources: ['a'],
        label: 'me',
        fencingToken: lock.fencingToken,
        heldFor: 250,
        remaining: 0,
        ...release,
      },
    ]);
    expect(release.outcome).toBe('released');
  });

  it('is published when the nodes have answered, or were given up on', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: TTL, nodeTimeout: 100 });
    heard('quorlock:lock:acquired');
    const released = heard<LockReleasedEvent>('quorlock:lock:released');
    const lock = await redlock.acquire('a');
    for (const node of nodes) node.hang();
    void lock.release();
    await clock.advanceAsync(99);
    expect(released).toEqual([]);
    await clock.advanceAsync(1);
    expect(released).toMatchObject([{ outcome: 'unconfirmed', heldFor: 0, remaining: 0 }]);
  });

  it('has the outcome expired if too few nodes had the keys', async () => {
    const { redlock, nodes } = memoryRedlock(3, { ttl: TTL });
    const released = heard<LockReleasedEvent>('quorlock:lock:released');
    const lock = await redlock.acquire('a');
    for (const node of nodes) node.forget();
    await lock.release();
    expect(released.map(({ outcome }) => outcome)).toEqual(['expired']);
  });

  it('is not published for a lock that was lost', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: TTL });
    const released = heard('quorlock:lock:released');
    const lock = await redlock.acquire('a');
    clock.jump(2 * TTL);
    expect((await lock.release()).outcome).toBe('expired');
    expect(released).toEqual([]);
  });
});
