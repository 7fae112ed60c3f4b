import type { Waiter } from '../node/lock-node.ts';

/** Decides which nodes a round asks when; without one, all are asked at once. */
export interface AskStrategy<Reply> {
  /**
   * The round begins. Until it is decided, `ask` may be called now and later: a node that is asked again has not answered yet.
   * `end` decides it by what is known.
   */
  begin(ask: (nodes: readonly number[]) => void, end: () => void): void;
  /** In whose name a node is asked, if the node has a line for the key. */
  waiterAt(node: number): Waiter | undefined;
  /** Sees each reply before anything is decided with it, also those that come after the end. */
  heard(node: number, reply: Reply): void;
  /** The round is decided. */
  end(): void;
}
