import type { GrantReply, LockNode, ReleaseRequest } from '../../src/node/lock-node.ts';
import { turn } from './peek.ts';
import { tokenOf } from './token.ts';

/** Of somebody who only looks. */
const OBSERVER: string = tokenOf(999_999, 1);

/** Comes after everybody else in a line. */
const LAST = 8_000_000_000_000_000;

export interface LineAt {
  /** Whether the key is reserved for somebody. */
  readonly isReserved: boolean;
  /** How many stand in its line. */
  readonly waiting: number;
}

/** What a node in memory knows of those who wait for a key. */
async function lineAt(node: LockNode, key = 'r'): Promise<LineAt> {
  const owned = { keys: [key], ownerToken: OBSERVER };
  const waiter = { name: 'f'.repeat(40), key, since: LAST };
  const release: ReleaseRequest = {
    ...owned,
    afterwards: 'hand over',
    reservation: 0,
    waiter,
    longestTtl: 0,
  };
  const grant = async (more: object): Promise<GrantReply> => {
    let answer: GrantReply | undefined;
    node.grant({ ...owned, ttl: 1, wanted: () => true, ...more }, (reply) => {
      answer = reply;
    });
    await turn();
    if (!answer) throw new Error(`${node.name} does not answer`);
    return answer;
  };
  // The key is somebody’s now, so that a stand is denied.
  const first = await grant({});
  const reply = await grant({ waiter });
  node.release(release, () => {});
  await turn();
  const isReserved = first.kind === 'denied' && first.isReserved === true;
  return { isReserved, waiting: reply.kind === 'denied' ? (reply.place?.position ?? 0) : 0 };
}

/** The same of all nodes, in their order. */
export async function linesAt(nodes: readonly LockNode[], key = 'r'): Promise<LineAt[]> {
  const lines: LineAt[] = [];
  for (const node of nodes) lines.push(await lineAt(node, key));
  return lines;
}

/** Of `n` nodes at which nothing is left. */
export function noLines(n: number): LineAt[] {
  return Array.from({ length: n }, () => ({ isReserved: false, waiting: 0 }));
}
