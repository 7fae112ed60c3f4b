import { describe, expect, it } from 'vitest';
import { diagnose } from '../../src/diagnosis/diagnose.ts';
import type { Diagnosis } from '../../src/diagnosis/finding.ts';
import { type Finding, Redlock, RedlockClosedError } from '../../src/index.ts';
import { permissionScript } from '../../src/node/redis/scripts/script.ts';
import { FakeConnection, infoOf, nodeOver } from '../support/fake-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { peek, rejectionOf, turn } from '../support/peek.ts';
import { ScriptedNode, scriptedNodes, unreachable } from '../support/scripted-node.ts';

const summary = (findings: readonly Finding[]): string[] =>
  findings.map(({ code, nodes }) => [code, ...nodes].join(' '));

/** How many commands and features are asked about. */
const NEEDS = 24;

interface Server {
  readonly info?: Record<string, string>;
  /** How much faster its clock runs. */
  readonly rate?: number;
  /** How long it takes to answer INFO, in ms. */
  readonly slow?: number;
  /** What it answers to the question for permissions. */
  readonly permissions?: unknown;
}

/** Three Redis nodes over fake servers, named a, b and c; the first one is `given`. */
async function redisNodes(given: Server) {
  const clock = new ManualClock(1_000);
  const fit = [given, {}, {}];
  const connections = fit.map(({ info = {}, rate = 0, slow = 0, permissions }, index) => {
    const name = String.fromCharCode(97 + index);
    const connection = new FakeConnection(name);
    const text = (): string =>
      infoOf({
        run_id: name,
        aof_enabled: '1',
        server_time_usec: String(Math.round(clock.now() * (1 + rate) * 1_000)),
        ...info,
      });
    connection.info_ = [text()];
    const masters = connection.masters.bind(connection);
    connection.masters = () => {
      const [master] = masters();
      if (master)
        Object.assign(master, {
          info: async () => {
            if (slow > 0) await new Promise<void>((resolve) => clock.after(slow, resolve));
            return text();
          },
          evalsha: evalshaOf(permissions),
        });
      return master ? [master] : [];
    };
    return connection;
  });
  const nodes = connections.map((connection) => nodeOver({ connection, clock }).node);
  const diagnosis = async (signal?: AbortSignal): Promise<Diagnosis> =>
    diagnose(
      {
        nodes,
        clock,
        key: 'k',
        settings: { nodeTimeout: 100, driftFactor: 0.01, fencing: true, isGuarded: true },
      },
      signal,
    );
  return { clock, nodes, connections, diagnosis };
}

function evalshaOf(permissions: unknown = new Array<number>(NEEDS).fill(1)) {
  return (sha: string, { args }: { args: unknown[] }, reply: (error: unknown, reply: unknown) => void) => {
    if (args[0] === 'permits') reply(null, 0);
    else if (sha !== permissionScript.sha) reply(null, ['free']);
    else if (permissions instanceof Error) reply(permissions, undefined);
    else reply(null, permissions);
  };
}

/** What is found when all servers are connected. */
async function foundOf(given: Server): Promise<string[]> {
  const { clock, connections, diagnosis } = await redisNodes(given);
  for (const connection of connections) await connection.up();
  const call = diagnosis();
  await clock.advanceAsync(10_000);
  return summary((await call).findings);
}

describe('a diagnosis of Redis nodes', () => {
  it('of which all are well finds nothing', async () => {
    expect(await foundOf({})).toEqual([]);
  });

  it.each<[string, Server, string[]]>([
    ['facts of INFO', { info: { evicted_keys: '3' } }, ['EVICTED_KEYS a']],
    ['a clock that runs 0.4 % faster', { rate: 0.004 }, ['CLOCK_RATE a']],
    ['a clock that runs 0.6 % slower', { rate: -0.006 }, ['CLOCK_RATE_TOO_HIGH a']],
    ['a clock that runs 0.2 % faster', { rate: 0.002 }, []],
    ['a server without a clock', { info: { server_time_usec: '' } }, []],
    ['slow answers', { slow: 60 }, ['SLOW_ROUND_TRIP a', 'UNSTEADY_ROUND_TRIP a']],
    ['slow answers, which hide the rate', { slow: 26, rate: 0.004 }, ['SLOW_ROUND_TRIP a']],
    [
      'missing permissions',
      { permissions: [...new Array<number>(NEEDS - 1).fill(1), 0] },
      ['MISSING_OPTIONAL_PERMISSION a'],
    ],
    [
      'a command that does not exist',
      { permissions: [-1, ...new Array<number>(NEEDS - 1).fill(1)] },
      ['MISSING_PERMISSION a'],
    ],
    [
      'a user without EVALSHA',
      { permissions: new Error("NOPERM this user has no permissions to run the 'evalsha' command") },
      ['MISSING_PERMISSION a'],
    ],
    ['nonsense in place of permissions', { permissions: 5 }, ['UNREACHABLE a']],
  ])('finds %s', async (_, given, found) => {
    expect(await foundOf(given)).toEqual(found);
  });

  it('takes 2 s, and leaves no timer', async () => {
    const { clock, connections, diagnosis } = await redisNodes({});
    for (const connection of connections) await connection.up();
    const timers = clock.pending;
    const call = diagnosis();
    await clock.advanceAsync(1_999);
    expect(await peek(call)).toBe('pending');
    await clock.advanceAsync(1);
    expect(await peek(call)).toMatchObject({ status: 'fulfilled' });
    expect(clock.pending).toBe(timers);
  });

  it('waits for first contacts', async () => {
    const { clock, connections, diagnosis } = await redisNodes({ info: { evicted_keys: '3' } });
    const call = diagnosis();
    await clock.advanceAsync(1_500);
    for (const connection of connections) await connection.up();
    await clock.advanceAsync(2_000);
    expect(summary((await call).findings)).toEqual(['EVICTED_KEYS a']);
  });

  it('finds nodes that are down, and what is wrong with the others', async () => {
    const { clock, connections, diagnosis } = await redisNodes({ info: { evicted_keys: '3' } });
    await connections[0]?.up();
    await connections[1]?.down(new Error('connect ECONNREFUSED'));
    const call = diagnosis();
    await clock.advanceAsync(10_000);
    const { findings } = await call;
    expect(summary(findings)).toEqual(['EVICTED_KEYS a', 'UNREACHABLE b', 'UNREACHABLE c']);
    expect(findings[1]?.message).toContain('connect ECONNREFUSED');
    expect(findings[2]?.message).toContain('no contact within 2000 ms');
  });

  it('does not wait longer for a server that has gone silent', async () => {
    const { clock, connections, diagnosis } = await redisNodes({});
    for (const connection of connections) await connection.up();
    const [master] = connections[1]?.masters() ?? [];
    Object.assign(master ?? {}, { info: () => new Promise(() => {}), evalsha: () => {} });
    if (connections[1] && master) connections[1].masters = () => [master];
    if (connections[1] && master) connections[1].masterOf = () => master;
    const call = diagnosis();
    await clock.advanceAsync(5_000);
    const settled = await peek(call);
    expect(settled).toMatchObject({ status: 'fulfilled' });
    expect(summary((await call).findings)).toEqual(['UNREACHABLE b']);
  });

  it('knows the masters of a Redis Cluster', async () => {
    const connection = new FakeConnection('cluster');
    connection.reorders = true;
    connection.info_ = ['1', '2'].map((run_id) => infoOf({ run_id, evicted_keys: run_id }));
    const { node } = nodeOver({ connection });
    await connection.up();
    const { servers } = await node.examine('time');
    expect(servers.map(({ name, info }) => [name, info.get('evicted_keys')])).toEqual([
      ['cluster 0', '1'],
      ['cluster 1', '2'],
    ]);
  });
});

describe('a signal', () => {
  it('ends a diagnosis between the looks, with what was found', async () => {
    const { clock, connections, diagnosis } = await redisNodes({ info: { evicted_keys: '3' } });
    for (const connection of connections) await connection.up();
    const timers = clock.pending;
    const stop = new AbortController();
    const call = diagnosis(stop.signal);
    await clock.advanceAsync(500);
    stop.abort();
    expect(summary((await call).findings)).toEqual(['EVICTED_KEYS a', 'INTERRUPTED']);
    expect(clock.pending).toBe(timers);
  });

  it('ends one that waits for first contacts', async () => {
    const { clock, diagnosis } = await redisNodes({});
    const stop = new AbortController();
    const call = diagnosis(stop.signal);
    await clock.advanceAsync(500);
    stop.abort();
    expect(summary((await call).findings)).toEqual(['UNREACHABLE a b c', 'INTERRUPTED']);
  });

  it('that has aborted before leaves what is known without asking', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    nodes[0]?.fail();
    const { findings } = await redlock.diagnose({ signal: AbortSignal.abort() });
    expect(summary(findings)).toEqual(['UNREACHABLE memory-1', 'INTERRUPTED']);
    expect(clock.pending).toBe(0);
  });
});

/** What is found with the default settings, after 2 s. */
async function found(redlock: Redlock, clock: ManualClock): Promise<string[]> {
  const call = redlock.diagnose();
  await clock.advanceAsync(10_000);
  return summary((await call).findings);
}

describe('a diagnosis of other nodes', () => {
  it('in memory has little to say', async () => {
    const { redlock, nodes, clock } = memoryRedlock(3);
    expect(await found(redlock, clock)).toEqual([]);
    nodes[0]?.fail();
    nodes[1]?.hang();
    expect(await found(redlock, clock)).toEqual(['UNREACHABLE memory-1', 'UNREACHABLE memory-2']);
  });

  it('says of nodes that others have implemented whether they answer', async () => {
    const clock = new ManualClock();
    const [a, b] = scriptedNodes(2, { inspect: { kind: 'free' } }) as [ScriptedNode, ScriptedNode];
    b.atOnce.inspect = unreachable();
    const redlock = new Redlock([a, b], { clock });
    expect(await found(redlock, clock)).toEqual([
      'UNREACHABLE b',
      'NOT_EXAMINED a b',
      'FEW_NODES',
      'EVEN_NODES',
    ]);
  });

  it('ends at once when the Redlock is closed', async () => {
    const { redlock, clock } = memoryRedlock(3);
    const failure = rejectionOf(redlock.diagnose());
    await turn();
    await redlock.close();
    expect(await peek(failure)).toMatchObject({ value: expect.any(RedlockClosedError) });
    expect(clock.pending).toBe(0);
    await expect(redlock.diagnose()).rejects.toBeInstanceOf(RedlockClosedError);
  });
});
