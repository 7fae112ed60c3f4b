import { describe, expect, it } from 'vitest';
import { Fence, fencedSet } from '../../src/fencing.ts';
import { type NodeSpec, Redlock, type RedlockError } from '../../src/index.ts';
import type { GrantReply } from '../../src/node/lock-node.ts';
import { admittedNode } from '../support/fake-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { rejectionOf } from '../support/peek.ts';
import { scriptedNodes, unreachable } from '../support/scripted-node.ts';

const MEGABYTE = 1 << 20;
/** Each of its characters takes six in a message. */
const LONG = '\u0001'.repeat(MEGABYTE);
const MANY = Array.from({ length: 1_000 }, (_, index) => `${index}${LONG.slice(0, 1_000)}`);

const options = (value: object) => () => new Redlock(['redis://a'], value);
const nodes =
  (...specs: unknown[]) =>
  () =>
    new Redlock(specs as NodeSpec[]);

function message(throws: () => unknown): Promise<string> {
  return rejectionOf((async () => throws())()).then((error) => (error as Error).message);
}

/** What nodes answer when the attempt has failed: it is a single one if somebody holds the lock. */
const HELD = {
  inspect: { kind: 'held', ownerToken: 'x', remaining: 5 },
  release: { kind: 'absent' },
} as const;

/** What a single attempt fails with when every node answers so. */
async function failure(
  reply: GrantReply,
  nodes = 3,
  resources: string | string[] = 'r',
): Promise<RedlockError> {
  const redlock = new Redlock(scriptedNodes(nodes, { ...HELD, grant: reply }), {
    clock: new ManualClock(1_000),
  });
  return rejectionOf(redlock.acquire(resources, { acquireTimeout: 0 })) as Promise<RedlockError>;
}

describe('a message stays short', () => {
  it.each([
    ['a long name', LONG],
    ['many names', MANY],
  ])('whatever is locked: %s', async (_what, resources) => {
    const { another, clock } = memoryRedlock(3);
    const [redlock, other] = [another(), another()];
    const lock = await redlock.acquire(resources, { fencing: false });
    const messages = [
      message(() => other.acquire(resources, { acquireTimeout: 0 })),
      message(() => other.acquire(resources, { acquireTimeout: 10 })),
      message(() => redlock.acquire(resources, { acquireTimeout: 10 })),
      message(() => lock.fencingToken),
    ];
    await clock.advanceAsync(20);
    await clock.advanceAsync(20_000);
    const all = await Promise.all([...messages, message(() => lock.extend())]);
    for (const text of all) {
      expect(text.length).toBeLessThan(10_000);
      expect(text).toMatch(/1048576 characters|and 995 more/);
    }
  });

  it.each([
    ['unreachable', { ...unreachable(false), cause: new Error(LONG) }],
    ['unusable', { kind: 'unusable', why: LONG }],
  ] as const)('whatever servers say, and however many: %s', async (_what, reply) => {
    const error = await failure(reply, 99, [LONG, ...MANY.slice(1)]);
    expect(error.message.length).toBeLessThan(10_000);
    expect(error.message).toContain('and 90 more');
    expect(error.votes).toHaveLength(99);
  });

  it('whatever is given', async () => {
    const { node } = await admittedNode();
    const client = { eval: async () => ['unreadable', 'a list'] };
    const fence = new Fence(LONG, 5);
    const all = [
      options({ [LONG]: 1 }),
      options({ ttl: LONG }),
      options({ ttl: 10n ** 9_999n }),
      options({ ttl: Symbol(LONG) }),
      options({ restartGuard: LONG }),
      nodes(LONG),
      nodes(`redis://${'h'.repeat(MEGABYTE)}/x`),
      nodes(`/${'s'.repeat(MEGABYTE)}`),
      nodes({ path: LONG }, { path: LONG }),
      nodes({ grant() {}, release() {}, extend() {}, [LONG]: 1 }),
      () => fence.check(1),
      () => fencedSet(client, LONG, 'value', 5),
      () => fencedSet(client, `{${LONG}`, 'value', 5),
    ];
    for (const text of await Promise.all(all.map(message))) expect(text.length).toBeLessThan(10_000);
    expect(node.objection([LONG])).toBeUndefined();
  });
});

describe('a message about a key that denied a lock says what it is', () => {
  it.each([
    [{ remaining: 5, owner: 'x' }, 'held by another owner (0 of 3 granted, 3 denied'],
    [{ remaining: 5, foreign: 'value' }, 'a value that quorlock did not set is in the way (0 of 3'],
    [
      { remaining: Number.POSITIVE_INFINITY, foreign: 'value' },
      'a value without expiry that quorlock did not set is in the way (0 of 3 granted, 3 denied, a has a value without expiry that quorlock did not set, b has a',
    ],
    [{ remaining: 5, foreign: 'type' }, 'a key of another type is in the way'],
    [
      { remaining: Number.POSITIVE_INFINITY, foreign: 'type' },
      'a key of another type without expiry is in the way',
    ],
    [{ remaining: Number.POSITIVE_INFINITY, owner: 'x' }, 'a key without expiry is in the way'],
    [
      { remaining: 5, isReserved: true },
      'a key reserved for a waiter is in the way (0 of 3 granted, 3 denied, a has a key reserved for a waiter, b has a',
    ],
  ] as const)('%j', async (denial, text) => {
    const error = await failure({ kind: 'denied', key: 'r', ...denial });
    expect(error.message).toContain(`cannot lock "r": ${text}`);
    const { owner: _, ...vote } = { owner: '', ...denial };
    expect(error.votes[0]).toEqual({ node: 'a', kind: 'denied', ...vote });
  });

  it('of each node, where they differ', async () => {
    const nodes = scriptedNodes(3, HELD);
    const redlock = new Redlock(nodes, { clock: new ManualClock(1_000) });
    const rejection = rejectionOf(redlock.acquire('r', { acquireTimeout: 0 }));
    nodes[0]?.answer({ kind: 'denied', remaining: 5, key: 'r', owner: 'x' });
    nodes[1]?.answer({ kind: 'denied', remaining: 5, key: 'r', foreign: 'value' });
    expect(((await rejection) as Error).message).toBe(
      'cannot lock "r": held by another owner (0 of 3 granted, 2 denied, b has a value that quorlock did not set, c had not answered)',
    );
  });
});
