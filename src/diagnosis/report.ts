import type { NodeCondition } from '../node/lock-node.ts';
import type { NodeFacts } from '../node/node-facts.ts';

/** What was found out about one node. */
export interface NodeReport {
  readonly name: string;
  /** Absent if the node does not tell. */
  readonly condition?: NodeCondition;
  /** Why it gave no answer to a request, if so. */
  readonly silence?: string;
  /** At the first look; absent if the node cannot be looked at, or was not in time. */
  readonly first?: NodeFacts;
  /** At the second look, when only the time is read. */
  readonly second?: NodeFacts;
}

/** The settings that facts are judged by. */
export interface JudgedSettings {
  readonly nodeTimeout: number;
  readonly driftFactor: number;
  readonly fencing: boolean;
  /** Whether a node that restarts empty does not vote for a while. */
  readonly isGuarded: boolean;
}

export interface Evidence {
  readonly settings: JudgedSettings;
  readonly nodes: readonly NodeReport[];
  /** Whether a signal has ended the diagnosis before it was complete. */
  readonly isInterrupted: boolean;
}
