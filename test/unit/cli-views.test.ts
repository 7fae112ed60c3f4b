import { describe, expect, it } from 'vitest';
import { diagnosisLines, hasErrors } from '../../src/cli/diagnosis-view.ts';
import { UsageError } from '../../src/cli/exit-code.ts';
import { failureOf, inOurWords } from '../../src/cli/failure.ts';
import { jsonLine, nodesJson, revocationJson } from '../../src/cli/json.ts';
import { nodesTable, quorumSentence } from '../../src/cli/node-view.ts';
import { plain } from '../../src/cli/paint.ts';
import { revocationLines } from '../../src/cli/revocation-view.ts';
import type { Finding } from '../../src/diagnosis/finding.ts';
import {
  AcquireTimeoutError,
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  ResourceHeldError,
  ValidityExhaustedError,
  type Vote,
} from '../../src/errors.ts';
import { describeOwner } from '../../src/inspection.ts';
import type { NodeStatus } from '../../src/readiness.ts';
import type { Revocation } from '../../src/revocation.ts';

const now = new Date(2026, 2, 1, 10, 45, 7);
const since = new Date(2026, 2, 1, 10, 42, 7);
const VOTES: readonly Vote[] = [
  { node: 'a:1', kind: 'granted' },
  { node: 'b:12', kind: 'unreachable', cause: new Error('connect ECONNREFUSED') },
  { node: 'c:1', kind: 'late' },
];

describe('nodes', () => {
  const nodes: readonly NodeStatus[] = [
    { name: 'a:1', state: 'up', since, roundTrip: 0.4404 },
    { name: 'b:1', state: 'quarantined', until: new Date(2026, 2, 1, 10, 45, 19) },
    { name: 'c:1', state: 'down', why: 'connect ECONNREFUSED', since },
    { name: 'd', state: 'unknown' },
  ];

  it('are shown in a table', () => {
    expect(nodesTable(nodes, now, plain)).toEqual([
      'NODE  STATE        SINCE                 ROUND TRIP  UNTIL               WHY',
      'a:1   up           10:42:07 (3 min ago)  0.4 ms',
      'b:1   quarantined                                    10:45:19 (in 12 s)',
      'c:1   down         10:42:07 (3 min ago)                                  connect ECONNREFUSED',
      'd     unknown',
    ]);
  });

  it('are counted', () => {
    expect(quorumSentence(nodes, 3)).toBe('1 of 4 nodes up, 3 needed');
  });

  it('are JSON', () => {
    expect(JSON.parse(jsonLine(nodesJson(nodes.slice(0, 1), 1)))).toEqual({
      quorum: 1,
      up: 1,
      nodes: [{ name: 'a:1', state: 'up', since: since.toISOString(), roundTrip: 0.44 }],
    });
  });
});

describe('a revocation', () => {
  const owner = describeOwner(`${'1'.repeat(40)}@web-1`);
  const cases: readonly [Revocation, string[]][] = [
    [
      { outcome: 'revoked', remaining: 2_000, owner, votes: VOTES },
      [
        'the lock on "job" is revoked',
        '  taken from  web-1',
        '  held since  10:42:07 (3 min ago)',
        '  free from   10:45:09 (in 2.0 s) at the latest',
        'The holder learns of it when it next extends its lock. Nobody else gets the lock before it would have expired.',
      ],
    ],
    [{ outcome: 'free', remaining: 0, votes: VOTES }, ['nobody holds "job": nothing was revoked']],
    [
      { outcome: 'refused', remaining: 0, votes: [{ node: 'a:1', kind: 'denied', remaining: 1 }] },
      [
        '"job" is not a lock, but a key without expiry or of another type: nothing was revoked there',
        '  a:1  denied',
      ],
    ],
    [
      { outcome: 'unconfirmed', remaining: 2_000, owner, votes: VOTES },
      [
        'the lock on "job" is perhaps not revoked: too few nodes answered, and its holder may still extend it; try again',
        '  a:1   ok',
        '  b:12  unreachable  connect ECONNREFUSED',
        '  c:1   no answer    it had not answered yet',
      ],
    ],
  ];

  it.each(cases)('%# is shown', (revocation, lines) => {
    expect(revocationLines({ resource: 'job', revocation, since }, now, plain)).toEqual(lines);
  });

  it('is JSON without the owner token', () => {
    const json: unknown = JSON.parse(jsonLine(revocationJson('job', cases[0]?.[0] as Revocation)));
    expect(json).toEqual({
      resource: 'job',
      outcome: 'revoked',
      remaining: 2_000,
      owner: { id: '1'.repeat(16), label: 'web-1' },
      nodes: [
        { node: 'a:1', kind: 'granted' },
        { node: 'b:12', kind: 'unreachable', cause: 'connect ECONNREFUSED' },
        { node: 'c:1', kind: 'late' },
      ],
    });
  });
});

describe('a failure', () => {
  const nodeLines = [
    '  a:1   ok',
    '  b:12  unreachable  connect ECONNREFUSED',
    '  c:1   no answer    it had not answered yet',
  ];
  const unreachable = new QuorumUnreachableError('m', VOTES);

  it.each([
    [new UsageError('wrong'), 64, ['wrong']],
    [unreachable, 69, ['too few nodes can be reached', ...nodeLines]],
    [new AcquireTimeoutError('m', unreachable), 69, ['too few nodes can be reached', ...nodeLines]],
    [
      new NodesQuarantinedError('m', [], 1),
      69,
      ['too few nodes grant locks yet: some were restarted, and may have lost locks'],
    ],
    [new NodeMisconfiguredError('m', []), 69, ['too few nodes can hold locks as they are set up']],
    [
      new AcquireTimeoutError(
        'gave up',
        new ValidityExhaustedError('too late', [{ node: 'a:1', kind: 'granted' }]),
      ),
      69,
      ['the nodes granted the lock too late', '  a:1  ok'],
    ],
    [new ResourceHeldError('held', [], 1), 75, ['held']],
    [new Error('disk full'), 1, ['disk full']],
    ['thrown', 1, ['thrown']],
  ])('%s has a code and a message', (error, code, lines) => {
    expect(failureOf(error, plain)).toEqual({ code, lines });
  });

  it.each([
    [
      'ttl must be 1, not 2; use a longer ttl, raise maxTtl',
      '--ttl must be 1, not 2; use a longer ttl, raise --max-ttl',
    ],
    ['label must be x, not "y z"', '--label must be x, not "y z"'],
    ['acquireTimeout must be a number', '--wait must be a number'],
    [
      'ttl 5 ms is too short: a lockDelay of 3 ms and a nodeTimeout of',
      '--ttl 5 ms is too short: a --lock-delay of 3 ms and a --node-timeout of',
    ],
  ])('%j is in the words of the command line', (message, ours) => {
    expect(inOurWords(message)).toBe(ours);
  });
});

const finding = (severity: Finding['severity'], more: Partial<Finding> = {}): Finding => ({
  severity,
  nodes: [],
  code: 'EVICTING_POLICY',
  message: 'it evicts keys',
  remedy: 'set maxmemory-policy noeviction',
  ...more,
});

describe('a diagnosis', () => {
  const nodes: readonly NodeStatus[] = [
    { name: 'a:1', state: 'up' },
    { name: 'b:1', state: 'down' },
  ];
  const linesOf = (...findings: Finding[]): string[] =>
    diagnosisLines({ diagnosis: { findings }, nodes, quorum: 2 }, now, plain);
  const QUORUM = '1 of 2 nodes up, 2 needed';

  it('has the findings with what to do about them, and counts them', () => {
    expect(
      linesOf(
        finding('error', { nodes: ['a:1'] }),
        finding('warning', { code: 'POLLING', nodes: ['a:1', 'b:1'] }),
        finding('warning', { code: 'LOADING', remedy: '' }),
        finding('note', { code: 'EVEN_NODES' }),
      ),
    ).toEqual([
      'error  EVICTING_POLICY',
      '  a:1: it evicts keys',
      '  What to do: set maxmemory-policy noeviction',
      '',
      'warning  POLLING',
      '  all nodes: it evicts keys',
      '  What to do: set maxmemory-policy noeviction',
      '',
      'warning  LOADING',
      '  it evicts keys',
      '',
      'note  EVEN_NODES',
      '  it evicts keys',
      '  What to do: set maxmemory-policy noeviction',
      '',
      '1 error, 2 warnings, 1 note',
      QUORUM,
    ]);
  });

  it('says what to do once, if it is the same for several nodes', () => {
    const [of, and] = [
      { nodes: ['a:1'], message: 'it evicts' },
      { nodes: ['b:1'], message: 'it evicts, too' },
    ];
    expect(linesOf(finding('error', of), finding('error', and)).slice(0, 4)).toEqual([
      'error  EVICTING_POLICY',
      '  a:1: it evicts',
      '  b:1: it evicts, too',
      '  What to do: set maxmemory-policy noeviction',
    ]);
    const other = { ...and, remedy: 'remove b' };
    expect(linesOf(finding('error', of), finding('error', other)).slice(3, 6)).toEqual([
      '',
      'error  EVICTING_POLICY',
      '  b:1: it evicts, too',
    ]);
  });

  it('has the local time', () => {
    const until = new Date(2026, 2, 1, 10, 45, 19).toISOString();
    expect(linesOf(finding('warning', { message: `It does not vote until ${until}.` }))[1]).toBe(
      '  It does not vote until 10:45:19 (in 12 s).',
    );
  });

  it('without problems says so', () => {
    expect(linesOf()).toEqual(['no problems found', QUORUM]);
    expect(linesOf(finding('note')).slice(-2)).toEqual(['no problems found, 1 note', QUORUM]);
  });

  it('has errors, or has none', () => {
    expect(hasErrors({ findings: [finding('warning'), finding('error')] })).toBe(true);
    expect(hasErrors({ findings: [finding('warning'), finding('note')] })).toBe(false);
  });
});
