import type { LockNode, ReleaseRequest } from '../../src/node/lock-node.ts';
import { tokenOf } from './token.ts';

/** Of a holder that dies without releasing its lock. */
export const DEAD: string = tokenOf(0, 1);

/** How many grants each node is asked for from now on, in the order of the nodes. */
export function grantsOn(nodes: readonly LockNode[]): () => number[] {
  const counts = nodes.map(() => 0);
  nodes.forEach((node, index) => {
    const grant = node.grant.bind(node);
    node.grant = (claim, deliver) => {
      counts[index] = (counts[index] ?? 0) + 1;
      grant(claim, deliver);
    };
  });
  return () => [...counts];
}

/** Sets a key on all nodes, as a holder does that dies without releasing it. */
export function takenByTheDead(nodes: readonly LockNode[], key: string, ttl: number): void {
  takenBy(DEAD, nodes, key, ttl);
}

export function takenBy(ownerToken: string, nodes: readonly LockNode[], key: string, ttl: number): void {
  for (const node of nodes) node.grant({ keys: [key], ownerToken, ttl, wanted: () => true }, () => {});
}

/** Deletes a key on all of these nodes, and serves those in line there, unless `then` says otherwise. */
export function releasedBy(
  nodes: readonly LockNode[],
  key: string,
  ownerToken: string,
  afterwards: ReleaseRequest['afterwards'] = 'serve',
): void {
  const request: ReleaseRequest = {
    keys: [key],
    ownerToken,
    afterwards,
    reservation: 30,
    longestTtl: 60_000,
  };
  for (const node of nodes) node.release(request, () => {});
}
