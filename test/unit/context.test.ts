import { afterEach, describe, expect, it } from 'vitest';
import { type Lock, type LockNode, Redlock } from '../../src/index.ts';
import { createMemoryNodes } from '../../src/testing.ts';
import { CONTEXTS, type Contexts } from '../support/contexts.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';

const [one, two, other] = [{ name: 'one' }, { name: 'two' }, { name: 'other' }];

describe.each(CONTEXTS)('seen by %s', (_name, begin) => {
  let contexts: Contexts;
  const start = (): Contexts => (contexts = begin());
  afterEach(() => contexts.end());

  /** Where the signal's listener is when it hears of the loss. */
  function heard({ signal }: Lock): { context?: object | undefined } {
    const seen: { context?: object | undefined } = {};
    signal.addEventListener('abort', () => {
      seen.context = contexts.current();
    });
    return seen;
  }

  it('a signal aborts where its lock was taken, when a timer finds it lost', async () => {
    const { run } = start();
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const locks = [await run(one, () => redlock.acquire('a')), await run(two, () => redlock.acquire('b'))];
    const seen = locks.map((lock) => run(other, () => heard(lock)));
    await run(other, () => clock.advanceAsync(2_000));
    expect(seen.map(({ context }) => context)).toEqual([one, two]);
  });

  it('a signal aborts where its lock was taken, when another call finds it lost', async () => {
    const { run } = start();
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const lock = await run(one, () => redlock.acquire('a'));
    const seen = run(other, () => heard(lock));
    clock.jump(5_000);
    const found = run(two, () => redlock.tryAcquire('b'));
    await clock.advanceAsync(0);
    await found;
    expect(seen.context).toBe(one);
  });

  it('a signal aborts where its lock was taken, when the Redlock is closed or extend is called elsewhere', async () => {
    const { run } = start();
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const lost = await run(one, () => redlock.acquire('a'));
    const seen = [heard(lost)];
    clock.jump(5_000);
    await run(other, () => lost.extend().catch(() => {}));
    seen.push(heard(await run(two, () => redlock.acquire('b'))));
    await run(other, () => redlock.close());
    expect(seen.map(({ context }) => context)).toEqual([one, two]);
  });

  it('a call that another one lets ask does so, and goes on, where it was made', async () => {
    const { run, current } = start();
    const clock = new ManualClock(1_000);
    const asked: unknown[] = [];
    const nodes = createMemoryNodes(3, { clock }).map((node): LockNode => {
      const grant = node.grant.bind(node);
      return Object.assign(node, {
        grant: (...args: Parameters<LockNode['grant']>) => {
          asked.push(current());
          grant(...args);
        },
      });
    });
    const redlock = new Redlock(nodes, { clock });
    const lock = await run(one, () => redlock.acquire('a'));
    const after = run(two, async () => {
      const seen = await redlock.using('a', () => current());
      return [seen, current()];
    });
    await clock.advanceAsync(10);
    asked.length = 0;
    await run(one, () => lock.release());
    await clock.advanceAsync(0);
    expect(await after).toEqual([two, two]);
    expect(asked).toEqual([two, two, two]);
  });

  it('a lock extends itself in no context of a call', async () => {
    const { run, current } = start();
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: 1_000 });
    const lock = await run(one, () => redlock.acquire('a', { autoExtend: true }));
    const [seen, before] = [[] as unknown[], current()];
    for (const node of nodes) {
      const extend = node.extend.bind(node);
      node.extend = (...args) => {
        seen.push(current());
        extend(...args);
      };
    }
    clock.jump(500);
    const found = run(two, () => redlock.acquire('b'));
    await clock.advanceAsync(0);
    await found;
    await run(two, () => clock.advanceAsync(500));
    expect(lock.state).toBe('held');
    expect(seen.length).toBeGreaterThanOrEqual(6);
    expect(new Set(seen)).toEqual(new Set([before]));
  });
});
