import { describe, expect, it } from 'vitest';
import { nodeOver } from '../support/fake-connection.ts';
import { type MemoryRedlock, memoryRedlock } from '../support/memory-redlock.ts';
import { recorded, type Series, type Telemetry } from '../support/telemetry.ts';

/** The series of a metric by their attributes, as `method=acquire, outcome=held`. */
async function table(telemetry: Telemetry, metric: string): Promise<Record<string, Series['value']>> {
  const all = await telemetry.series(metric);
  return Object.fromEntries(
    all.map(({ attributes, value }) => [
      Object.entries(attributes)
        .map(([name, of]) => `${name.replace('quorlock.', '')}=${String(of)}`)
        .sort()
        .join(', '),
      value,
    ]),
  );
}

/** The counts of a histogram. */
async function counts(telemetry: Telemetry, metric: string): Promise<Record<string, number>> {
  const all = await table(telemetry, metric);
  return Object.fromEntries(
    Object.entries(all).map(([name, value]) => [name, typeof value === 'number' ? value : value.count]),
  );
}

const failAll = ({ nodes }: MemoryRedlock): void => {
  for (const node of nodes) node.fail();
};

describe('quorlock.acquire.duration', () => {
  it('counts calls by method and outcome', async () => {
    const over = memoryRedlock(3, { acquireTimeout: 0 });
    const telemetry = recorded();
    const { redlock } = over;
    const lock = await redlock.acquire('order:1');
    await redlock.tryAcquire('order:1');
    await redlock.acquire('order:1').catch(() => {});
    await redlock.acquire('order:1', { signal: AbortSignal.abort() }).catch(() => {});
    await redlock.using('user:1', () => {});
    await redlock.acquire('').catch(() => {});
    await lock.release();
    failAll(over);
    await redlock.tryAcquire('order:2').catch(() => {});
    expect(await counts(telemetry, 'quorlock.acquire.duration')).toEqual({
      'method=acquire, outcome=acquired, resource=order': 1,
      'method=acquire, outcome=RESOURCE_HELD, resource=order': 1,
      'method=acquire, outcome=aborted, resource=order': 1,
      'method=acquire, outcome=invalid, resource=': 1,
      'method=tryAcquire, outcome=held, resource=order': 1,
      'method=tryAcquire, outcome=QUORUM_UNREACHABLE, resource=order': 1,
      'method=using, outcome=acquired, resource=user': 1,
    });
  });

  it('is in seconds, with buckets from a millisecond to half a minute', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const telemetry = recorded({ resourceName: () => undefined });
    const holder = await another().acquire('a');
    const call = redlock.acquire('a');
    await clock.advanceAsync(2_500);
    await holder.release();
    await clock.advanceAsync(0);
    await call;
    const all = await table(telemetry, 'quorlock.acquire.duration');
    const value = all['method=acquire, outcome=acquired'];
    expect(value).toMatchObject({ count: 2, sum: 2.5 });
    const { bounds } = value as { bounds: readonly number[] };
    expect([bounds[0], bounds.at(-1)]).toEqual([0.001, 30]);
  });
});

describe('quorlock.acquire.waiting', () => {
  it('is the number of calls that have not settled', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('a');
    const telemetry = recorded();
    const calls = [redlock.acquire('a'), redlock.acquire('a')];
    await clock.advanceAsync(100);
    expect(await table(telemetry, 'quorlock.acquire.waiting')).toEqual({ 'method=acquire, resource=a': 2 });
    await holder.release();
    await clock.advanceAsync(0);
    await (await calls[0])?.release();
    await calls[1];
    expect(await table(telemetry, 'quorlock.acquire.waiting')).toEqual({ 'method=acquire, resource=a': 0 });
  });

  it('goes back to 0 when the recording ends, whatever still waits', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await another().acquire('a');
    const telemetry = recorded();
    redlock.acquire('a').catch(() => {});
    await clock.advanceAsync(100);
    telemetry.undo();
    expect(await table(telemetry, 'quorlock.acquire.waiting')).toEqual({ 'method=acquire, resource=a': 0 });
    await clock.advanceAsync(20_000);
    expect(await table(telemetry, 'quorlock.acquire.waiting')).toEqual({ 'method=acquire, resource=a': 0 });
    expect(await table(telemetry, 'quorlock.acquire.duration')).toEqual({});
  });
});

describe('quorlock.acquire.contended', () => {
  it('counts the calls that had somebody in the way, each once', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const telemetry = recorded();
    const holder = await another().acquire('a');
    const first = redlock.acquire('a');
    const second = redlock.using('a', () => {});
    await redlock.tryAcquire('a');
    await clock.advanceAsync(3_000);
    await holder.release();
    await clock.advanceAsync(0);
    await (await first).release();
    await clock.advanceAsync(0);
    await second;
    await redlock.acquire('b');
    expect(await table(telemetry, 'quorlock.acquire.contended')).toEqual({
      'method=acquire, resource=a': 1,
      'method=using, resource=a': 1,
      'method=tryAcquire, resource=a': 1,
    });
  });
});

describe('of locks', () => {
  it('quorlock.lock.held.duration has the time until the release or the loss', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 2_000 });
    const telemetry = recorded();
    const released = await redlock.acquire('a:1');
    await redlock.acquire('b:1');
    clock.jump(500);
    await released.release();
    await clock.advanceAsync(5_000);
    const all = await table(telemetry, 'quorlock.lock.held.duration');
    expect(all).toMatchObject({
      'outcome=released, resource=a': { count: 1, sum: 0.5 },
      'outcome=lost, resource=b': { count: 1 },
    });
    expect(Object.keys(all)).toHaveLength(2);
  });

  it('quorlock.lock.held.duration leaves out locks that were taken before the recording', async () => {
    const { redlock } = memoryRedlock(3);
    const before = await redlock.acquire('a');
    const telemetry = recorded();
    await before.release();
    expect(await table(telemetry, 'quorlock.lock.held.duration')).toEqual({});
  });

  it('quorlock.lock.lost and quorlock.extend.failures count what happens', async () => {
    const over = memoryRedlock(3, { ttl: 1_000 });
    const { redlock, another, clock } = over;
    const telemetry = recorded();
    await redlock.acquire('a:1', { maxHoldTime: 500 });
    const taken = await redlock.acquire('b:1');
    await clock.advanceAsync(600);
    await another().revoke('b:1');
    taken.extend().catch(() => {});
    await clock.advanceAsync(0);
    const failing = await redlock.acquire('c:1');
    failAll(over);
    for (let i = 0; i < 2; i++) {
      failing.extend().catch(() => {});
      await clock.advanceAsync(0);
    }
    const closed = redlock.close();
    await clock.advanceAsync(1_000);
    await closed;
    expect(await table(telemetry, 'quorlock.lock.lost')).toEqual({
      'loss.reason=maxHoldTime, resource=a': 1,
      'loss.reason=taken, resource=b': 1,
      'loss.reason=closed, resource=c': 1,
    });
    expect(await table(telemetry, 'quorlock.extend.failures')).toEqual({ 'resource=c': 2 });
  });
});

/** How many nodes are in which state, of those that are in any. */
async function states(telemetry: Telemetry): Promise<Record<string, number>> {
  const all = await telemetry.series('quorlock.node.state');
  return Object.fromEntries(
    all
      .filter(({ value }) => value !== 0)
      .map(({ attributes, value }) => [
        `${String(attributes['quorlock.node.name'])} ${String(attributes['quorlock.node.state'])}`,
        value as number,
      ]),
  );
}

describe('quorlock.node.state', () => {
  it('is 1 for the state that a node is in, and 0 for the others', async () => {
    const telemetry = recorded();
    const { connection } = nodeOver();
    expect(await telemetry.series('quorlock.node.state')).toEqual([]);
    await connection.up();
    expect(await table(telemetry, 'quorlock.node.state')).toEqual({
      'node.name=a:6379, node.state=up': 1,
      'node.name=a:6379, node.state=down': 0,
      'node.name=a:6379, node.state=quarantined': 0,
      'node.name=a:6379, node.state=unusable': 0,
    });
    await connection.down();
    expect(await states(telemetry)).toEqual({ 'a:6379 down': 1 });
  });

  it('counts nodes of the same name, and forgets those that are closed', async () => {
    const telemetry = recorded();
    const [one, two] = [nodeOver(), nodeOver()];
    await one.connection.up();
    await two.connection.up();
    expect(await states(telemetry)).toEqual({ 'a:6379 up': 2 });
    await one.connection.down();
    expect(await states(telemetry)).toEqual({ 'a:6379 up': 1, 'a:6379 down': 1 });
    void one.node.close(0);
    await one.clock.advanceAsync(0);
    expect(await states(telemetry)).toEqual({ 'a:6379 up': 1 });
    void two.node.close(0);
    await two.clock.advanceAsync(0);
    expect(await states(telemetry)).toEqual({});
  });

  it('is right from the next change on if the recording begins late', async () => {
    const { connection } = nodeOver();
    await connection.up();
    const telemetry = recorded();
    await connection.down();
    await connection.up();
    expect(await states(telemetry)).toEqual({ 'a:6379 up': 1 });
  });
});

describe('the attribute quorlock.resource', () => {
  it.each([
    ['order:1', 'order'],
    [['order:1', 'order:2'], 'order'],
    [['user:1', 'order:2'], 'order,user'],
    ['nightly', 'nightly'],
    [':x', ''],
  ])('of %j is %s', async (resources, name) => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    await redlock.acquire(resources);
    const [series] = await telemetry.series('quorlock.acquire.duration');
    expect(series?.attributes['quorlock.resource']).toBe(name);
  });

  it('is what the function says', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded({ resourceName: (resource) => resource.toUpperCase() });
    await redlock.acquire('a:1');
    expect(await counts(telemetry, 'quorlock.acquire.duration')).toEqual({
      'method=acquire, outcome=acquired, resource=A:1': 1,
    });
  });

  it.each([
    ['returns undefined', () => undefined],
    ['returns no string', () => 42 as never],
    [
      'throws',
      () => {
        throw new Error('mine');
      },
    ],
  ])('is left out if the function %s, and the lock is taken all the same', async (how, resourceName) => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded({ resourceName });
    const lock = await redlock.using('a:1', ({ state }) => state);
    expect(lock).toBe('held');
    expect(await counts(telemetry, 'quorlock.acquire.duration')).toEqual({
      'method=using, outcome=acquired': 1,
    });
    expect(telemetry.logged.length > 0).toBe(how === 'throws');
  });

  it.each([42, null, [42]])('is left out for %j, which is no resource', async (resources) => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    await redlock.acquire(resources as never).catch(() => {});
    expect(await counts(telemetry, 'quorlock.acquire.duration')).toEqual({
      'method=acquire, outcome=invalid': 1,
    });
    expect(telemetry.logged).toEqual([]);
  });
});

describe('metrics', () => {
  it('have units', async () => {
    const over = memoryRedlock(3, { ttl: 1_000 });
    const telemetry = recorded();
    const lock = await over.redlock.acquire('a');
    await over.redlock.tryAcquire('a');
    failAll(over);
    lock.extend().catch(() => {});
    await over.clock.advanceAsync(5_000);
    expect(await telemetry.units()).toEqual({
      'quorlock.acquire.duration': 's',
      'quorlock.acquire.waiting': '{call}',
      'quorlock.acquire.contended': '{call}',
      'quorlock.lock.held.duration': 's',
      'quorlock.lock.lost': '{lock}',
      'quorlock.extend.failures': '{extension}',
      'quorlock.node.state': '{node}',
    });
  });

  it('are not recorded if they are not wanted', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded({ metrics: false });
    await redlock.using('a', () => {});
    expect(await telemetry.units()).toEqual({});
    expect(telemetry.spans().length).toBe(2);
  });

  it('that fail harm no lock', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded({ metrics: false, spans: false });
    const { api } = telemetry;
    const meter = api.metrics.getMeter('quorlock');
    meter.createHistogram = () => ({
      record: () => {
        throw new Error('mine');
      },
    });
    const { instrument } = await import('../../src/otel.ts');
    const undo = instrument({ metrics: { getMeter: () => meter } }, { spans: false });
    expect(await redlock.using('a', ({ state }) => state)).toBe('held');
    undo();
    expect(telemetry.logged).toHaveLength(2);
  });
});
