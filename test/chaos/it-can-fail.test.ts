import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { RestartGuard } from '../../src/index.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { Cluster } from './cluster.ts';
import type { Fault } from './fault.ts';
import { inOrder } from './in-order.ts';
import { judge } from './judge.ts';
import { type ClientEvent, readLog } from './log.ts';
import { ProcessServers } from './process-cluster.ts';
import { Recorder } from './recorder.ts';
import type { Report } from './report/report.ts';
import { run } from './run.ts';

const NODES = 5;
/** ms; long enough that no lock expires in between. */
const MAX_TTL = 20_000;

/** A lock stands on a bare quorum as one of its nodes restarts empty; then somebody else wants it. Returns what that is found to be. */
async function restartAtTheRightMoment(restartGuard: RestartGuard): Promise<string[]> {
  const servers = await ProcessServers.start(NODES);
  onTestFinished(() => servers.close());
  const cluster = await Cluster.over(servers);
  onTestFinished(() => cluster.close());
  const events: ClientEvent[] = [];
  const recorders = [0, 1].map((client) => {
    const random = seededRandom(client);
    const times = { maxTtl: MAX_TTL, nodeTimeout: 500, connectTimeout: 2_000 };
    return new Recorder({
      client,
      urls: cluster.urls,
      ...times,
      restartGuard,
      redisClient: 'ioredis',
      random,
      write: (event) => void events.push(event),
    });
  });
  const [first, second] = recorders as [Recorder, Recorder];

  // New nodes vote once somebody has met all of them.
  const early = await first.acquire(['r'], 5_000, { ttl: MAX_TTL });
  if (early) await first.release(early);
  await Promise.all([servers.kill(3), servers.kill(4)]);
  const held = await first.acquire(['r'], 5_000, { ttl: MAX_TTL });
  expect(held?.lock.state).toBe('held');
  await servers.kill(2);
  await Promise.all([2, 3, 4].map((node) => servers.start(node, 'empty')));
  const other = await second.acquire(['r'], 1_000, { ttl: MAX_TTL });
  expect(held?.lock.state).toBe('held');

  if (other) await second.release(other);
  if (held) await first.release(held);
  await Promise.all(recorders.map((recorder) => recorder.close()));
  const options = { nodes: NODES, guard: restartGuard, maxTtl: MAX_TTL } as const;
  const { violations } = judge(inOrder([events]), { ...options, limits: 'kept', store: 'guarded' });
  return violations.map(({ rule }) => rule);
}

describe('the harness can fail', () => {
  it('finds two holders when restarts are not guarded against', async () => {
    expect(await restartAtTheRightMoment('off')).toEqual(['exclusion']);
  });

  it('finds none when they are', async () => {
    expect(await restartAtTheRightMoment('auto')).toEqual([]);
  });

  it('finds the write of a stopped client that nobody checks, and none with fencing tokens', async () => {
    const out = mkdtempSync(join(tmpdir(), 'quorlock-chaos-'));
    onTestFinished(() => rmSync(out, { recursive: true }));
    const servers = await ProcessServers.start(NODES);
    onTestFinished(() => servers.close());
    const plan: readonly Fault[] = [{ kind: 'stop client', client: 0, at: 0, for: 2_900 }];
    const { report, verdict } = await run(servers, {
      seed: 1,
      seconds: 3,
      clients: 2,
      out,
      limits: 'kept',
      restartGuard: 'auto',
      redisClient: 'mixed',
      store: 'guarded',
      command: 'this test',
      progress: () => {},
      plan,
      resources: ['r'],
    });
    expect(verdict.violations).toEqual([]);
    expect(report.summary.writes).toMatchObject({
      accepted: expect.any(Number),
      refused: expect.any(Number),
    });
    expect(report.summary.writes.refused).toBeGreaterThan(0);
    expect(report.summary.faults).toBe(1);
    expect(report.clients[0]?.spans.map(({ state }) => state)).toContain('stopped');
    expect(JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as Report).toEqual(report);

    const unguarded = judge(readLog(join(out, 'history.jsonl')), {
      nodes: NODES,
      guard: 'auto',
      maxTtl: 2_000,
      limits: 'kept',
      store: 'unguarded',
    });
    expect(new Set(unguarded.violations.map(({ rule }) => rule))).toEqual(new Set(['lost write']));
  });
});
