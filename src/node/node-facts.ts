/** What is looked at: everything, or only the time. */
export type Look = 'all' | 'time';

/** What `diagnose` finds out about a node. Data only. */
export interface NodeFacts {
  /** Whether a Sentinel says which server it is. */
  readonly bySentinel: boolean;
  /** One for each master: a Redis Cluster has several. */
  readonly servers: readonly ServerFacts[];
}

/** What one server of a node says of itself. */
export interface ServerFacts {
  /** Tells the masters of a Redis Cluster apart; the name of the node if there is only one server. */
  readonly name: string;
  /** The fields of INFO; empty if the server did not answer. */
  readonly info: ReadonlyMap<string, string>;
  /** Why it did not answer, if so. */
  readonly failure?: string;
  /** How long it took to answer each time, in ms. */
  readonly roundTrips: readonly number[];
  /** Its wall clock, if it reports the time. */
  readonly clock?: ClockFacts;
  /** The last time that its wall clock was noticed to jump. */
  readonly jump?: PastJump;
  /** What the user may not run there. */
  readonly refused: readonly Refusal[];
}

/** A server's wall clock, compared with the clocks of this machine. */
export interface ClockFacts {
  /** How far it is ahead of the monotonic clock of this machine, in ms: at least `low`, at most `high`. */
  readonly low: number;
  readonly high: number;
  /** When it was so, in ms of the monotonic clock. */
  readonly at: number;
  /** How far it is ahead of the wall clock of this machine, in ms. */
  readonly aheadOfClient: number;
}

/** A jump of a server's wall clock. */
export interface PastJump {
  readonly direction: 'forward' | 'backward';
  /** By how many ms at least. */
  readonly by: number;
  /** When it was noticed, by the wall clock of this machine. */
  readonly noticedAt: Date;
}

/**
 * What a permission is needed for. `lock`: everything. `fencing`: locks with fencing tokens, the default. `waiting`: to be notified of releases and
 * served in order. `large values`: to spare the server the reading of large foreign values.
 */
export type Feature = 'lock' | 'fencing' | 'waiting' | 'large values';

/** What a command acts on. */
export type Subject = 'lock' | 'counter' | 'line' | 'channel' | 'server';

/** Commands for one feature, on one kind of key or channel, that the user may not run or the server does not have. */
export interface Refusal {
  readonly feature: Feature;
  readonly on: Subject;
  /** What the user may not run, as ACL rules name it, such as `set` or `script|load`. */
  readonly commands: readonly string[];
  /** What the server does not have, or has under another name. */
  readonly unknown: readonly string[];
  /** The ACL rules that would allow the commands. */
  readonly rules: readonly string[];
}
