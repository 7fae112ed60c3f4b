import { describe, expect, it } from 'vitest';
import { inspectionLines } from '../../src/cli/inspection-view.ts';
import { inspectionJson, jsonLine } from '../../src/cli/json.ts';
import { plain } from '../../src/cli/paint.ts';
import { describeOwner, type Inspection } from '../../src/inspection.ts';
import { tombstoneOf } from '../../src/node/owner.ts';

const SECRET = 'c0ffee'.repeat(4);
const TOKEN = `0123456789abcdef${SECRET}`;
const now = new Date(2026, 2, 1, 10, 45, 7);
const since = new Date(2026, 2, 1, 10, 42, 7);

const CASES: readonly [string, Inspection, string[]][] = [
  [
    'free',
    { state: 'free', remaining: 0, nodes: [{ node: 'a', kind: 'free' }] },
    ['"job" is free: nobody holds it', '', 'NODE  SAYS', 'a     free'],
  ],
  [
    'held with a label',
    {
      state: 'held',
      remaining: 8_200,
      owner: { ...describeOwner(`${TOKEN}@web-1`), since },
      fencingToken: 42,
      nodes: [
        { node: 'a:1', kind: 'held', ownerToken: `${TOKEN}@web-1`, remaining: 8_200, counter: 42 },
        { node: 'b:1', kind: 'unreachable', cause: new Error('connect ECONNREFUSED'), maybeExecuted: false },
        { node: 'c:1', kind: 'late' },
      ],
    },
    [
      '"job" is held',
      '  holder         web-1',
      '  since          10:42:07 (3 min ago)',
      '  remaining      8.2 s, unless it is extended',
      '  fencing token  42',
      '',
      'NODE  SAYS         OWNER  REMAINING  COUNTER  WHY',
      'a:1   held         web-1  8.2 s      42',
      'b:1   unreachable                             connect ECONNREFUSED',
      'c:1   late                                    it did not answer in time',
    ],
  ],
  [
    'held without a label and without expiry',
    {
      state: 'held',
      remaining: Number.POSITIVE_INFINITY,
      owner: describeOwner(TOKEN),
      nodes: [{ node: 'a:1', kind: 'held', ownerToken: TOKEN, remaining: Number.POSITIVE_INFINITY }],
    },
    [
      '"job" is held',
      '  holder     0123456789abcdef',
      '  remaining  for ever: the key has no expiry',
      '',
      'NODE  SAYS  OWNER             REMAINING',
      'a:1   held  0123456789abcdef  no expiry',
    ],
  ],
  [
    'held by another program',
    {
      state: 'held',
      remaining: 500,
      owner: describeOwner(SECRET),
      nodes: [{ node: 'a:1', kind: 'held', ownerToken: SECRET, remaining: 500, foreign: 'value' }],
    },
    [
      '"job" is held',
      '  holder     a value that quorlock did not set',
      '  remaining  500 ms, unless it is extended',
      '',
      'NODE  SAYS  OWNER                              REMAINING',
      'a:1   held  a value that quorlock did not set  500 ms',
    ],
  ],
  [
    'revoked',
    {
      state: 'revoked',
      remaining: 2_000,
      revokedBy: 'ops',
      nodes: [{ node: 'a:1', kind: 'held', ownerToken: tombstoneOf('ops'), remaining: 2_000 }],
    },
    [
      '"job" is revoked: it was taken away from its holder, and nobody gets it until then',
      '  revoked by  ops',
      '  remaining   until 10:45:09 (in 2.0 s)',
      '',
      'NODE  SAYS     OWNER  REMAINING',
      'a:1   revoked  ops    2.0 s',
    ],
  ],
  [
    'indeterminate',
    {
      state: 'indeterminate',
      remaining: 2_000,
      nodes: [
        { node: 'a:1', kind: 'held', ownerToken: TOKEN, remaining: 2_000 },
        { node: 'b:1', kind: 'quarantined', remaining: 12_000 },
        { node: 'c:1', kind: 'unusable', why: 'it is a replica' },
      ],
    },
    [
      '"job" is indeterminate: too few nodes agree on who holds it',
      '  remaining  until 10:45:09 (in 2.0 s), unless it is extended',
      '',
      'NODE  SAYS         OWNER             REMAINING  WHY',
      'a:1   held         0123456789abcdef  2.0 s',
      'b:1   quarantined                               it may have lost locks in a restart, and votes again in 12 s',
      'c:1   unusable                                  it is a replica',
    ],
  ],
];

describe('an inspection', () => {
  it.each(CASES)('of a resource that is %s is shown', (_, inspection, lines) => {
    expect(inspectionLines('job', inspection, now, plain)).toEqual(lines);
  });

  it.each(CASES)('of a resource that is %s shows no owner token', (_, inspection) => {
    const text = inspectionLines('job', inspection, now, plain).join('\n');
    expect(text + jsonLine(inspectionJson('job', inspection))).not.toContain(SECRET);
  });

  it('as JSON has all facts', () => {
    const [, inspection] = CASES[1] as (typeof CASES)[number];
    expect(JSON.parse(jsonLine(inspectionJson('job', inspection)))).toEqual({
      resource: 'job',
      state: 'held',
      remaining: 8_200,
      owner: { id: '0123456789abcdef', label: 'web-1', since: since.toISOString() },
      fencingToken: 42,
      nodes: [
        { node: 'a:1', kind: 'held', remaining: 8_200, owner: '0123456789abcdef', counter: 42 },
        { node: 'b:1', kind: 'unreachable', cause: 'connect ECONNREFUSED' },
        { node: 'c:1', kind: 'late' },
      ],
    });
  });

  it('as JSON has null for a key without expiry', () => {
    const [, inspection] = CASES[2] as (typeof CASES)[number];
    expect(JSON.parse(jsonLine(inspectionJson('job', inspection)))).toMatchObject({ remaining: null });
  });
});
