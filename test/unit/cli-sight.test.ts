import { describe, expect, it } from 'vitest';
import { plain } from '../../src/cli/paint.ts';
import {
  type Change,
  changeJson,
  changeLine,
  changesSince,
  type Sight,
  sightLines,
} from '../../src/cli/sight.ts';
import { describeOwner, type Inspection } from '../../src/inspection.ts';
import type { NodeStatus } from '../../src/readiness.ts';

const at = new Date(2026, 2, 1, 10, 45, 7);
const since = new Date(2026, 2, 1, 10, 42, 7);
const FREE: Inspection = { state: 'free', remaining: 0, nodes: [] };
const SECRET = 'c0ffee'.repeat(4);

function held(label: string, remaining = 8_200): Inspection {
  const token = `0123456789abcdef${SECRET}@${label}`;
  return { state: 'held', remaining, owner: { ...describeOwner(token), since }, fencingToken: 42, nodes: [] };
}

function sight(node: NodeStatus, inspection: Inspection): Sight {
  return { at, quorum: 1, nodes: [node], resources: [{ resource: 'job', inspection }] };
}

const UP: NodeStatus = { name: 'a:1', state: 'up' };
const DOWN: NodeStatus = { name: 'a:1', state: 'down', why: 'ECONNREFUSED' };

const kinds = (changes: readonly Change[]): string[] => changes.map(({ kind }) => kind);

describe('changes', () => {
  it('are all states at first', () => {
    expect(kinds(changesSince(undefined, sight(UP, FREE)))).toEqual(['node', 'resource']);
  });

  it.each<[string, Sight, Sight, string[]]>([
    ['nothing', sight(UP, FREE), sight(UP, FREE), []],
    ['a round trip', sight(UP, FREE), sight({ ...UP, roundTrip: 3 }, FREE), []],
    ['a node that goes down', sight(UP, FREE), sight(DOWN, FREE), ['node']],
    ['why it is down', sight(DOWN, FREE), sight({ name: 'a:1', state: 'down', why: 'timeout' }, FREE), []],
    [
      'why it is unusable',
      sight({ name: 'a:1', state: 'unusable', why: 'x' }, FREE),
      sight({ name: 'a:1', state: 'unusable', why: 'y' }, FREE),
      ['node'],
    ],
    ['a lock that is taken', sight(UP, FREE), sight(UP, held('x')), ['resource']],
    ['a lock that is extended', sight(UP, held('x', 1)), sight(UP, held('x', 2)), []],
    ['another holder', sight(UP, held('x')), sight(UP, held('y')), ['resource']],
  ])('of %s', (_, before, now, expected) => {
    expect(kinds(changesSince(before, now))).toEqual(expected);
  });

  it.each<[Change, string]>([
    [{ kind: 'node', node: UP }, '10:45:07  node a:1 is up'],
    [{ kind: 'node', node: DOWN }, '10:45:07  node a:1 is down: ECONNREFUSED'],
    [
      { kind: 'node', node: { name: 'a:1', state: 'quarantined', until: new Date(2026, 2, 1, 10, 45, 9) } },
      '10:45:07  node a:1 is quarantined until 10:45:09 (in 2.0 s)',
    ],
    [{ kind: 'node', node: { name: 'own', state: 'unknown' } }, '10:45:07  node own is unknown'],
    [{ kind: 'resource', resource: 'job', inspection: FREE }, '10:45:07  resource "job" is free'],
    [
      { kind: 'resource', resource: 'job', inspection: held('web-1') },
      '10:45:07  resource "job" is held by web-1 since 10:42:07 (3 min ago) with fencing token 42',
    ],
  ])('%# are lines', (change, line) => {
    expect(changeLine(change, at)).toBe(line);
  });

  it('as JSON have a time, and no owner token', () => {
    const [node, resource] = changesSince(undefined, sight(DOWN, held('web-1'))) as [Change, Change];
    const time = at.toISOString();
    expect(JSON.parse(JSON.stringify([changeJson(node, at), changeJson(resource, at)]))).toEqual([
      { at: time, kind: 'node', name: 'a:1', state: 'down', why: 'ECONNREFUSED' },
      {
        at: time,
        kind: 'resource',
        resource: 'job',
        state: 'held',
        owner: { id: '0123456789abcdef', label: 'web-1', since: since.toISOString() },
        fencingToken: 42,
      },
    ]);
  });
});

describe('the picture', () => {
  it('has nodes and resources', () => {
    expect(sightLines(sight(UP, held('web-1')), plain)).toEqual([
      '10:45:07  1 of 1 nodes up, 1 needed. Ctrl-C ends this.',
      '',
      'NODE  STATE',
      'a:1   up',
      '',
      'RESOURCE  STATE  HOLDER  SINCE                 REMAINING  FENCING TOKEN',
      'job       held   web-1   10:42:07 (3 min ago)  8.2 s      42',
    ]);
  });

  it('has no table of resources without any', () => {
    expect(sightLines({ ...sight(UP, FREE), resources: [] }, plain)).toHaveLength(4);
  });
});
