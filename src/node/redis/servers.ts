import type { Unusable } from '../lock-node.ts';
import { type ServerInfo, unfit } from './server-info.ts';

/** Which server stands behind which node, so that one server reached by two addresses does not vote twice. */
export class Servers {
  readonly #nodeOf = new Map<string, string>();

  /** Why a node must not hold locks, by the INFO of its servers, if so. `bySentinel`: a Sentinel says which they are. */
  check(node: string, servers: readonly ServerInfo[], bySentinel: boolean): Unusable | undefined {
    for (const server of servers) {
      const why = unfit(server, bySentinel);
      if (why) return why;
    }
    const twin = this.claim(
      node,
      servers.map(({ runId }) => runId),
    );
    return twin === undefined
      ? undefined
      : { kind: 'unusable', why: `it is the same server as ${twin}`, isPermanent: true };
  }

  /** Notes the servers of a node, and returns the name of another node that leads to one of them, if any. */
  claim(node: string, runIds: readonly string[]): string | undefined {
    for (const [runId, owner] of this.#nodeOf) if (owner === node) this.#nodeOf.delete(runId);
    for (const runId of runIds) {
      const owner = this.#nodeOf.get(runId);
      if (owner !== undefined) return owner;
    }
    for (const runId of runIds) this.#nodeOf.set(runId, node);
    return undefined;
  }
}
