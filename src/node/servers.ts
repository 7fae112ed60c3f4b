import { type ServerInfo, unfit } from './server-info.ts';

/** Which server stands behind which node, so that one server reached by two addresses does not vote twice. */
export class Servers {
  readonly #nodeOf = new Map<string, string>();

  /** Why a node must not hold locks, by the INFO of its servers, if so. */
  examine(node: string, servers: readonly ServerInfo[]): string | undefined {
    const why = servers.map(unfit).find((reason) => reason !== undefined);
    if (why) return why;
    const runIds = servers.map(({ runId }) => runId).filter((runId) => runId !== '');
    const twin = this.claim(node, runIds);
    return twin && `it is the same server as ${twin}`;
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
