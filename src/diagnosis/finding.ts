/** `error`: locks cannot be taken on this node, or could be wrong. `warning`: they work, but not as well as they could. `note`: good to know. */
export type Severity = 'error' | 'warning' | 'note';

/** All that a diagnosis can find. Codes are stable. */
export type FindingCode =
  | 'UNREACHABLE'
  | 'LOADING'
  | 'QUARANTINED'
  | 'SAME_SERVER'
  | 'REPLICA'
  | 'TOO_OLD'
  | 'EVICTING_POLICY'
  | 'SENTINEL_WITHOUT_MIN_REPLICAS'
  | 'UNUSABLE'
  | 'MISSING_PERMISSION'
  | 'MISSING_WAITING_PERMISSION'
  | 'MISSING_OPTIONAL_PERMISSION'
  | 'POLLING'
  | 'EVICTED_KEYS'
  | 'MEMORY_NEARLY_FULL'
  | 'RESTART_FORGETS'
  | 'RESTART_QUARANTINES'
  | 'FAILOVER_QUARANTINES'
  | 'SLOW_ROUND_TRIP'
  | 'UNSTEADY_ROUND_TRIP'
  | 'SLOW_FORK'
  | 'CLOCK_OFFSET'
  | 'CLOCK_RATE'
  | 'CLOCK_RATE_TOO_HIGH'
  | 'CLOCK_JUMPED'
  | 'EVEN_NODES'
  | 'FEW_NODES'
  | 'NOT_EXAMINED'
  | 'INTERRUPTED';

export const SEVERITIES: Readonly<Record<FindingCode, Severity>> = {
  UNREACHABLE: 'error',
  LOADING: 'warning',
  QUARANTINED: 'warning',
  SAME_SERVER: 'error',
  REPLICA: 'error',
  TOO_OLD: 'error',
  EVICTING_POLICY: 'error',
  SENTINEL_WITHOUT_MIN_REPLICAS: 'error',
  UNUSABLE: 'error',
  MISSING_PERMISSION: 'error',
  MISSING_WAITING_PERMISSION: 'warning',
  MISSING_OPTIONAL_PERMISSION: 'note',
  POLLING: 'warning',
  EVICTED_KEYS: 'error',
  MEMORY_NEARLY_FULL: 'warning',
  RESTART_FORGETS: 'error',
  RESTART_QUARANTINES: 'note',
  FAILOVER_QUARANTINES: 'note',
  SLOW_ROUND_TRIP: 'warning',
  UNSTEADY_ROUND_TRIP: 'warning',
  SLOW_FORK: 'warning',
  CLOCK_OFFSET: 'error',
  CLOCK_RATE: 'warning',
  CLOCK_RATE_TOO_HIGH: 'error',
  CLOCK_JUMPED: 'warning',
  EVEN_NODES: 'note',
  FEW_NODES: 'note',
  NOT_EXAMINED: 'note',
  INTERRUPTED: 'note',
};

/** One thing that a diagnosis has found. */
export interface Finding {
  readonly severity: Severity;
  /** Stable, for programs; `message` and `remedy` are for people. */
  readonly code: FindingCode;
  /** Which nodes it is about, in the order of the node list; empty if it is about none in particular. */
  readonly nodes: readonly string[];
  readonly message: string;
  /** What to do about it. */
  readonly remedy: string;
}

/** What a check says; the rest of a {@link Finding} follows from it. */
export type Remark = Pick<Finding, 'code' | 'message' | 'remedy'>;

/** What {@link Redlock.diagnose} has found. */
export interface Diagnosis {
  /** The most severe first. Those with the same code stand together, in the order of the nodes. What is the same of several nodes is one finding. */
  readonly findings: readonly Finding[];
}
