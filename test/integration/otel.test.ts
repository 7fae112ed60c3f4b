import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type LockLostEvent, type Redlock, type WaitingEvent } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { heard } from '../support/heard.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import { type Sample, startExporter, sumOf } from '../support/scrape.ts';
import { eventsOf, recorded, type Telemetry } from '../support/telemetry.ts';
import { connected, openRedlock, rejection, UNGUARDED } from './fixtures/nodes.ts';

interface Scene {
  readonly servers: readonly RedisServer[];
  /** As in two processes. */
  readonly ours: Redlock;
  readonly theirs: Redlock;
  readonly telemetry: Telemetry;
  readonly scrape: () => Promise<Sample[]>;
}

/** Two Redlocks on three servers, recorded from before they were made. */
async function begin(): Promise<Scene> {
  const servers = await startRedises(3);
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  const { exporter, scrape } = await startExporter();
  const telemetry = recorded({}, [exporter]);
  // Long enough for a busy machine: nothing here is meant to expire.
  const options = { ...UNGUARDED, ttl: 25_000, nodeTimeout: 5_000, acquireTimeout: 25_000 };
  const [ours, theirs] = [openRedlock(servers, options), openRedlock(servers, options)];
  await connected(ours, servers);
  await connected(theirs, servers);
  return { servers, ours, theirs, telemetry, scrape };
}

/** Resolves once the scrape has that value. */
async function shows(
  scrape: Scene['scrape'],
  name: string,
  labels: Record<string, string>,
  value: number,
): Promise<void> {
  await eventually(async () => sumOf(await scrape(), name, labels) === value || undefined);
}

/** Resolves once a call for the resource waits: in line, or by polling. */
async function waiting(events: readonly WaitingEvent[], resource: string): Promise<void> {
  await eventually(async () => events.some(({ resources }) => resources.includes(resource)) || undefined);
}

const nameOf = (server: RedisServer | undefined): string => `127.0.0.1:${server?.port}`;

const labelsOf = (server: RedisServer | undefined, state: string): Record<string, string> => ({
  quorlock_node_name: nameOf(server),
  quorlock_node_state: state,
});

describe('what Prometheus scrapes', () => {
  it('counts the calls and locks that there were', async () => {
    const { ours, theirs, scrape } = await begin();
    const queued = heard<WaitingEvent>('quorlock:waiting:queued');

    for (let i = 0; i < 5; i++) await ours.using(`order:${i}`, () => {});
    const held = await ours.acquire(['job:1', 'job:2']);
    expect(await theirs.tryAcquire('job:1')).toBeNull();
    const error = await rejection(theirs.acquire('job:2', { acquireTimeout: 0 }));
    expect(error).toMatchObject({ code: 'RESOURCE_HELD' });
    const call = theirs.acquire('job:1');
    await waiting(queued, 'job:1');
    const meanwhile = await scrape();
    await held.release();
    await (await call).release();
    const samples = await scrape();

    const of = (name: string, labels: Record<string, string>, all = samples): number | undefined =>
      sumOf(all, name, labels);
    const [order, job] = [{ quorlock_resource: 'order' }, { quorlock_resource: 'job' }];
    const count = 'quorlock_acquire_duration_count';
    expect(of(count, { ...order, quorlock_method: 'using', quorlock_outcome: 'acquired' })).toBe(5);
    expect(of(count, { ...job, quorlock_method: 'acquire', quorlock_outcome: 'acquired' })).toBe(2);
    expect(of(count, { ...job, quorlock_method: 'acquire', quorlock_outcome: 'RESOURCE_HELD' })).toBe(1);
    expect(of(count, { ...job, quorlock_method: 'tryAcquire', quorlock_outcome: 'held' })).toBe(1);
    expect(of(count, order)).toBe(5);
    expect(of(count, job)).toBe(4);
    expect(of('quorlock_acquire_duration_bucket', { ...order, le: '+Inf' })).toBe(5);
    expect(of('quorlock_acquire_waiting', job, meanwhile)).toBe(1);
    expect(of('quorlock_acquire_waiting', job)).toBe(0);
    expect(of('quorlock_acquire_contended_total', job)).toBe(3);
    expect(of('quorlock_acquire_contended_total', order) ?? 0).toBe(0);
    expect(of('quorlock_lock_held_duration_count', { ...order, quorlock_outcome: 'released' })).toBe(5);
    expect(of('quorlock_lock_held_duration_count', { ...job, quorlock_outcome: 'released' })).toBe(2);
    expect(of('quorlock_lock_lost_total', {})).toBeUndefined();
  });

  it('counts a loss after a revocation, and that the lock was held until then', async () => {
    const { ours, theirs, scrape } = await begin();
    const lost = heard<LockLostEvent>('quorlock:lock:lost');
    const held = await ours.acquire('job:1');
    await theirs.revoke('job:1');
    await rejection(held.extend());
    expect(lost).toMatchObject([{ lock: held, reason: 'taken' }]);
    const samples = await scrape();
    const labels = { quorlock_resource: 'job' };
    expect(sumOf(samples, 'quorlock_lock_lost_total', { ...labels, quorlock_loss_reason: 'taken' })).toBe(1);
    expect(sumOf(samples, 'quorlock_lock_lost_total')).toBe(1);
    const ended = { ...labels, quorlock_outcome: 'lost' };
    expect(sumOf(samples, 'quorlock_lock_held_duration_count', ended)).toBe(1);
    const seconds = sumOf(samples, 'quorlock_lock_held_duration_sum', ended);
    expect(seconds).toBeCloseTo((lost[0]?.heldFor ?? 0) / 1_000, 9);
  });

  it('follows the state of each node, and counts extensions that fail without a majority', async () => {
    const { servers, ours, scrape } = await begin();
    const name = 'quorlock_node_state';
    // Each server is a node of two Redlocks.
    for (const server of servers) await shows(scrape, name, labelsOf(server, 'up'), 2);
    const lock = await ours.acquire('job:1');
    await servers[2]?.kill();
    await shows(scrape, name, labelsOf(servers[2], 'down'), 2);
    expect(sumOf(await scrape(), name, labelsOf(servers[2], 'up'))).toBe(0);
    await lock.extend();
    await servers[1]?.kill();
    await shows(scrape, name, labelsOf(servers[1], 'down'), 2);
    await rejection(lock.extend());
    expect(sumOf(await scrape(), 'quorlock_extend_failures_total', { quorlock_resource: 'job' })).toBe(1);
    expect(lock.state).toBe('held');
    await servers[1]?.restart();
    await servers[2]?.restart();
    for (const server of servers) await shows(scrape, name, labelsOf(server, 'up'), 2);
    await lock.release();
    await ours.close();
    for (const server of servers) await shows(scrape, name, labelsOf(server, 'up'), 1);
  });
});

describe('the spans of a request', () => {
  it('are one for the using, one for its acquire, and what the routine makes, with the waits and the loss', async () => {
    const { ours, theirs, telemetry } = await begin();
    const queued = heard<WaitingEvent>('quorlock:waiting:queued');
    const tracer = telemetry.api.trace.getTracer('test');
    const holder = await theirs.acquire('job:1');
    const before = telemetry.spans().length;
    const request = tracer.startSpan('request', {}, ROOT_CONTEXT);
    const call = context.with(trace.setSpan(ROOT_CONTEXT, request), () =>
      ours.using('job:1', async (lock) => {
        tracer.startSpan('work').end();
        await theirs.revoke('job:1');
        await rejection(lock.extend());
        expect(lock.signal.aborted).toBe(true);
      }),
    );
    await waiting(queued, 'job:1');
    await holder.release();
    const error = await rejection(call);
    expect(error).toMatchObject({ code: 'LOCK_LOST', reason: 'taken' });
    request.end();

    const spans = telemetry.spans().slice(before);
    const byId = new Map(spans.map((span) => [span.spanContext().spanId, span.name]));
    expect(
      spans.map((span) => [byId.get(span.parentSpanContext?.spanId ?? '') ?? 'none', span.name]),
    ).toEqual([
      ['quorlock.using', 'quorlock.acquire'],
      ['quorlock.using', 'work'],
      ['request', 'quorlock.using'],
      ['none', 'request'],
    ]);
    const [acquire, , using] = spans;
    expect(new Set(spans.map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(eventsOf(acquire).map(([name]) => name)).toContain('quorlock.waiting.queued');
    expect(acquire?.attributes).toMatchObject({ 'quorlock.outcome': 'acquired', 'quorlock.contended': true });
    expect(eventsOf(using)).toContainEqual([
      'quorlock.lock.lost',
      expect.objectContaining({ 'quorlock.loss.reason': 'taken' }),
    ]);
    expect(using?.status).toEqual({ code: SpanStatusCode.ERROR, message: error.message });
    expect(telemetry.logged).toEqual([]);
  });
});
