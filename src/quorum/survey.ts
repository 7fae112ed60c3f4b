import { afterReading, type Clock } from '../clock.ts';
import type { Deliver, LockNode } from '../node/lock-node.ts';
import { type Replies, Round } from './round.ts';

export interface SurveyPlan<Reply, Outcome> {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  /** How long to wait for answers, in ms. */
  readonly patience: number;
  /** Asks one node. `wanted` is true until the outcome is certain. */
  readonly ask: (node: LockNode, wanted: () => boolean, deliver: Deliver<Reply>) => void;
  /** The outcome, or undefined while it is open. With `over` it must decide by what there is. */
  readonly decide: (replies: Replies<Reply>, over: boolean) => Outcome | undefined;
}

/**
 * A round that people look at. A quorum may decide early, but the other answers are waited for too, for `patience` ms from the start: they
 * tell in which state the nodes are. First contacts are waited for only while the outcome is open.
 */
export async function survey<Reply, Outcome>(plan: SurveyPlan<Reply, Outcome>): Promise<Outcome> {
  const { nodes, clock, patience, ask, decide } = plan;
  const end = clock.now() + patience;
  const answers = new Array<Reply | undefined>(nodes.length).fill(undefined);
  let missing = nodes.length;
  let answered: (() => void) | undefined;
  const decided = await new Round<Reply, Outcome>({
    nodes,
    clock,
    patience,
    contactDeadline: Number.POSITIVE_INFINITY,
    ask: (node, _index, wanted, deliver) => ask(node, wanted, deliver),
    heard: (index, reply) => {
      if (answers[index] === undefined) missing--;
      answers[index] = reply;
      if (missing === 0) answered?.();
    },
    decide,
  }).start().outcome;
  const left = end - clock.now();
  if (missing > 0 && left > 0)
    await new Promise<void>((resolve) => {
      const cancel = afterReading(clock, left, resolve);
      answered = () => {
        cancel();
        resolve();
      };
    });
  return decide(answers, true) ?? decided;
}
