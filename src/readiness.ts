import { afterReading, type Clock } from './clock.ts';
import { contact } from './contact.ts';
import type { RedlockError, Vote } from './errors.ts';
import type { LockNode, NodeCondition } from './node/lock-node.ts';
import { conclude } from './quorum/ballot.ts';
import { errorFor, explain } from './quorum/failure.ts';
import { describeVotes, isHopeless, votesOf } from './quorum/votes.ts';

/** What is known of a node. `unknown`: it is a `LockNode` of one's own, which does not tell. */
export type NodeStatus =
  | ({ readonly name: string } & NodeCondition)
  | { readonly name: string; readonly state: 'unknown' };

export interface ReadinessPlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** How long an answer is waited for, in ms. */
  readonly nodeTimeout: number;
  /** A key that is only read, of nodes that do not tell their condition. */
  readonly key: string;
  readonly isOpen: () => boolean;
  /** Calls `listener` when the Redlock is closed, until the function returned is called. */
  readonly onClose: (listener: () => void) => () => void;
}

/** After how long the nodes are looked at again, if none of them begins to vote before, in ms. */
const NEXT_LOOK = 100;

// `condition` is internal: a parameter that is taken apart would name it in the declarations.
export function statusOf(node: LockNode): NodeStatus {
  const { name, condition } = node;
  return condition ? { name, ...condition } : { name, state: 'unknown' };
}

/**
 * Resolves when a quorum of nodes votes, or when the Redlock is closed.
 *
 * @throws {RedlockError} that says why they do not, at `deadline` (in ms of the clock) or when the signal aborts, whose reason is the `cause`.
 */
export async function awaitQuorum(
  plan: ReadinessPlan,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { clock } = plan;
  for (;;) {
    const votes = await lookAtNodes(plan, deadline, signal);
    const verdict = conclude(votes.map(({ kind }) => (kind === 'late' ? 'pending' : kind)));
    if (verdict === 'won' || !plan.isOpen()) return;
    const failed = (): RedlockError =>
      errorFor(`not ready: ${explain(verdict, votes)} (${describeVotes(votes, 'vote')})`, verdict, votes);
    if (signal?.aborted) throw withCause(failed(), signal.reason);
    if (isHopeless(votes) || clock.now() >= deadline) throw failed();
    await change(plan, Math.min(NEXT_LOOK, deadline - clock.now()), signal);
  }
}

function withCause(error: RedlockError, cause: unknown): RedlockError {
  // As the constructor of Error sets it.
  return Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true });
}

/** How the nodes would vote now. */
async function lookAtNodes(
  plan: ReadinessPlan,
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Vote[]> {
  const mute = plan.nodes.filter(({ condition }) => condition === undefined);
  const asked = mute.length === 0 ? [] : await ask(plan, mute, deadline, signal);
  return plan.nodes.map((node) => voteOf(node, plan.clock) ?? (asked[mute.indexOf(node)] as Vote));
}

function voteOf({ name: node, condition }: LockNode, clock: Clock): Vote | undefined {
  if (!condition) return undefined;
  const { state, why = state, until, awaiting, isPermanent } = condition;
  switch (state) {
    case 'up':
      return { node, kind: 'granted' };
    case 'quarantined':
      return {
        node,
        kind: 'quarantined',
        remaining: Math.max(0, (until?.getTime() ?? 0) - clock.wallTime()),
        ...(awaiting ? { awaiting } : {}),
      };
    case 'unusable':
      return { node, kind: 'unusable', why, ...(isPermanent ? { isPermanent } : {}) };
    case 'connecting':
      return { node, kind: 'late' };
    default:
      return { node, kind: 'unreachable', cause: new Error(why) };
  }
}

/** Asks nodes that do not tell their condition. */
async function ask(
  { clock, nodeTimeout, key }: ReadinessPlan,
  nodes: readonly LockNode[],
  deadline: number,
  signal: AbortSignal | undefined,
): Promise<Vote[]> {
  const limit = Math.max(0, deadline - clock.now());
  const replies = await contact({ nodes, clock, key, patience: nodeTimeout, limit }, signal);
  return votesOf(
    nodes,
    replies.map((reply) => (reply?.kind === 'free' || reply?.kind === 'held' ? { kind: 'granted' } : reply)),
  );
}

/** Waits until a node begins to vote, the signal aborts, or so many ms have passed. */
function change(
  { nodes, clock, onClose }: ReadinessPlan,
  atMost: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      for (const ignore of listening) ignore?.();
      ignoreClose();
      resolve();
    };
    const cancel = afterReading(clock, atMost, end);
    const listening = nodes.map((node) => node.onVoting?.(end));
    const ignoreClose = onClose(end);
    signal?.addEventListener('abort', end);
  });
}
