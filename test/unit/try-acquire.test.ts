import { describe, expect, it } from 'vitest';
import { AcquireTimeoutError, type Lock, Redlock, ResourceHeldError } from '../../src/index.ts';
import type {
  ConfirmReply,
  ConfirmRequest,
  Deliver,
  ExtendReply,
  ExtendRequest,
  GrantReply,
  GrantRequest,
  InspectReply,
  LockNode,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  RevokeReply,
  RevokeRequest,
} from '../../src/node/lock-node.ts';
import { grantsOn, releasedBy, takenByTheDead } from '../support/attempts.ts';
import { deniedBy, granted, reserved } from '../support/in-line.ts';
import { linesAt, noLines } from '../support/line-at.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, turn } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tokenOf } from '../support/token.ts';

const NODE_TIMEOUT = 500;

/** Sets the key, as an owner does that holds no quorum. */
function voteOf(client: number, node: LockNode | undefined): void {
  const claim = { keys: ['r'], ownerToken: tokenOf(client, 1), ttl: 60_000, wanted: () => true };
  node?.grant(claim, () => {});
}

/** The same node, with a way there that takes so many ms. */
function distant(node: LockNode, clock: ManualClock, ms: number): LockNode {
  const later =
    <Request, Reply>(ask: (request: Request, deliver: Deliver<Reply>) => void) =>
    (request: Request, deliver: Deliver<Reply>): void =>
      void clock.after(ms, () => ask(request, deliver));
  return {
    name: node.name,
    firstContactUntil: () => Number.NEGATIVE_INFINITY,
    grant: later((request: GrantRequest, deliver: Deliver<GrantReply>) => node.grant(request, deliver)),
    confirm: later((request: ConfirmRequest, deliver: Deliver<ConfirmReply>) =>
      node.confirm(request, deliver),
    ),
    extend: later((request: ExtendRequest, deliver: Deliver<ExtendReply>) => node.extend(request, deliver)),
    repair: later((request: ExtendRequest, deliver: Deliver<RepairReply>) => node.repair(request, deliver)),
    release: later((request: ReleaseRequest, deliver: Deliver<ReleaseReply>) =>
      node.release(request, deliver),
    ),
    revoke: later((request: RevokeRequest, deliver: Deliver<RevokeReply>) => node.revoke(request, deliver)),
    inspect: later((key: string, deliver: Deliver<InspectReply>) => node.inspect(key, deliver)),
    openInbox: (waiter, key, listener) => node.openInbox(waiter, key, listener),
    objection: () => undefined,
    close: async () => {},
  };
}

/** So many processes, to each of which each node is at another distance, so that their calls reach the nodes in different orders. */
async function simultaneous(n: number, processes: number, down: number, seed: number) {
  const { clock, nodes, keys } = memoryRedlock(n);
  for (const node of nodes.slice(0, down)) node.fail();
  const random = seededRandom(seed);
  const calls = Array.from({ length: processes }, (_, process) => {
    const all = nodes.map((node) => distant(node, clock, random.fraction() * 3));
    const own = seededRandom(1_000 * seed + process);
    return new Redlock(all, { clock, random: own, nodeTimeout: NODE_TIMEOUT }).tryAcquire('r');
  });
  for (const call of calls) call.catch(() => {});
  await clock.advanceAsync(2 * NODE_TIMEOUT);
  const outcomes = await Promise.all(calls.map((call) => peek(call)));
  return { outcomes, clock, nodes, keys };
}

describe('calls of tryAcquire in the same millisecond on a free resource', () => {
  it.each([
    // nodes, processes, nodes down
    [1, 4, 0],
    [2, 4, 0],
    [3, 2, 0],
    [3, 4, 0],
    [3, 4, 1],
    [4, 4, 0],
    [5, 4, 0],
    [5, 4, 2],
    [5, 8, 0],
    [7, 4, 0],
  ])(
    'over %d nodes, of %d processes, with %d down: exactly one gets it, the others null',
    async (n, processes, down) => {
      for (let seed = 1; seed <= 20; seed++) {
        const { outcomes, clock, nodes, keys } = await simultaneous(n, processes, down, seed);
        const locks: Lock[] = [];
        for (const outcome of outcomes) {
          expect(outcome).toHaveProperty('status', 'fulfilled');
          if (outcome !== 'pending' && outcome.status === 'fulfilled' && outcome.value)
            locks.push(outcome.value);
        }
        expect(locks).toHaveLength(1);
        void locks[0]?.release();
        await clock.advanceAsync(100);
        for (const node of nodes) node.heal();
        await turn();
        expect(keys().flat()).toEqual([]);
        expect(await linesAt(nodes.slice(0, 1))).toEqual(noLines(1));
      }
    },
    60_000,
  );
});

describe('a call that does not wait', () => {
  it('tells at once that somebody holds it: with one attempt, and no other question', async () => {
    const { redlock, another, nodes, clock } = memoryRedlock(3);
    await another().acquire('r');
    const grants = grantsOn(nodes);
    let inspections = 0;
    for (const node of nodes) {
      const inspect = node.inspect.bind(node);
      node.inspect = (key, deliver) => {
        inspections++;
        inspect(key, deliver);
      };
    }
    expect(await peek(redlock.tryAcquire('r'))).toEqual({ status: 'fulfilled', value: null });
    expect(grants()).toEqual([1, 1, 1]);
    expect(inspections).toBe(0);
    expect(clock.now()).toBe(1_000);
  });

  it.each([2, 4])('tells so over an even number of nodes (%d) soon', async (n) => {
    const { redlock, another, clock } = memoryRedlock(n);
    await another().acquire('r');
    const call = redlock.tryAcquire('r');
    await clock.advanceAsync(10);
    expect(await peek(call)).toEqual({ status: 'fulfilled', value: null });
  });

  it('gets the lock when those that split the votes with it have gone', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    voteOf(1, nodes[0]);
    voteOf(2, nodes[1]);
    await turn();
    const call = redlock.tryAcquire('r');
    await clock.advanceAsync(20);
    expect(await peek(call)).toBe('pending');
    for (const client of [1, 2]) releasedBy(nodes, 'r', tokenOf(client, 1));
    await clock.advanceAsync(20);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('is null when somebody of those has got a quorum meanwhile', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    voteOf(1, nodes[0]);
    voteOf(2, nodes[1]);
    await turn();
    const call = redlock.tryAcquire('r');
    await clock.advanceAsync(20);
    releasedBy(nodes, 'r', tokenOf(2, 1));
    voteOf(1, nodes[1]);
    await clock.advanceAsync(20);
    expect(await peek(call)).toEqual({ status: 'fulfilled', value: null });
  });

  it('fails after nodeTimeout when the votes are still split then: nobody holds it', async () => {
    const { redlock, nodes, clock, keys } = memoryRedlock(3, { nodeTimeout: NODE_TIMEOUT });
    for (const [client, node] of nodes.entries()) voteOf(client + 1, node);
    await turn();
    const call = redlock.tryAcquire('r');
    call.catch(() => {});
    await clock.advanceAsync(NODE_TIMEOUT - 10);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(10);
    const outcome = await peek(call);
    expect(outcome).toMatchObject({ reason: expect.any(AcquireTimeoutError) });
    expect(outcome).toMatchObject({
      reason: {
        message: expect.stringContaining('gave up on "r" after '),
        cause: expect.any(ResourceHeldError),
      },
    });
    expect(keys()).toEqual([['r'], ['r'], ['r']]);
    expect(clock.pending).toBe(0);
  });

  it('is not kept out by what a dead owner has at the arbiter', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    // The arbiter, and one more by another owner, who goes.
    takenByTheDead(nodes.slice(0, 1), 'r', 60_000);
    voteOf(2, nodes[1]);
    await turn();
    const call = redlock.tryAcquire('r');
    await clock.advanceAsync(1);
    releasedBy(nodes, 'r', tokenOf(2, 1));
    await clock.advanceAsync(50);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('waits while the key is reserved for another process, and is null when that has it', async () => {
    const { redlock, another, clock } = memoryRedlock(1, { nodeTimeout: NODE_TIMEOUT });
    const holder = await another().acquire('r');
    const waiting = another().acquire('r', { acquireTimeout: 60_000 });
    await clock.advanceAsync(10);
    void holder.release();
    const call = redlock.tryAcquire('r');
    expect(await peek(waiting)).toMatchObject({ value: { state: 'held' } });
    await clock.advanceAsync(10);
    expect(await peek(call)).toEqual({ status: 'fulfilled', value: null });
  });

  it('gets the lock once a reservation has expired whose waiter is dead', async () => {
    const nodes = scriptedNodes(1, { grant: reserved(30), inspect: { kind: 'free' } });
    const clock = new ManualClock(1_000);
    const call = new Redlock(nodes, { clock, random: seededRandom(1) }).tryAcquire('r');
    await clock.advanceAsync(31);
    for (const node of nodes) node.atOnce.grant = granted;
    await clock.advanceAsync(10);
    expect(await peek(call)).toMatchObject({ value: { state: 'held' } });
  });

  it('stands in no line, and opens no inbox', async () => {
    const nodes = scriptedNodes(3, { inspect: { kind: 'free' } });
    for (const [index, node] of nodes.entries()) node.atOnce.grant = deniedBy(`${index}`);
    const clock = new ManualClock(1_000);
    const call = new Redlock(nodes, { clock, random: seededRandom(1) }).tryAcquire('r');
    call.catch(() => {});
    await clock.advanceAsync(5_000);
    expect(await peek(call)).toHaveProperty('reason.code', 'ACQUIRE_TIMEOUT');
    for (const node of nodes) {
      expect(node.inboxes.size).toBe(0);
      expect(node.of('grant').map(({ waiter }) => waiter)).toEqual(node.of('grant').map(() => undefined));
    }
  });

  it('fails at once with what keeps nodes from answering, also after votes were split', async () => {
    const nodes = scriptedNodes(3, { inspect: { kind: 'free' } });
    for (const [index, node] of nodes.entries()) node.atOnce.grant = deniedBy(`${index}`);
    const clock = new ManualClock(1_000);
    const call = new Redlock(nodes, { clock, random: seededRandom(1) }).tryAcquire('r');
    call.catch(() => {});
    await turn();
    for (const node of nodes) node.atOnce.grant = unreachable();
    await clock.advanceAsync(5);
    expect(await peek(call)).toHaveProperty('reason.code', 'QUORUM_UNREACHABLE');
  });

  it.each(['abort', 'close'])(
    'ends at once by %s after votes were split, and holds nothing',
    async (ending) => {
      for (let ms = 0; ms < 20; ms++) {
        const { another, nodes, clock, keys } = memoryRedlock(3);
        for (const [client, node] of nodes.entries()) voteOf(client + 1, node);
        await turn();
        const controller = new AbortController();
        const redlock = another();
        const call = redlock.tryAcquire('r', { signal: controller.signal });
        call.catch(() => {});
        await clock.advanceAsync(ms);
        if (ending === 'abort') controller.abort();
        else void redlock.close();
        expect(await peek(call)).toHaveProperty('status', 'rejected');
        for (const client of [1, 2, 3]) releasedBy(nodes, 'r', tokenOf(client, 1));
        await clock.advanceAsync(10);
        expect(keys()).toEqual([[], [], []]);
        expect(clock.pending).toBe(0);
      }
    },
  );

  it.each(['an acquireTimeout of 0', 'no retries'])('is also one with %s', async (how) => {
    const { redlock, nodes, clock } = memoryRedlock(3, { nodeTimeout: NODE_TIMEOUT });
    for (const [client, node] of nodes.entries()) voteOf(client + 1, node);
    await turn();
    const options = how === 'no retries' ? { retry: { retries: 0 } } : { acquireTimeout: 0 };
    const call = redlock.acquire('r', options);
    call.catch(() => {});
    await clock.advanceAsync(NODE_TIMEOUT);
    expect(await peek(call)).toHaveProperty('reason.code', 'ACQUIRE_TIMEOUT');
  });
});
