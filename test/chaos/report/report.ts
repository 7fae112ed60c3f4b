/**
 * What a chaos run has to say, as `report.json` keeps it and `timeline.html` draws it. All instants are in ms since the
 * start of the run, by the machine's monotonic clock.
 */
export interface Report {
  readonly summary: Summary;
  readonly nodes: readonly NodeLane[];
  readonly clients: readonly ClientLane[];
  readonly faults: readonly FaultMark[];
  readonly violations: readonly ViolationMark[];
}

export interface Summary {
  readonly driver: 'compose' | 'process';
  readonly seed: number;
  /** How long faults went on, in s. */
  readonly seconds: number;
  /** Whether never more than a minority of the nodes was faulty at a time, quarantined ones included. */
  readonly limits: 'kept' | 'broken';
  /** Replays the run: the same faults at the same times. */
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** From the start until all had ended, in ms. */
  readonly duration: number;
  readonly operations: number;
  readonly faults: number;
  readonly violations: number;
  /** How calls ended, by verb and outcome: `{ acquire: { ok: 812, LOCK_TIMEOUT: 3 } }`. */
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** From the call to the lock, in ms; undefined if none was acquired. */
  readonly wait: { readonly p50: number; readonly p99: number; readonly longest: number } | undefined;
  /** From the healing of the last fault (the last quarantine included) to the next acquisition, in ms. */
  readonly firstAfterHealing: number | undefined;
  /** Writes to the guarded store, and to the same one without its guard. */
  readonly writes: { readonly accepted: number; readonly refused: number; readonly lostUnguarded: number };
}

export type NodeState = 'up' | 'dead' | 'paused' | 'cut off' | 'slow' | 'quarantined';
export type ClientState = 'waiting' | 'holding' | 'lost' | 'stopped' | 'dead';

export interface Span<State extends string> {
  readonly state: State;
  readonly from: number;
  readonly to: number;
  /** More to say of it, a line each: resources, tokens, outcome. */
  readonly details: readonly string[];
}

export interface NodeLane {
  readonly name: string;
  readonly spans: readonly Span<NodeState>[];
}

export interface ClientLane {
  readonly name: string;
  /** They may overlap: a client does several things at a time. */
  readonly spans: readonly Span<ClientState>[];
}

/** One fault of the nemesis, from its beginning until it was undone. */
export interface FaultMark {
  /** `kill`, `pause`, `cut off`, `restart empty`, … as docs/chaos.md lists them. */
  readonly kind: string;
  /** Names of the lanes that it concerns. */
  readonly lanes: readonly string[];
  readonly from: number;
  readonly to: number;
}

export interface ViolationMark {
  /** The checker's rule that was broken. */
  readonly rule: string;
  readonly at: number;
  readonly what: string;
  /** Names of the lanes that it concerns, where known. */
  readonly lanes: readonly string[];
}
