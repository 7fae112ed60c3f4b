/** What the nemesis can do to nodes. docs/chaos.md says what each of them stands for. */
export const NODE_FAULTS = [
  'kill',
  'stop',
  'restart empty',
  'restart with old data',
  'pause',
  'cut off',
  'cut off requests',
  'cut off answers',
  'slow',
  'early expiry',
  'flush scripts',
] as const;

/** What it can do to clients. */
export const CLIENT_FAULTS = ['stop client', 'kill client'] as const;

export type NodeFaultKind = (typeof NODE_FAULTS)[number];
export type ClientFaultKind = (typeof CLIENT_FAULTS)[number];

/** One fault of one or more nodes. Instants are in ms since faults may begin. */
export interface NodeFault {
  readonly kind: NodeFaultKind;
  readonly nodes: readonly number[];
  readonly at: number;
  /** Until it is undone, in ms. */
  readonly for: number;
  /** By how much answers are late, in ms; of `slow` only. */
  readonly delay?: number;
}

export interface ClientFault {
  readonly kind: ClientFaultKind;
  readonly client: number;
  readonly at: number;
  /** Until it runs again, or another takes its place, in ms. */
  readonly for: number;
}

export type Fault = NodeFault | ClientFault;

/** After which nodes are in quarantine. */
export const RESTARTS: ReadonlySet<string> = new Set<NodeFaultKind>([
  'kill',
  'stop',
  'restart empty',
  'restart with old data',
]);

/** How long a node still counts as faulty after a fault was undone, in ms. */
export interface Recovery {
  /** After a restart: its quarantine, and how much later than planned it may begin. */
  readonly restart: number;
  /** After all else: until clients have found out that it is back. */
  readonly other: number;
}

/** Until when the nodes of a fault count as faulty. */
export function faultyUntil(fault: NodeFault, recovery: Recovery): number {
  return fault.at + fault.for + (RESTARTS.has(fault.kind) ? recovery.restart : recovery.other);
}

export function isNodeFault(fault: Fault): fault is NodeFault {
  return 'nodes' in fault;
}

/** How many nodes may be faulty at a time, so that the others are a quorum. */
export function minorityOf(nodes: number): number {
  return Math.ceil(nodes / 2) - 1;
}
