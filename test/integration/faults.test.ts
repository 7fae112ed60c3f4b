import { describe, expect, it } from 'vitest';
import { AcquireTimeoutError, QuorumUnreachableError } from '../../src/index.ts';
import { eventually } from '../support/eventually.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek } from '../support/peek.ts';
import type { RedisServer } from '../support/redis-server.ts';
import {
  connected,
  openRedlock,
  rejection,
  SLACK,
  startNodes,
  startProxies,
  takenOnAll,
  timed,
  UNGUARDED,
} from './fixtures/nodes.ts';

enforceNoLeaks();

const NODE_TIMEOUT = 200;
const CALLS = 100;

type Fault = (servers: readonly RedisServer[]) => void | Promise<unknown>;

const hang: Fault = (servers) => {
  for (const server of servers) server.pause();
};
const die: Fault = (servers) => Promise.all(servers.map((server) => server.kill()));

describe.each<[string, Fault]>([
  ['hang', hang],
  ['are dead', die],
])('when two of five nodes %s', (_, fault) => {
  it('each lock is decided by the third grant', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    await fault(servers.slice(3));
    for (let call = 0; call < CALLS; call++) {
      const { ms, outcome } = await timed(redlock.tryAcquire('r'));
      expect(outcome).toMatchObject({ status: 'fulfilled', value: { state: 'held' } });
      expect(ms).toBeLessThan(NODE_TIMEOUT + SLACK);
      if (outcome.status !== 'fulfilled') continue;
      const release = await timed(outcome.value?.release() ?? Promise.reject());
      expect(release.outcome).toMatchObject({ status: 'fulfilled', value: { outcome: 'released' } });
      expect(release.ms).toBeLessThan(NODE_TIMEOUT + SLACK);
    }
  });

  it('locks are still extended', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r');
    await fault(servers.slice(3));
    await lock.extend(20_000);
    expect(lock.remaining()).toBeGreaterThan(15_000);
  });

  it('the first two to grant may be those', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    await using lock = await redlock.acquire('r');
    await fault(servers.slice(0, 2));
    await lock.extend(20_000);
    expect(lock.remaining()).toBeGreaterThan(15_000);
  });
});

describe('when two of five nodes answer 200 ms late', () => {
  it('nobody waits for them', async () => {
    const servers = await startNodes(5);
    const proxies = await startProxies(servers.slice(3));
    const redlock = openRedlock([...servers.slice(0, 3), ...proxies], { nodeTimeout: 500 });
    await connected(redlock, servers);
    for (const proxy of proxies) proxy.delay(200);
    const times: number[] = [];
    for (let call = 0; call < CALLS; call++) {
      const { ms, outcome } = await timed(redlock.using('r', () => call));
      expect(outcome).toEqual({ status: 'fulfilled', value: call });
      times.push(ms);
    }
    times.sort((a, b) => a - b);
    expect(times[CALLS / 2]).toBeLessThan(200 / 3);
    expect(times.at(-1)).toBeLessThan(500 + SLACK);
  });
});

describe('when two of five nodes do not answer at all', () => {
  it('the third grant is the one that decides', async () => {
    const servers = await startNodes(5);
    const proxies = await startProxies(servers.slice(2));
    const redlock = openRedlock([...servers.slice(0, 2), ...proxies], { nodeTimeout: 5_000 });
    await connected(redlock, servers);
    for (const proxy of proxies) proxy.hold('answers');
    const acquiring = redlock.tryAcquire('r');
    await Promise.all(proxies.map((proxy) => proxy.held('answers')));
    proxies[0]?.resumeFlow();
    const { ms } = await timed(acquiring);
    expect(ms).toBeLessThan(5_000 / 3);
    const releasing = (await acquiring)?.release();
    expect(await releasing).toMatchObject({ outcome: 'released' });
    for (const proxy of proxies) proxy.resumeFlow();
  });
});

describe.each<[string, Fault, RegExp]>([
  ['hang', hang, /no answer/],
  ['are dead', die, /ECONNREFUSED|ECONNRESET|closed|lost/],
])('when three of five nodes %s', (_, fault, cause) => {
  it('tryAcquire says in time that the quorum cannot be reached', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    await fault(servers.slice(2));
    for (let call = 0; call < 5; call++) {
      const { ms, outcome } = await timed(redlock.tryAcquire('r'));
      expect(ms).toBeLessThan(NODE_TIMEOUT + SLACK);
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'QUORUM_UNREACHABLE' } });
    }
  });

  it('the error names each node, and its cause where there is one', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    await fault(servers.slice(2));
    const error = (await rejection(redlock.tryAcquire('r'))) as QuorumUnreachableError;
    expect(error).toBeInstanceOf(QuorumUnreachableError);
    expect(error.votes.map(({ node }) => node)).toEqual(servers.map(({ port }) => `127.0.0.1:${port}`));
    for (const { kind } of error.votes.slice(0, 2)) expect(['granted', 'late']).toContain(kind);
    for (const vote of error.votes.slice(2)) {
      expect(error.message).toContain(vote.node);
      if (vote.kind === 'late') continue;
      expect(vote).toMatchObject({ kind: 'unreachable', cause: { message: expect.stringMatching(cause) } });
    }
  });

  it('acquire gives up at its deadline with that as the cause', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    await fault(servers.slice(2));
    const { ms, outcome } = await timed(redlock.acquire('r', { acquireTimeout: 700 }));
    expect(ms).toBeLessThan(700 + SLACK);
    if (outcome.status === 'fulfilled') throw new Error('it was acquired');
    expect(outcome.reason).toBeInstanceOf(AcquireTimeoutError);
    expect(outcome.reason.cause).toBeInstanceOf(QuorumUnreachableError);
  });

  it('every other call settles in time too', async () => {
    const servers = await startNodes(5);
    const redlock = openRedlock(servers, { nodeTimeout: NODE_TIMEOUT });
    const lock = await redlock.acquire('r');
    await fault(servers.slice(2));
    for (const call of [lock.extend(), redlock.inspect('r'), lock.release(), redlock.close()]) {
      expect((await timed<unknown>(call)).ms).toBeLessThan(NODE_TIMEOUT + SLACK);
    }
  });
});

describe.each(['hung', 'dead'] as const)('a Redlock that owes a release to a node that is %s', (fault) => {
  it('is closed when nodeTimeout has passed by its clock', async () => {
    const servers = await startNodes(3);
    const clock = new ManualClock(1_000);
    const redlock = openRedlock(servers, { ...UNGUARDED, clock, nodeTimeout: NODE_TIMEOUT });
    await connected(redlock, servers);
    const lock = await redlock.acquire('r');
    await takenOnAll(servers, 'r');
    const [away, ...others] = servers as [RedisServer, RedisServer, RedisServer];
    if (fault === 'hung') away.pause();
    else await away.kill();
    const closing = redlock.close();
    for (const server of others)
      await eventually(async () => (await server.cli('EXISTS', 'r')) === 0 || undefined);
    clock.advance(NODE_TIMEOUT - 1);
    expect(await peek(closing)).toBe('pending');
    clock.advance(1);
    await closing;
    expect([lock.state, clock.pending]).toEqual(['lost', 0]);
    // What it has not answered when its client ends, it would still execute.
    await away.kill();
  });
});
