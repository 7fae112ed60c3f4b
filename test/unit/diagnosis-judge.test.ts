import { describe, expect, it } from 'vitest';
import { SEVERITIES } from '../../src/diagnosis/finding.ts';
import { judge } from '../../src/diagnosis/judge.ts';
import type { JudgedSettings, NodeReport } from '../../src/diagnosis/report.ts';
import type { NodeCondition } from '../../src/node/lock-node.ts';
import type { ClockFacts, Refusal, ServerFacts } from '../../src/node/node-facts.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** INFO of a server about which there is nothing to say. */
const FIT = {
  redis_version: '7.0.15',
  run_id: 'run-a',
  master_replid: 'replid',
  role: 'master',
  maxmemory: '0',
  used_memory: '1000000',
  maxmemory_policy: 'noeviction',
  evicted_keys: '0',
  aof_enabled: '1',
  connected_slaves: '0',
  latest_fork_usec: '0',
};

const CLOCK: ClockFacts = { low: 1_000, high: 1_001, at: 10_000, aheadOfClient: 3 };

interface Given extends Partial<Omit<ServerFacts, 'info'>> {
  readonly info?: Record<string, string>;
}

function server({ info, ...more }: Given = {}): ServerFacts {
  return {
    name: 'a',
    info: new Map(Object.entries({ ...FIT, ...info })),
    roundTrips: [1, 1, 1, 1, 1],
    clock: CLOCK,
    refused: [],
    ...more,
  };
}

function node(servers: Given = {}, more: Partial<NodeReport> = {}, bySentinel = false): NodeReport {
  return {
    name: 'a',
    condition: { state: 'up' },
    first: { bySentinel, servers: [server(servers)] },
    ...more,
  };
}

const other = (name: string): NodeReport => node({ name, info: { run_id: `run-${name}` } }, { name });

const SETTINGS: JudgedSettings = { nodeTimeout: 100, driftFactor: 0.01, fencing: true, isGuarded: true };

/** What is found about one node of three. */
function findingsOf(report: NodeReport, settings: Partial<JudgedSettings> = {}) {
  return judge({
    settings: { ...SETTINGS, ...settings },
    nodes: [report, other('b'), other('c')],
    isInterrupted: false,
  });
}

function codesOf(report: NodeReport, settings: Partial<JudgedSettings> = {}): string[] {
  return findingsOf(report, settings).map(({ code, nodes }) =>
    nodes.join() === 'a' ? code : `${code} ${nodes.join()}`,
  );
}

const refusal = (more: Partial<Refusal>): Given => ({
  refused: [{ feature: 'lock', on: 'lock', commands: ['set'], unknown: [], rules: ['+set'], ...more }],
});

/** A second look 2 s later, when the clock had gained so much. */
function later(gained: number, more: Given = {}): Partial<NodeReport> {
  const clock = { ...CLOCK, low: CLOCK.low + gained, high: CLOCK.high + gained, at: CLOCK.at + 2_000 };
  return { second: { bySentinel: false, servers: [server({ clock, ...more })] } };
}

const state = (condition: NodeCondition, silence?: string): NodeReport => ({
  name: 'a',
  condition,
  ...(silence === undefined ? {} : { silence }),
});

const noted = (name: string, ...info: Record<string, string>[]): NodeReport =>
  node({ name, info: Object.assign({ run_id: name }, ...info) }, { name });
const down = (name: string, why: string): NodeReport => ({ name, condition: { state: 'down', why } });
const cluster = (name: string, ...masters: Given[]): NodeReport =>
  node({}, { name, first: { bySentinel: false, servers: masters.map(server) } });
const NO_AOF = { aof_enabled: '0' };

const jump = { direction: 'forward', by: 500, noticedAt: new Date(0) } as const;

describe('the judge', () => {
  it.each<[string, string[], NodeReport, Partial<JudgedSettings>?]>([
    ['nothing', [], node()],
    ['a node that is down', ['UNREACHABLE'], state({ state: 'down', why: 'ECONNREFUSED' })],
    ['a node that hangs', ['UNREACHABLE'], state({ state: 'hung' })],
    ['a node without a first contact', ['UNREACHABLE'], state({ state: 'connecting' })],
    ['a node that was closed', ['UNREACHABLE'], state({ state: 'closed' })],
    ['a node that has gone silent', ['UNREACHABLE'], state({ state: 'up' }, 'no answer within 100 ms')],
    ['a slow node that answered in the end', [], node({}, { silence: 'no answer within 100 ms' })],
    ['a server that failed meanwhile', ['UNREACHABLE'], node({ failure: 'lost' })],
    ['a server that loads', ['LOADING'], state({ state: 'down', why: 'LOADING the server is reading' })],
    ['a quarantine', ['QUARANTINED'], state({ state: 'quarantined', until: new Date(0) })],
    [
      'a replica',
      ['REPLICA'],
      state({ state: 'unusable', why: 'its role is slave: a replica takes no locks' }),
    ],
    ['a server that has become a replica', ['REPLICA'], node({ info: { role: 'slave' } })],
    ['an old server', ['TOO_OLD'], state({ state: 'unusable', why: 'version 6.2 is older than 7.0' })],
    [
      'a policy, at its connection and now',
      ['EVICTING_POLICY'],
      node(
        { info: { maxmemory: '5', used_memory: '1', maxmemory_policy: 'allkeys-lru' } },
        {
          condition: {
            state: 'unusable',
            why: 'maxmemory-policy allkeys-lru would evict locks; set it to noeviction',
          },
        },
      ),
    ],
    [
      'Sentinel without min-replicas',
      ['SENTINEL_WITHOUT_MIN_REPLICAS', 'FAILOVER_QUARANTINES'],
      node({ info: { connected_slaves: '1' } }, {}, true),
    ],
    [
      'Sentinel with min-replicas',
      ['FAILOVER_QUARANTINES'],
      node({ info: { connected_slaves: '1', min_slaves_good_slaves: '1' } }, {}, true),
    ],
    ['replicas without Sentinel', [], node({ info: { connected_slaves: '1' } })],
    [
      'the same server',
      ['SAME_SERVER'],
      node({}, { condition: { state: 'unusable', why: 'it is the same server as b' } }),
    ],
    ['what else is wrong', ['UNUSABLE'], state({ state: 'unusable', why: 'something' })],
    ['a wrong password', ['UNUSABLE'], state({ state: 'unusable', why: 'WRONGPASS invalid' })],
    ['a user without INFO', ['MISSING_PERMISSION'], state({ state: 'unusable', why: 'NOPERM no info' })],
    [
      'a missing permission, which a vote has met too',
      ['MISSING_PERMISSION'],
      node(refusal({}), { condition: { state: 'unusable', why: 'NOPERM SET' } }),
    ],
    ['no fencing', ['MISSING_PERMISSION'], node(refusal({ feature: 'fencing', on: 'counter' }))],
    ['no fencing, which is not used', [], node(refusal({ feature: 'fencing' })), { fencing: false }],
    ['no waiting', ['MISSING_WAITING_PERMISSION'], node(refusal({ feature: 'waiting', on: 'line' }))],
    ['no GETRANGE', ['MISSING_OPTIONAL_PERMISSION'], node(refusal({ feature: 'large values' }))],
    ['polling', ['POLLING'], node({}, { condition: { state: 'up', polling: 'NOPERM' } })],
    ['evicted keys', ['EVICTED_KEYS'], node({ info: { evicted_keys: '1' } })],
    ['90 % of the memory', [], node({ info: { used_memory: '90', maxmemory: '100' } })],
    ['91 % of the memory', ['MEMORY_NEARLY_FULL'], node({ info: { used_memory: '91', maxmemory: '100' } })],
    ['no AOF, with the guard', ['RESTART_QUARANTINES'], node({ info: { aof_enabled: '0' } })],
    ['no AOF, without', ['RESTART_FORGETS'], node({ info: { aof_enabled: '0' } }), { isGuarded: false }],
    ['an AOF, without the guard', [], node(), { isGuarded: false }],
    ['a median of a quarter', [], node({ roundTrips: [1, 25, 25, 25, 30] })],
    ['a longer median', ['SLOW_ROUND_TRIP'], node({ roundTrips: [30, 26, 1, 26, 1] })],
    ['one slow answer', ['UNSTEADY_ROUND_TRIP'], node({ roundTrips: [1, 1, 1, 51, 1] })],
    ['one of half the time', [], node({ roundTrips: [1, 1, 1, 50, 1] })],
    ['a fork', [], node({ info: { latest_fork_usec: '100000' } })],
    ['a slow fork', ['SLOW_FORK'], node({ info: { latest_fork_usec: '100001' } })],
    ['a clock 30 min ahead', [], node({ clock: { ...CLOCK, aheadOfClient: 1_800_000 } })],
    [
      'a clock more than that ahead',
      ['CLOCK_OFFSET'],
      node({ clock: { ...CLOCK, aheadOfClient: 1_800_001 } }),
    ],
    ['a clock as far behind', ['CLOCK_OFFSET'], node({ clock: { ...CLOCK, aheadOfClient: -1_800_001 } })],
    ['a quarter of the drift, and a ms of uncertainty', [], node({}, later(6))],
    ['more than that', ['CLOCK_RATE'], node({}, later(6.1))],
    ['a clock that is as much slower', ['CLOCK_RATE'], node({}, later(-6.1))],
    ['more than half of the drift', ['CLOCK_RATE_TOO_HIGH'], node({}, later(11.1))],
    ['the clock of another server', [], node({}, later(100, { info: { run_id: 'another' } }))],
    ['a jump', ['CLOCK_JUMPED'], node({ jump })],
    ['a jump between the looks, which is no rate', ['CLOCK_JUMPED'], node({}, later(500, { jump }))],
    ['what a fast clock gains, which is no jump', ['CLOCK_RATE_TOO_HIGH'], node({}, later(100, { jump }))],
    [
      'a jump before, and a rate',
      ['CLOCK_RATE_TOO_HIGH', 'CLOCK_JUMPED'],
      node({ jump }, later(20, { jump })),
    ],
    ['a node that cannot be examined', ['NOT_EXAMINED'], { name: 'a' }],
    ['one that does not answer either', ['UNREACHABLE', 'NOT_EXAMINED'], { name: 'a', silence: 'down' }],
    ['a node in memory', [], state({ state: 'up' })],
    ['a server that answers nothing', ['UNREACHABLE'], node({ failure: 'lost', info: {}, roundTrips: [] })],
  ])('finds %s: %j', (_, codes, report, settings) => {
    expect(codesOf(report, settings)).toEqual(codes);
  });

  it.each([
    [1, ['FEW_NODES']],
    [2, ['FEW_NODES', 'EVEN_NODES']],
    [3, []],
    [4, ['EVEN_NODES']],
    [5, []],
  ])('of %i nodes says %j', (count, codes) => {
    const nodes = Array.from({ length: count }, (_, i) => other(String(i)));
    const findings = judge({ settings: SETTINGS, nodes, isInterrupted: false });
    expect(findings.map(({ code }) => code)).toEqual(codes);
    for (const finding of findings) expect(finding.nodes).toEqual([]);
  });

  it('finds the same server behind two nodes, and names the first', () => {
    const twin = node({ name: 'z' }, { name: 'z' });
    const findings = judge({ settings: SETTINGS, nodes: [node(), other('b'), twin], isInterrupted: false });
    expect(findings).toMatchObject([{ code: 'SAME_SERVER', nodes: ['z'], severity: 'error' }]);
    expect(findings[0]?.message).toContain('the same server as a');
  });

  it('finds it on the one that does not vote for this reason', () => {
    const condition = { state: 'unusable', why: 'it is the same server as z' } as const;
    const twin = node({ name: 'z' }, { name: 'z' });
    const nodes = [node({}, { condition }), other('b'), twin];
    const findings = judge({ settings: SETTINGS, nodes, isInterrupted: false });
    expect(findings).toMatchObject([{ code: 'SAME_SERVER', nodes: ['a'] }]);
  });

  it('says when it was interrupted', () => {
    const nodes = [other('a'), other('b'), other('c')];
    expect(judge({ settings: SETTINGS, nodes, isInterrupted: true })).toMatchObject([
      { code: 'INTERRUPTED' },
    ]);
  });

  it('puts errors first, and keeps the order of nodes', () => {
    const note = (name: string) => node({ name, info: { run_id: name, aof_enabled: '0' } }, { name });
    const findings = judge({
      settings: SETTINGS,
      nodes: [note('1'), { name: '2', condition: { state: 'hung' } }, note('3'), node({ jump })],
      isInterrupted: false,
    });
    expect(findings.map(({ severity, code, nodes: about }) => `${severity} ${code} ${about.join()}`)).toEqual(
      ['error UNREACHABLE 2', 'warning CLOCK_JUMPED a', 'note RESTART_QUARANTINES 1,3', 'note EVEN_NODES '],
    );
  });

  it.each<[string, string[], NodeReport[]]>([
    [
      'the same of all nodes',
      ['RESTART_QUARANTINES of a, b, c'],
      [noted('a', NO_AOF), noted('b', NO_AOF), noted('c', NO_AOF)],
    ],
    [
      'the same of some nodes',
      ['RESTART_QUARANTINES of a, c'],
      [noted('a', NO_AOF), noted('b'), noted('c', NO_AOF)],
    ],
    [
      'the same in other words',
      ['UNREACHABLE of a', 'UNREACHABLE of b, c'],
      [down('a', 'refused'), down('b', 'reset'), down('c', 'reset')],
    ],
    [
      'several things of several nodes, by code',
      ['UNREACHABLE of a', 'UNREACHABLE of c', 'REPLICA of b', 'EVICTED_KEYS of b'],
      [down('a', 'refused'), noted('b', { role: 'slave', evicted_keys: '1' }), down('c', 'reset')],
    ],
    [
      'the same of several masters of a Redis Cluster',
      ['RESTART_QUARANTINES of a: On m1, m2', 'RESTART_QUARANTINES of b'],
      [
        cluster('a', { name: 'm1', info: NO_AOF }, { name: 'm2', info: NO_AOF }, { name: 'm3' }),
        noted('b', NO_AOF),
        noted('c'),
      ],
    ],
  ])('makes one finding of %s', (_, expected, nodes) => {
    const findings = judge({ settings: SETTINGS, nodes, isInterrupted: false });
    expect(
      findings.map(({ code, nodes: about, message }) =>
        [`${code} of ${about.join(', ')}`, ...(/^On [^:]*/.exec(message) ?? [])].join(': '),
      ),
    ).toEqual(expected);
  });

  it('names the master of a Redis Cluster', () => {
    const first = {
      bySentinel: false,
      servers: [server({ name: '10.0.0.1:7000', info: { evicted_keys: '7' } })],
    };
    const [finding] = findingsOf(node({}, { first }));
    expect(finding?.message).toMatch(/^On 10\.0\.0\.1:7000: The server has evicted 7 keys/);
  });

  it('names commands, features and rules', () => {
    const [finding] = findingsOf(
      node(
        refusal({
          feature: 'fencing',
          on: 'counter',
          commands: ['get', 'script|load'],
          unknown: ['time'],
          rules: ['+get', '+script|load', '~{a:*}:quorlock:fence'],
        }),
      ),
    );
    expect(finding?.message).toBe(
      'The user may not run GET, SCRIPT LOAD on the keys of fencing counters. The server does not have TIME. Locks with fencing tokens cannot be taken on this node.',
    );
    expect(finding?.remedy).toBe(
      'Allow +get +script|load ~{a:*}:quorlock:fence. Commands must not be renamed or disabled.',
    );
  });

  it('stays short, whatever a server says', () => {
    const [finding] = findingsOf(state({ state: 'unusable', why: 'x'.repeat(1_000_000) }));
    expect(finding?.message.length).toBeLessThan(600);
  });

  it('makes sentences of whatever it finds, with the severity of the code', () => {
    const random = seededRandom(1);
    const pick = <T>(...of: readonly T[]): T => of[Math.floor(random.fraction() * of.length)] as T;
    const seen = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const info = {
        role: pick('master', 'slave'),
        aof_enabled: pick('0', '1'),
        evicted_keys: pick('0', '9', 'nonsense'),
        maxmemory: pick('0', '100'),
        used_memory: pick('1', '99'),
        latest_fork_usec: pick('0', '1000000'),
      };
      const report = node({ info, roundTrips: pick([], [1, 60], [90, 90, 90]) }, later(pick(0, 8, 40)));
      for (const { code, severity, message, remedy } of findingsOf(report, {
        isGuarded: pick(true, false),
      })) {
        seen.add(code);
        expect(severity).toBe(SEVERITIES[code]);
        for (const text of [message, remedy]) expect(text).toMatch(/^[A-Z\d].*\.$/);
        expect(`${message} ${remedy}`).not.toMatch(/NaN|undefined|Infinity/);
      }
    }
    expect(seen.size).toBeGreaterThan(8);
  });
});
