import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import {
  CLUSTER_SIZE_ACL,
  KEEP_ALIVE_ACL,
  LEAST_ACL,
  LEAST_CLUSTER_ACL,
  LEAST_SENTINEL_ACL,
  MIGRATION_ACL,
  NAMING_ACL,
  SPARING_ACL,
  WAITING_ACL,
} from '../support/least-acl.ts';

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const section = page.slice(page.indexOf('## Least ACL'), page.indexOf('## Connections'));

/** The rules for commands and channels in a text, in order of the alphabet. */
function rulesIn(text: string): string[] {
  return (text.replaceAll('\\|', '|').match(/(?<![\w~*])[+&-]@?[a-z][\w|:*-]*/g) ?? []).sort();
}

function rowOf(start: string): string {
  return section.split('\n').find((line) => line.startsWith(`| ${start}`)) ?? '';
}

it('the rules that the page lists for all features are those that are tested', () => {
  const command = /```text\n([^`]*)```/.exec(section)?.[1] ?? '';
  const rules = rulesIn(command.replace(/ACL SETUSER quorlock on >secret resetkeys|resetchannels/g, ''));
  const all = [...LEAST_ACL, ...SPARING_ACL, ...KEEP_ALIVE_ACL, ...NAMING_ACL, ...WAITING_ACL];
  expect(rules).toEqual(all.sort());
});

it.each([
  ['every node', LEAST_ACL.filter((rule) => rule !== '-@all' && rule !== '+time')],
  ['with fencing', ['+time']],
  ['to be notified of releases', WAITING_ACL],
  ['for speed, and large foreign values', SPARING_ACL],
  ['to name connections for commands', NAMING_ACL],
  ['against entries in ACL LOG', KEEP_ALIVE_ACL],
  ['each master of a Redis Cluster', LEAST_CLUSTER_ACL],
  ['to use slots that are being moved', MIGRATION_ACL],
  ['a cluster-enabled server by its URL', CLUSTER_SIZE_ACL],
  ['on a Sentinel', LEAST_SENTINEL_ACL.filter((rule) => rule !== '-@all')],
])('the rules that the page lists are those that are tested: %s', (row, rules) => {
  expect(rulesIn(rowOf(row))).toEqual([...rules].sort());
});
