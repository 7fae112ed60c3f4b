import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { describe, expect, it } from 'vitest';
import { LockLostError, RedlockClosedError } from '../../src/index.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { rejectionOf } from '../support/peek.ts';
import { eventsOf, recorded, type Telemetry } from '../support/telemetry.ts';

/** Does something under a span of the user's own. */
async function under<T>(telemetry: Telemetry, act: () => Promise<T>): Promise<T> {
  const span = telemetry.api.trace.getTracer('test').startSpan('request', {}, ROOT_CONTEXT);
  try {
    return await context.with(trace.setSpan(ROOT_CONTEXT, span), act);
  } finally {
    span.end();
  }
}

/** The only span of that name that has ended. */
function only(telemetry: Telemetry, name: string): ReadableSpan {
  const found = telemetry.spans().filter((span) => span.name === name);
  expect(found).toHaveLength(1);
  return found[0] as ReadableSpan;
}

/** Each span that has ended, with the one that it is a child of. */
function tree(telemetry: Telemetry): string[] {
  const all = telemetry.spans();
  return all.map(({ name, parentSpanContext }) => {
    const parent = all.find((span) => span.spanContext().spanId === parentSpanContext?.spanId);
    return `${parent?.name ?? 'none'} > ${name}`;
  });
}

const startSpan = (): never => {
  throw new Error('mine');
};

describe('quorlock.acquire', () => {
  it('is a span for each call, with what it has come to', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    const lock = await redlock.acquire('order:1', { label: 'me' });
    const { attributes, status, events } = only(telemetry, 'quorlock.acquire');
    expect(attributes).toEqual({
      'quorlock.method': 'acquire',
      'quorlock.resource': 'order',
      'quorlock.label': 'me',
      'quorlock.outcome': 'acquired',
      'quorlock.attempts': 1,
      'quorlock.contended': false,
      'quorlock.fencing_token': lock.fencingToken,
    });
    expect([status.code, events]).toEqual([SpanStatusCode.UNSET, []]);
  });

  it('has no fencing token of a lock without one', async () => {
    const { redlock } = memoryRedlock(3, { fencing: false });
    const telemetry = recorded();
    await redlock.acquire('a');
    expect(only(telemetry, 'quorlock.acquire').attributes).not.toHaveProperty('quorlock.fencing_token');
    expect(telemetry.logged).toEqual([]);
  });

  it('is a child of the span that is active where the call is made', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    await under(telemetry, async () => {
      await redlock.acquire('a');
      await redlock.tryAcquire('b');
    });
    await redlock.acquire('c');
    expect(tree(telemetry)).toEqual([
      'request > quorlock.acquire',
      'request > quorlock.acquire',
      'none > request',
      'none > quorlock.acquire',
    ]);
  });

  it('is no error for tryAcquire that finds a holder', async () => {
    const { redlock, another } = memoryRedlock(3);
    await another().acquire('a');
    const telemetry = recorded();
    await redlock.tryAcquire('a');
    const { attributes, status } = only(telemetry, 'quorlock.acquire');
    expect(attributes).toMatchObject({ 'quorlock.outcome': 'held', 'quorlock.contended': true });
    expect(attributes).not.toHaveProperty('error.type');
    expect(status).toEqual({ code: SpanStatusCode.UNSET });
  });

  it('has the error of a call that fails as its status, and records it', async () => {
    const { redlock, another } = memoryRedlock(3, { acquireTimeout: 0 });
    await another().acquire('a');
    const telemetry = recorded();
    const error = (await rejectionOf(redlock.acquire('a'))) as Error;
    const { attributes, status, events } = only(telemetry, 'quorlock.acquire');
    expect(attributes).toMatchObject({ 'quorlock.outcome': 'RESOURCE_HELD', 'error.type': 'RESOURCE_HELD' });
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message: error.message });
    expect(events).toMatchObject([
      {
        name: 'exception',
        attributes: { 'exception.type': 'RESOURCE_HELD', 'exception.message': error.message },
      },
    ]);
  });

  it.each([
    ['an error', new RedlockClosedError(), new RedlockClosedError().message],
    ['a string', 'no time', 'no time'],
    ['null', null, 'null'],
  ])('records that the signal has aborted with %s', async (_what, reason, message) => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    await rejectionOf(redlock.acquire('a', { signal: AbortSignal.abort(reason) }));
    const { attributes, status } = only(telemetry, 'quorlock.acquire');
    expect(attributes['error.type']).toBe('aborted');
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message });
  });

  it('has an event for each change while it waits', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    const holder = await another().acquire('a', { ttl: 30_000 });
    const telemetry = recorded();
    const calls = [redlock.acquire('a', { label: 'first' }), redlock.acquire('a', { label: 'second' })];
    await clock.advanceAsync(1_000);
    await holder.release();
    await clock.advanceAsync(0);
    await (await calls[0])?.release();
    await calls[1];
    const [first, second] = telemetry.spans();
    const node = expect.stringMatching(/^memory-\d$/) as string;
    expect(eventsOf(first)).toEqual([
      ['quorlock.waiting.queued', { 'quorlock.node.name': node, 'quorlock.position': 0 }],
      ['quorlock.waiting.notified', { 'quorlock.node.name': node }],
    ]);
    expect(eventsOf(second)).toEqual([['quorlock.waiting.local', {}]]);
  });

  it('has an event that says why it polls', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    for (const node of nodes)
      node.grant({ keys: ['a'], ownerToken: 'by hand', ttl: 60_000, wanted: () => true }, () => {});
    const telemetry = recorded();
    redlock.acquire('a', { acquireTimeout: 1_000 }).catch(() => {});
    await clock.advanceAsync(2_000);
    expect(eventsOf(telemetry.spans()[0])).toContainEqual([
      'quorlock.waiting.polling',
      { 'quorlock.why': 'what is in the way is no lock of quorlock, so nobody announces its release' },
    ]);
  });
});

describe('quorlock.using', () => {
  it('is active in the routine, and has the span of its acquire as a child', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    const tracer = telemetry.api.trace.getTracer('test');
    await under(telemetry, async () => {
      await redlock.using('a:1', async () => {
        await Promise.resolve();
        tracer.startSpan('work').end();
        await redlock.using('b:1', () => {});
      });
      tracer.startSpan('after').end();
    });
    expect(tree(telemetry)).toEqual([
      'quorlock.using > quorlock.acquire',
      'quorlock.using > work',
      'quorlock.using > quorlock.acquire',
      'quorlock.using > quorlock.using',
      'request > quorlock.using',
      'request > after',
      'none > request',
    ]);
    const uses = telemetry.spans().filter(({ name }) => name === 'quorlock.using');
    expect(uses.map(({ attributes }) => attributes['quorlock.resource'])).toEqual(['b', 'a']);
  });

  it('has the arguments, the result and the errors of the call pass unchanged', async () => {
    const { redlock } = memoryRedlock(3);
    recorded();
    const error = new Error('mine');
    expect(await redlock.using('a', () => 42)).toBe(42);
    expect(await rejectionOf(redlock.using('a', () => Promise.reject(error)))).toBe(error);
  });

  it.each([
    ['an error', new TypeError('mine'), 'TypeError', 'mine'],
    ['a string', 'mine', 'string', 'mine'],
    ['undefined', undefined, 'undefined', 'undefined'],
  ])('has %s of the routine as its status', async (_what, reason, type, message) => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    await rejectionOf(redlock.using('a', () => Promise.reject(reason)));
    const { attributes, status, events } = only(telemetry, 'quorlock.using');
    expect(attributes['error.type']).toBe(type);
    expect(status).toEqual({ code: SpanStatusCode.ERROR, message });
    expect(events.map(({ name }) => name)).toEqual(['exception']);
    expect(only(telemetry, 'quorlock.acquire').status.code).toBe(SpanStatusCode.UNSET);
  });

  it('has events for extensions, failures of them, and the loss', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: 1_000 });
    const telemetry = recorded();
    const call = redlock.using('a:1', async (lock) => {
      await lock.extend();
      for (const node of nodes) node.fail();
      await rejectionOf(lock.extend());
      await clock.advanceAsync(2_000);
    });
    const loss = (await rejectionOf(call)) as LockLostError;
    expect(loss).toBeInstanceOf(LockLostError);
    const span = only(telemetry, 'quorlock.using');
    const events = eventsOf(span);
    expect(events[0]).toEqual([
      'quorlock.lock.extended',
      { 'quorlock.resource': 'a', 'quorlock.remaining': 0.988 },
    ]);
    expect(events[1]).toEqual([
      'quorlock.lock.extend_failed',
      {
        'quorlock.resource': 'a',
        'quorlock.remaining': 0.988,
        'error.type': 'QUORUM_UNREACHABLE',
        'exception.message': expect.stringContaining('cannot extend "a:1"') as string,
      },
    ]);
    expect(events.at(-2)).toEqual([
      'quorlock.lock.lost',
      {
        'quorlock.resource': 'a',
        'quorlock.loss.reason': 'expired',
        'error.type': 'LOCK_LOST',
        'exception.message': loss.message,
      },
    ]);
    expect(events.at(-1)?.[0]).toBe('exception');
    expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: loss.message });
    expect(span.attributes['error.type']).toBe('LOCK_LOST');
  });
});

describe('a lock that was acquired under a span of the user', () => {
  it('adds its events to that span, also those of a timer', async () => {
    const { redlock, clock, nodes } = memoryRedlock(3, { ttl: 1_000 });
    const telemetry = recorded();
    await under(telemetry, async () => {
      await redlock.acquire('a:1', { autoExtend: true });
      await context.with(ROOT_CONTEXT, () => clock.advanceAsync(700));
      for (const node of nodes) node.fail();
      await context.with(ROOT_CONTEXT, () => clock.advanceAsync(2_000));
    });
    const names = eventsOf(only(telemetry, 'request')).map(([name]) => name);
    expect(new Set(names)).toEqual(
      new Set(['quorlock.lock.extended', 'quorlock.lock.extend_failed', 'quorlock.lock.lost']),
    );
    expect(eventsOf(only(telemetry, 'quorlock.acquire'))).toEqual([]);
  });

  it('adds none after it has ended', async () => {
    const { redlock, clock } = memoryRedlock(3, { ttl: 1_000 });
    const telemetry = recorded();
    await under(telemetry, () => redlock.acquire('a', { autoExtend: true }));
    await clock.advanceAsync(2_000);
    expect(eventsOf(only(telemetry, 'request'))).toEqual([]);
    expect(telemetry.logged).toEqual([]);
  });
});

describe('spans', () => {
  it('that are open when the recording ends, end then, and no other follows', async () => {
    const { redlock, another, clock } = memoryRedlock(3);
    await another().acquire('a');
    const telemetry = recorded();
    redlock.using('a', () => {}).catch(() => {});
    await clock.advanceAsync(100);
    telemetry.undo();
    expect(
      telemetry
        .spans()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['quorlock.acquire', 'quorlock.using']);
    await clock.advanceAsync(20_000);
    await redlock.using('b', () => {});
    expect(telemetry.spans()).toHaveLength(2);
    expect(telemetry.logged).toEqual([]);
  });

  it('are not recorded if they are not wanted', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded({ spans: false });
    await redlock.using('a', () => {});
    expect(telemetry.spans()).toEqual([]);
  });

  it('that cannot be started harm no lock', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded({ spans: false, metrics: false });
    const { instrument } = await import('../../src/otel.ts');
    const undo = instrument({ trace: { getTracer: () => ({ startSpan, startActiveSpan: startSpan }) } });
    expect(await redlock.using('a', ({ state }) => state)).toBe('held');
    undo();
    expect(telemetry.logged.length).toBeGreaterThan(0);
  });

  it('have their parents without a context manager too, as far as the call itself is concerned', async () => {
    const { redlock } = memoryRedlock(3);
    const telemetry = recorded();
    context.disable();
    expect(await redlock.using('a', () => 1)).toBe(1);
    expect(tree(telemetry)).toEqual(['none > quorlock.acquire', 'none > quorlock.using']);
  });
});
