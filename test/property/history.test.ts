import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { type Lock, type Redlock, RedlockError } from '../../src/index.ts';
import { type MemoryRedlock, memoryRedlock } from '../support/memory-redlock.ts';

const RESOURCES = ['r', 's', 't'];

interface World extends MemoryRedlock {
  readonly clients: readonly Redlock[];
  readonly locks: Lock[];
  readonly calls: Promise<unknown>[];
}

type Step = (world: World) => Promise<void> | void;

const client = fc.nat(2);
const node = fc.nat(6);

/** One thing that happens: a client acts, time passes, a node fails. No node forgets anything by itself. */
const step: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      client,
      resources: fc.subarray(RESOURCES, { minLength: 1 }),
      autoExtend: fc.boolean(),
      acquireTimeout: fc.constantFrom(0, 300, 3_000),
      abortAfter: fc.option(fc.nat(20), { nil: undefined }),
    })
    .map(
      ({ client, resources, abortAfter, ...options }): Step =>
        (world) => {
          const controller = new AbortController();
          const call = world.clients[client]
            ?.acquire(resources, { ...options, signal: controller.signal })
            .then((lock) => world.locks.push(lock));
          if (call) world.calls.push(call.catch(expectKnown(controller.signal)));
          if (abortAfter !== undefined)
            world.clock.after(abortAfter, () => controller.abort('changed my mind'));
        },
    ),
  fc.nat(30).map(
    (which): Step =>
      ({ locks }) =>
        void locks[which % (locks.length || 1)]?.release(),
  ),
  fc.nat(30).map(
    (which): Step =>
      ({ locks }) =>
        void locks[which % (locks.length || 1)]?.extend().catch(expectKnown()),
  ),
  fc.integer({ min: 1, max: 700 }).map(
    (ms): Step =>
      ({ clock }) =>
        clock.advanceAsync(ms),
  ),
  // An event loop that is blocked for a while.
  fc.integer({ min: 1, max: 1_500 }).map(
    (ms): Step =>
      ({ clock }) =>
        clock.jump(ms),
  ),
  node.map(
    (which): Step =>
      ({ nodes }) =>
        nodes[which % nodes.length]?.hang(),
  ),
  node.map(
    (which): Step =>
      ({ nodes }) =>
        nodes[which % nodes.length]?.fail(),
  ),
  node.map(
    (which): Step =>
      ({ nodes }) =>
        nodes[which % nodes.length]?.heal(),
  ),
);

function expectKnown(signal?: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (signal?.aborted && error === signal.reason) return;
    expect(error).toBeInstanceOf(RedlockError);
  };
}

function expectExclusion({ locks }: World): void {
  for (const resource of RESOURCES) {
    const holders = locks.filter(({ state, resources }) => state === 'held' && resources.includes(resource));
    expect(holders.length).toBeLessThanOrEqual(1);
  }
}

const history = fc.array(step, { minLength: 1, maxLength: 40, size: 'max' });

describe('whatever happens', () => {
  test.prop([fc.integer({ min: 1, max: 7 }), history])(
    'no two hold a resource at the same time, every call settles, and nothing is left behind',
    async (n, steps) => {
      const memory = memoryRedlock(n, { ttl: 1_000 });
      const world: World = {
        ...memory,
        clients: [memory.redlock, memory.another(), memory.another()],
        locks: [],
        calls: [],
      };
      for (const each of steps) {
        await each(world);
        await world.clock.advanceAsync(0);
        expectExclusion(world);
        for (const lock of world.locks)
          if (lock.state === 'held') expect(lock.remaining()).toBeGreaterThan(0);
      }
      for (const node of world.nodes) node.heal();
      await world.clock.advanceAsync(0);
      expectExclusion(world);
      const closing = Promise.all(world.clients.map((client) => client.close()));
      await world.clock.advanceAsync(0);
      await closing;
      await Promise.all(world.calls);
      // No time has passed: keys are gone because they were deleted.
      expect(world.keys().flat()).toEqual([]);
      await world.clock.advanceAsync(100);
      expect(world.clock.pending).toBe(0);
    },
  );
});
