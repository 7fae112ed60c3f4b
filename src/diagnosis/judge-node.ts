import type { NodeCondition } from '../node/lock-node.ts';
import { enumerate } from '../quote.ts';
import type { FindingCode, Remark } from './finding.ts';
import type { NodeReport } from './report.ts';

/** How many nodes a message names. */
const MOST_NAMED = 3;

/** What a person has to do about a node that must not hold locks, by how the reason begins. */
const UNUSABLE: readonly [RegExp, FindingCode, remedy: string][] = [
  [
    /^it is the same server as /,
    'SAME_SERVER',
    'Give each server once: one server behind two addresses would have two votes. Remove this node, or correct its address.',
  ],
  [/^its role is /, 'REPLICA', 'Give the address of the master, or promote this server.'],
  [/^version .* is older than /, 'TOO_OLD', 'Update the server to Redis 7.0 or later, or to Valkey.'],
  [
    /^maxmemory-policy .* would evict locks/,
    'EVICTING_POLICY',
    'Run CONFIG SET maxmemory-policy noeviction, and write it to the configuration.',
  ],
  [
    /^min-replicas-to-write is 0/,
    'SENTINEL_WITHOUT_MIN_REPLICAS',
    'Set min-replicas-to-write to 1 or more, and min-replicas-max-lag to 3, on every server of the group.',
  ],
  [/^NOPERM\b/, 'MISSING_PERMISSION', 'Give the user the least ACL that the documentation lists.'],
  [/^(NOAUTH|WRONGPASS)\b/, 'UNUSABLE', 'Correct the user name and the password of this node.'],
];

/** The finding for a server that must not hold locks. `why`: as its vote says it. */
export function unusable(why: string): Remark {
  const [, code, remedy] = UNUSABLE.find(([beginning]) => beginning.test(why)) ?? [
    undefined,
    'UNUSABLE' as const,
    'Correct what the message says. The node is checked again four times a second.',
  ];
  return { code, message: `The node must not hold locks: ${why}.`, remedy };
}

/** The state of a node. */
export function judgeNode(report: NodeReport): readonly Remark[] {
  const { condition, silence, first } = report;
  if (!condition) return [...notExamined(report), ...(silence === undefined ? [] : [unreachable(silence)])];
  return [
    ...stateOf(condition, report),
    ...(condition.polling === undefined
      ? []
      : [
          {
            code: 'POLLING' as const,
            message: `Waiters are not notified of releases by this node, and poll: ${condition.polling}.`,
            remedy: 'Allow +ssubscribe, +sunsubscribe and the channels &quorlock:turn:*.',
          },
        ]),
    ...(first?.servers ?? []).flatMap(({ failure }) =>
      failure !== undefined && condition.state === 'up' ? [unreachable(failure)] : [],
    ),
  ];
}

function stateOf({ state, why = '', until, awaiting }: NodeCondition, report: NodeReport): readonly Remark[] {
  switch (state) {
    case 'up':
      return report.first === undefined && report.silence !== undefined ? [unreachable(report.silence)] : [];
    case 'quarantined':
      return [
        {
          code: 'QUARANTINED',
          message: `The node may have lost locks in a restart, and does not vote${until ? ` until ${until.toISOString()}` : ''}.${awaiting ? ` If it is new, it votes as soon as all nodes answer as new ones; ${enumerate(awaiting, MOST_NAMED)} ${awaiting.length === 1 ? 'does' : 'do'} not.` : ''}`,
          remedy: awaiting
            ? 'Start the nodes that do not answer, or wait.'
            : 'Wait. Restart nodes one after the other, with more than maxTtl between two of them.',
        },
      ];
    case 'unusable':
      return [unusable(why)];
    case 'down':
      return why.startsWith('LOADING')
        ? [
            {
              code: 'LOADING',
              message: 'The server is reading its data from disk, and does not vote yet.',
              remedy: 'Wait until it has read its data.',
            },
          ]
        : [unreachable(why)];
    case 'connecting':
      return [unreachable(report.silence ?? 'there has been no contact yet')];
    case 'hung':
      return [unreachable('it does not answer')];
    case 'closed':
      return [unreachable('the connection is closed')];
  }
}

function unreachable(why: string): Remark {
  return {
    code: 'UNREACHABLE',
    message: `The node does not answer: ${why}.`,
    remedy: 'Check that the server is running, and that the address, port, TLS and firewall are right.',
  };
}

function notExamined({ first }: NodeReport): readonly Remark[] {
  if (first) return [];
  return [
    {
      code: 'NOT_EXAMINED',
      message: 'The node is an implementation of LockNode that cannot be examined.',
      remedy: 'Check its server, its memory and its clock yourself.',
    },
  ];
}
