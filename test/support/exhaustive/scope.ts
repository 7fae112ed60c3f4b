/** What may go wrong, once in an execution at most, and always at the last node. */
export type Fault =
  /** The node crashes and comes back without its memory; all its connections are lost. */
  | 'crash'
  /** The node loses its memory and goes on. */
  | 'forget'
  /** A vote that stands on the node is gone before its time. */
  | 'drop'
  /** The first client's connection is lost with all that is on its way down; what is on its way up still arrives. */
  | 'lost replies'
  /** That connection is lost with all that is on its way. */
  | 'lost requests';

/** A world so small that all that can happen in it can be tried: each client takes the lock if it can, and gives it back. */
export interface Scope {
  readonly clients: number;
  readonly nodes: number;
  readonly fault?: Fault;
  /** How many times each client does so, if more than once. */
  readonly cycles?: readonly number[];
  /** How many times each client extends the lock before it gives it back, if at all. */
  readonly extensions?: readonly number[];
  /** Whether a client may stop waiting for a node that is slow; nobody has to wait for ever, either way. */
  readonly timeouts?: 'none';
  /**
   * Which events of one client are taken to be dependent. `all` assumes nothing. By default answers commute, as votes
   * do, that say the same in a round that counts them; and an answer that no open round counts concerns nothing but
   * what the client keeps for that one node.
   */
  readonly dependence?: 'all';
  /** Whether executions are also tried that differ only in which of the clients is which, or which of the nodes. */
  readonly symmetry?: 'ignored';
}

const CONTENTION: Scope = { clients: 2, nodes: 3 };
const PUNCTUAL: Scope = { ...CONTENTION, timeouts: 'none' };
const PAIR: Scope = { clients: 2, nodes: 2 };
/** One client, so that an extension that fails does so for no other reason than the fault; a second one shows what the first has left. */
const EXTENDING: Scope = { clients: 1, nodes: 2, extensions: [2] };
const EXTENDED: Scope = { ...PUNCTUAL, nodes: 2, extensions: [1] };

/**
 * What `npm run exhaustive` looks at. A timeout is something that goes wrong, too: together with a connection that is
 * lost it is looked at where there are fewer nodes.
 */
export const SCOPES: ReadonlyMap<string, Scope> = new Map<string, Scope>([
  ['no fault', CONTENTION],
  ['forget', { ...CONTENTION, fault: 'forget' }],
  ['drop', { ...CONTENTION, fault: 'drop' }],
  ['lost requests', { ...PUNCTUAL, fault: 'lost requests' }],
  ['lost replies', { ...PUNCTUAL, fault: 'lost replies' }],
  ['crash', { ...PUNCTUAL, fault: 'crash' }],
  ['lost requests and timeouts, two nodes', { ...PAIR, fault: 'lost requests' }],
  ['lost replies and timeouts, two nodes', { ...PAIR, fault: 'lost replies' }],
  ['crash and timeouts, two nodes', { ...PAIR, fault: 'crash' }],
  ['extensions, lost replies and timeouts, two nodes', { ...EXTENDING, fault: 'lost replies' }],
  ['extensions, lost requests and timeouts, two nodes', { ...EXTENDING, fault: 'lost requests' }],
  ['an extension, lost replies', { ...EXTENDED, fault: 'lost replies' }],
  ['an extension, drop', { ...EXTENDED, fault: 'drop' }],
]);

/** What takes hours, and is looked at only when it is asked for. */
export const LONG_SCOPES: ReadonlyMap<string, Scope> = new Map<string, Scope>([
  ['lost requests and timeouts', { ...CONTENTION, fault: 'lost requests' }],
  ['lost replies and timeouts', { ...CONTENTION, fault: 'lost replies' }],
  ['crash and timeouts', { ...CONTENTION, fault: 'crash' }],
]);
