import type { Clock } from './clock.ts';
import type { InspectReply, LockNode } from './node/lock-node.ts';
import { Patience } from './patience.ts';
import { survey } from './quorum/survey.ts';

export interface ContactPlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** A key that is only read. */
  readonly key: string;
  /** How long to wait for answers, in ms; first contacts are waited for in addition. */
  readonly patience: number;
  /** How long to wait in all, in ms. @default Infinity */
  readonly limit?: number;
}

/** Asks each node about a key, which changes nothing. After `limit` ms, and if the signal aborts, it resolves with the replies that are there. */
export async function contact(
  { nodes, clock, key, patience, limit = Number.POSITIVE_INFINITY }: ContactPlan,
  signal: AbortSignal | undefined,
): Promise<readonly (InspectReply | undefined)[]> {
  const replies = new Array<InspectReply | undefined>(nodes.length).fill(undefined);
  const end = new Patience(clock, limit, signal);
  const all = survey<InspectReply, true>({
    nodes,
    clock,
    patience,
    ask: (node, _wanted, deliver) =>
      node.inspect(key, (reply) => {
        replies[nodes.indexOf(node)] ??= reply;
        deliver(reply);
      }),
    decide: (heard, over) => (over || heard.every((reply) => reply !== undefined) ? true : undefined),
  });
  await Promise.race([all, end.over]);
  end.end();
  return [...replies];
}
