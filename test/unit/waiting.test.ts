import { describe, expect, it } from 'vitest';
import {
  type AcquireOptions,
  AcquireTimeoutError,
  QuorumUnreachableError,
  type Random,
  Redlock,
  ResourceHeldError,
} from '../../src/index.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';

const granted = { kind: 'granted', counter: 7 } as const;
const denied = { kind: 'denied', remaining: 5_000, key: 'r', owner: 'A' } as const;

/** Jitter that is always the same fraction. */
function constant(fraction: number): Random {
  const random = seededRandom(3);
  return { token: () => random.token(), fraction: () => fraction };
}

function waiting(options: AcquireOptions, nodes: ScriptedNode[], random: Random = constant(0)) {
  const clock = new ManualClock(1_000);
  const redlock = new Redlock(nodes, { clock, random, ttl: 1_000 });
  return { clock, redlock, call: redlock.acquire('r', options) };
}

/** When the attempts of a call began, in ms since the call. */
function attemptTimes(nodes: readonly ScriptedNode[], clock: ManualClock): number[] {
  const times: number[] = [];
  const [node] = nodes;
  const grant = node?.grant.bind(node);
  if (node && grant) {
    node.grant = (claim, deliver) => {
      times.push(clock.now() - 1_000);
      grant(claim, deliver);
    };
  }
  return times;
}

describe('a call that has to wait', () => {
  it('gets the lock once the holder has let go', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('r');
    const call = redlock.acquire('r');
    await clock.advanceAsync(500);
    expect(await peek(call)).toBe('pending');
    await holder.release();
    await clock.advanceAsync(1_000);
    expect((await call).state).toBe('held');
  });

  it('counts validity from the attempt that won, not from the call', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('r');
    const call = redlock.acquire('r', {
      ttl: 1_000,
      retry: { minTimeout: 100, factor: 1, randomize: false },
    });
    await clock.advanceAsync(450);
    void holder.release();
    await clock.advanceAsync(50);
    expect((await call).remaining()).toBe(938);
  });

  it('takes a fresh owner token for every attempt', async () => {
    const nodes = scriptedNodes(1, { grant: denied });
    const { clock } = waiting({}, nodes, seededRandom(1));
    await clock.advanceAsync(5_000);
    const tokens = nodes[0]?.of('grant').map(({ ownerToken }) => ownerToken) ?? [];
    expect(tokens.length).toBeGreaterThan(5);
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  it('undoes every attempt before the next', async () => {
    const nodes = scriptedNodes(2, { grant: denied });
    const [first] = nodes;
    if (first) first.atOnce.grant = granted;
    const { clock } = waiting({}, nodes);
    await clock.advanceAsync(500);
    const verbs = first?.requests.map(({ verb, ownerToken }) => `${verb} ${ownerToken}`) ?? [];
    const tokens = first?.of('grant').map(({ ownerToken }) => ownerToken) ?? [];
    expect(verbs).toEqual(tokens.flatMap((token) => [`grant ${token}`, `release ${token}`]));
  });

  it.each([
    ['with full jitter', 1, [0, 50, 125, 237.5, 406.25]],
    ['with the least jitter', 0, [0, 25, 62.5, 118.75, 203.125]],
  ])('pauses longer and longer %s', async (_how, fraction, expected) => {
    const nodes = scriptedNodes(1, { grant: denied });
    const clock = new ManualClock(1_000);
    const times = attemptTimes(nodes, clock);
    const redlock = new Redlock(nodes, { clock, random: constant(fraction) });
    void redlock.acquire('r').catch(() => {});
    await clock.advanceAsync(500);
    expect(times.slice(0, 5)).toEqual(expected);
  });

  it('pauses as its own retry options say', async () => {
    const nodes = scriptedNodes(1, { grant: denied });
    const clock = new ManualClock(1_000);
    const times = attemptTimes(nodes, clock);
    const redlock = new Redlock(nodes, {
      clock,
      random: constant(0),
      retry: { randomize: false, factor: 1 },
    });
    void redlock.acquire('r', { retry: { minTimeout: 200, factor: 2, maxTimeout: 500 } }).catch(() => {});
    await clock.advanceAsync(2_000);
    expect(times).toEqual([0, 200, 600, 1_100, 1_600]);
  });

  it.each([
    { minTimeout: 0 },
    { minTimeout: 0, factor: 1_000 },
    { minTimeout: 0, maxTimeout: 0 },
    { minTimeout: 1, factor: 1, randomize: true },
  ])('attempts no more often than every 5 ms with %j', async (retry) => {
    const nodes = scriptedNodes(1, { grant: denied });
    const { clock } = waiting({ retry }, nodes);
    await clock.advanceAsync(1_000);
    expect(nodes[0]?.of('grant').length).toBeLessThanOrEqual(201);
    expect(nodes[0]?.of('grant').length).toBeGreaterThanOrEqual(2);
  });

  it('goes on for thousands of attempts at the same rate', async () => {
    const nodes = scriptedNodes(1, { grant: denied });
    const { clock } = waiting({ retry: { minTimeout: 0 }, acquireTimeout: Number.POSITIVE_INFINITY }, nodes);
    await clock.advanceAsync(10_000);
    expect(nodes[0]?.of('grant').length).toBe(2_001);
  });
});

describe('acquireTimeout', () => {
  it('ends a call with the error of its last attempt as the cause', async () => {
    const { call, clock } = waiting({ acquireTimeout: 500 }, scriptedNodes(3, { grant: denied }));
    const rejection = rejectionOf(call);
    await clock.advanceAsync(500);
    const reason = (await rejection) as AcquireTimeoutError;
    expect(reason).toBeInstanceOf(AcquireTimeoutError);
    expect(reason).toMatchObject({
      code: 'ACQUIRE_TIMEOUT',
      message: expect.stringMatching(/^gave up on "r" after 500 ms: cannot lock "r": held by another owner/),
      cause: expect.any(ResourceHeldError),
    });
    expect(reason.votes).toBe((reason.cause as ResourceHeldError).votes);
    // For so long the inbox stays open.
    await clock.advanceAsync(5_000);
    expect(clock.pending).toBe(0);
  });

  it('is kept to the millisecond', async () => {
    const { call, clock } = waiting({ acquireTimeout: 333 }, scriptedNodes(3, { grant: denied }));
    call.catch(() => {});
    await clock.advanceAsync(332);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call)).toMatchObject({ status: 'rejected' });
  });

  it.each([
    [1, 'RESOURCE_HELD'],
    [300, 'QUORUM_UNREACHABLE'],
  ])('that leaves the last attempt %d ms is explained by %s', async (left, code) => {
    const nodes = scriptedNodes(3, { grant: denied });
    const retry = { minTimeout: 100, randomize: false };
    const { call, clock } = waiting({ acquireTimeout: 100 + left, retry }, nodes);
    call.catch(() => {});
    await clock.advanceAsync(50);
    for (const node of nodes) delete node.atOnce.grant;
    await clock.advanceAsync(50);
    expect(nodes.some((node) => node.of('grant').length === 2)).toBe(true);
    await clock.advanceAsync(left);
    expect(await peek(call)).toMatchObject({ reason: { cause: { code } } });
  });

  it('cuts an attempt short', async () => {
    const nodes = scriptedNodes(3);
    const { call, clock } = waiting({ acquireTimeout: 30 }, nodes);
    call.catch(() => {});
    await clock.advanceAsync(30);
    expect(await peek(call)).toMatchObject({ reason: { cause: expect.any(QuorumUnreachableError) } });
    expect(nodes.map((node) => node.of('release').length)).toEqual([1, 1, 1]);
  });

  it('that an attempt has used up ends the call without a pause', async () => {
    const { call, clock } = waiting({ acquireTimeout: 30 }, scriptedNodes(3));
    call.catch(() => {});
    clock.advance(30);
    expect(await peek(call)).toMatchObject({ reason: { code: 'ACQUIRE_TIMEOUT' } });
    expect(clock.pending).toBe(0);
  });

  it('ends a call that fails otherwise with the error itself', async () => {
    const failure = new Error('no entropy');
    const random = constant(0);
    let tokens = 0;
    const exhausted: Random = {
      token: () => {
        if (++tokens > 1) throw failure;
        return random.token();
      },
      fraction: () => 0,
    };
    const { call, clock } = waiting({ acquireTimeout: 500 }, scriptedNodes(1, { grant: denied }), exhausted);
    const rejection = rejectionOf(call);
    await clock.advanceAsync(500);
    expect(await rejection).toBe(failure);
  });

  it('ends the wait for a first contact too', async () => {
    const nodes = scriptedNodes(3);
    for (const node of nodes) node.contactUntil = 3_000;
    const { call, clock } = waiting({ acquireTimeout: 300 }, nodes);
    call.catch(() => {});
    await clock.advanceAsync(300);
    expect(await peek(call)).toMatchObject({ reason: { code: 'ACQUIRE_TIMEOUT' } });
  });

  it('of 0 is one attempt, and its own error', async () => {
    const nodes = scriptedNodes(3, { grant: denied });
    const { call, clock } = waiting({ acquireTimeout: 0 }, nodes);
    await expect(call).rejects.toBeInstanceOf(ResourceHeldError);
    await clock.advanceAsync(5_000);
    expect(nodes[0]?.of('grant')).toHaveLength(1);
  });

  it('of 0 gives the attempt its nodeTimeout', async () => {
    const nodes = scriptedNodes(1);
    const { call, clock } = waiting({ acquireTimeout: 0 }, nodes);
    clock.advance(99);
    nodes[0]?.answer(granted);
    expect((await call).state).toBe('held');
  });

  it('of Infinity never ends', async () => {
    const nodes = scriptedNodes(1, { grant: denied });
    const { call, clock } = waiting({ acquireTimeout: Number.POSITIVE_INFINITY }, nodes);
    await clock.advanceAsync(3_600_000);
    expect(await peek(call)).toBe('pending');
    for (const node of nodes) node.atOnce.grant = granted;
    await clock.advanceAsync(1_000);
    expect((await call).state).toBe('held');
  });
});

describe('retries', () => {
  it.each([0, 1, 3])('of %d are that many further attempts', async (retries) => {
    const nodes = scriptedNodes(1, { grant: unreachable() });
    const { call, clock } = waiting({ retry: { retries } }, nodes);
    const outcome = call.catch((error: unknown) => error);
    await clock.advanceAsync(9_000);
    expect(await outcome).toBeInstanceOf(QuorumUnreachableError);
    expect(nodes[0]?.of('grant')).toHaveLength(retries + 1);
  });

  it('end a call without another pause', async () => {
    const nodes = scriptedNodes(1, { grant: unreachable() });
    const { call, clock } = waiting({ retry: { retries: 1, minTimeout: 100, randomize: false } }, nodes);
    call.catch(() => {});
    await clock.advanceAsync(100);
    expect(await peek(call)).toMatchObject({ status: 'rejected' });
    expect(clock.pending).toBe(0);
  });
});
