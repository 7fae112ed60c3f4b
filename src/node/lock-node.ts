import type { Look, NodeFacts } from './node-facts.ts';
import type { Foreign } from './owner.ts';

/** What every request about a lock names: all `keys` belong to one owner, and are treated as one. */
export interface OwnedKeys {
  /** Keys as they stand on the server, without duplicates; never empty. */
  readonly keys: readonly string[];
  /** The random value that the owner stores under each key. */
  readonly ownerToken: string;
}

/** A request that writes, and so must not be written once nobody waits for it any more. */
export interface WriteRequest extends OwnedKeys {
  /** Expiry of the keys in whole ms. */
  readonly ttl: number;
  /**
   * Whether the round that asks is still undecided. A node that could not write a request at once asks again
   * right before it does, and answers `unreachable` without writing when nobody wants it.
   */
  wanted(): boolean;
}

/**
 * A process that waits for a key in a node's line: the queue of those that want the key, first come, first served. The line
 * only orders them. Whatever it says, a lock is held by a quorum of grants.
 */
export interface Waiter {
  /** Names the process, and its inbox: see {@link LockNode.openInbox}. 40 hexadecimal digits. */
  readonly name: string;
  /** In whose line it waits: one of the keys of the request. */
  readonly key: string;
  /**
   * When it began to wait: what a denial by this node has told as {@link Place.since}, or, without one, minus the µs that it has
   * waited so far.
   */
  readonly since: number;
}

/** Where a waiter stands in a line. */
export interface Place {
  /** How many wait before it: 0 if it is the first. */
  readonly position: number;
  /**
   * When it began to wait, in µs since 1970 by the node's clock, to within 8 µs: the last three bits say for how long the waiter needs a
   * key reserved.
   */
  readonly since: number;
}

export interface ReleaseRequest extends OwnedKeys {
  /**
   * What happens to the keys that are free afterwards, whether this has deleted them or not.
   *
   * - `serve`: each is reserved for the first in its line, and the first two in the line are notified.
   * - `hand over`: nothing, as a grant to the next owner in the same process follows. Repeated, it serves.
   * - `yield`: the `waiter` gives its turn back: it stands in the line again, and the first of the others is notified, but nobody
   *   gets the key. Repeated, it serves and has no `waiter`.
   */
  readonly afterwards: 'serve' | 'hand over' | 'yield';
  /**
   * For how long a key is reserved for the first in line at least, in whole ms: longer if that one has said so when it entered the line. With
   * `yield`, also what the `waiter` needs when it has its turn.
   */
  readonly reservation: number;
  /**
   * What the waiter has reserved is deleted too. With `serve` it also leaves the lines of all keys. A grant to this waiter that
   * is requested later takes it out of releases that are still owed.
   */
  readonly waiter?: Waiter | undefined;
  /** The longest expiry that the keys were ever given, in ms: once it has passed, what a node has set by now has expired. */
  readonly longestTtl: number;
}

export interface GrantRequest extends WriteRequest {
  /** The new value of the keys' fencing counters is to be above this. Without it, no counter is touched. */
  readonly hint?: number | undefined;
  /**
   * Who asks, if it waits in a line. Keys reserved for it are no obstacle, nor is its own place; but a free key whose line others
   * lead is. Granted, it leaves the lines of all keys. Denied by its `key`, it stands in the line of that; denied by another one,
   * it leaves all lines.
   */
  readonly waiter?: Waiter | undefined;
  /**
   * For how long the `waiter` needs a key reserved when it has its turn, in whole ms; at least for so long, a denied grant reserves a key that
   * is free for the first in its line.
   */
  readonly reservation?: number | undefined;
}

export interface ExtendRequest extends WriteRequest {
  /** The keys' fencing counters are raised to this. Without it, no counter is touched. */
  readonly fencingToken?: number | undefined;
}

export interface ConfirmRequest extends OwnedKeys {
  /** What the keys' fencing counters are raised to. */
  readonly fencingToken: number;
  /** Whether the round that asks is still undecided; a node that is late drops what nobody wants. */
  wanted(): boolean;
}

/** Puts a tombstone in the place of a lock, whosever it is. The `ownerToken` is the tombstone. */
export interface RevokeRequest extends OwnedKeys {
  /** For how long the tombstone stands where the key is free, in whole ms; 0: a free key stays free. */
  readonly ttl: number;
  /** Whether the round that asks is still undecided; a node that is late drops what nobody wants. */
  wanted(): boolean;
}

/**
 * The node gave no answer that can be used. Not an exception: a node that cannot be reached is the case the
 * algorithm exists for.
 */
export interface Unreachable {
  readonly kind: 'unreachable';
  /** Free of commands, arguments and credentials. */
  readonly cause: Error;
  /** Whether the request may have been executed all the same. `false` only when it certainly never will be. */
  readonly maybeExecuted: boolean;
}

/** The node answers, but must not hold locks: a replica, too old, evicting keys, refusing a command. */
export interface Unusable {
  readonly kind: 'unusable';
  readonly why: string;
  /** Whether waiting cannot help: two checks in a row have found what only a person can repair. @default false */
  readonly isPermanent?: boolean;
  /** Whether the request may have been executed all the same: the node answered it, but with nonsense. @default false */
  readonly maybeExecuted?: boolean;
}

/**
 * The node may have forgotten locks in a restart; its vote does not count for `remaining` ms more. Nothing was executed;
 * in reply to a repair, not all keys exist.
 */
export interface Quarantined {
  readonly kind: 'quarantined';
  readonly remaining: number;
  /**
   * If the node may be new rather than restarted: the names of the nodes that do not answer as new ones. It votes as soon as they
   * do.
   */
  readonly awaiting?: readonly string[];
}

export type NoAnswer = Unreachable | Unusable | Quarantined;

export type GrantReply =
  /** `counter`: the new value of all counters, if the request had a hint: above the hint, and above all that they ever were. */
  | { readonly kind: 'granted'; readonly counter?: number }
  /**
   * At least one of the keys exists, or others lead its line; no key was set. `remaining`: ms until the last of them expires,
   * Infinity for a key without expiry. `key`: which that is. `owner`: whose lock it is, as {@link ownerOf} names it. `foreign`: what it is if
   * it is not a lock of quorlock's; then there is no `owner`, and nobody serves the line when it goes. `isReserved`: it is nobody's lock, but
   * reserved for somebody in line. `place`: where the waiter stands now in the line of its key; undefined if it is in no line.
   */
  | {
      readonly kind: 'denied';
      readonly remaining: number;
      readonly key: string;
      readonly owner?: string;
      readonly foreign?: Foreign;
      readonly isReserved?: true;
      readonly place?: Place;
    }
  | NoAnswer;

/** All keys exist under this owner; their expiry is now at least ttl. */
export interface Extended {
  readonly kind: 'extended';
}

/** At least one key is another owner's, whom {@link ownerOf} names if it is a lock of quorlock's; nothing was written. */
export interface Taken {
  readonly kind: 'taken';
  readonly remaining: number;
  readonly owner?: string;
}

export type ExtendReply =
  | Extended
  /** At least one key does not exist, and none is another owner's; nothing was written. */
  | { readonly kind: 'missing' }
  | Taken
  | NoAnswer;

export type RepairReply =
  | Extended
  /** Some or all keys did not exist, and none was another owner's; they are set again. The node holds the lock, but did not hold it without a break. */
  | { readonly kind: 'repaired' }
  | Taken
  | NoAnswer;

export type ConfirmReply =
  /** All keys were there under this owner, and their counters are now at least the fencing token. */
  | { readonly kind: 'confirmed' }
  /** At least one key was gone or another's; no counter was touched. */
  | { readonly kind: 'absent' }
  | NoAnswer;

export type ReleaseReply =
  /** All keys were there under this owner, and are gone now. */
  | { readonly kind: 'released' }
  /** At least one key was gone or another's; those under this owner are gone now. */
  | { readonly kind: 'absent' }
  | NoAnswer;

export type InspectReply =
  | { readonly kind: 'free' }
  /**
   * `ownerToken`: the value of the key, absent for a key of another type. `remaining` is Infinity for a key without expiry. `foreign`: what
   * the key is if it is not a lock of quorlock's. `counter`: the key's fencing counter, if there is one and the user may read it.
   */
  | {
      readonly kind: 'held';
      readonly ownerToken?: string;
      readonly remaining: number;
      readonly foreign?: Foreign;
      readonly counter?: number;
    }
  | NoAnswer;

export type RevokeReply =
  /** The tombstone stands under the key for `remaining` ms. `ownerToken`: what it has replaced, or the tombstone that was there before. */
  | { readonly kind: 'revoked'; readonly remaining: number; readonly ownerToken?: string }
  /** The key does not exist, or is only reserved; nothing was written. */
  | { readonly kind: 'absent' }
  /** The key has no expiry (`remaining` is Infinity) or is of another type: no lock; nothing was written. */
  | { readonly kind: 'refused'; readonly remaining: number; readonly foreign?: Foreign }
  | NoAnswer;

/** What a node tells a waiter about one key. It saves time; nothing may depend on it. */
export interface InboxListener {
  /** Notifications arrive from now on; earlier ones may have been missed. Comes again after each gap. */
  live(): void;
  /** No notifications arrive until `live` comes again. */
  deaf(): void;
  /** The key is reserved for the waiter. May come late, twice, never, or be forged. */
  turn(): void;
  /** The waiter is first in line now, as the one before it has the key reserved. May come late, twice, never, or be forged. */
  next(): void;
}

/** The state of a node. */
export interface NodeCondition {
  /**
   * `connecting`: not heard of yet. `up`: it votes. `quarantined`: it may have forgotten locks in a restart, and does not vote until then.
   * `unusable`: it answers, but must not hold locks. `hung`: of nodes in memory.
   */
  readonly state: 'connecting' | 'up' | 'quarantined' | 'unusable' | 'down' | 'hung' | 'closed';
  /** Since when, by this machine's wall clock. */
  readonly since?: Date;
  /** Why it is down or unusable. */
  readonly why?: string;
  /** Whether it is unusable for a reason that only a person can remove. */
  readonly isPermanent?: true;
  /** When the quarantine ends at the earliest. */
  readonly until?: Date;
  /** If it may be new rather than restarted: the names of the nodes that do not answer as new ones. It votes as soon as they do. */
  readonly awaiting?: readonly string[];
  /** How long it has taken to answer lately, in ms. Absent before its first answer to a request. */
  readonly roundTrip?: number;
  /** Why waiters are not notified by this node and have to poll, if so. */
  readonly polling?: string;
}

/** Called at most once for each request, possibly before the request returns; a request to a silent node may go unanswered while the node is given up on. */
export type Deliver<Reply> = (reply: Reply) => void;

/**
 * One independent node. Requests are executed in the order in which they were made (unless it `reorders`), and each
 * takes effect on all of its keys or on none. No method throws, and none waits: the answer comes through `deliver`.
 */
export interface LockNode {
  /** Names the node in votes and errors; never holds a user or a password. */
  readonly name: string;
  /** Whether a request may be executed after one that was made later. @default false */
  readonly reorders?: boolean;
  /** Nodes that users implement need not have it. @internal */
  readonly condition?: NodeCondition;
  /** What its servers say of themselves, or only their times. Nodes that users implement need not have it. @internal */
  examine?(what: Look): Promise<NodeFacts>;
  /**
   * Until when (in ms of the clock) a request may still be waiting for the very first connection; −Infinity
   * once there was one, or it failed.
   */
  firstContactUntil(): number;
  /**
   * Takes all keys, if none of them exists, and moves the fencing counter of each on. A counter outlives its key,
   * and never falls. A hint that is more than an hour ahead of both the counter and the node's clock is refused (`unusable`):
   * one of the two clocks is wrong, and no number would be certain to be larger than all earlier ones.
   * Never executed twice, never sent again.
   */
  grant(claim: GrantRequest, deliver: Deliver<GrantReply>): void;
  /** Raises the fencing counters, if all keys are the owner's. */
  confirm(confirmation: ConfirmRequest, deliver: Deliver<ConfirmReply>): void;
  /** Raises the expiry of the owner's keys to `ttl` if all of them exist; never lowers it, and sets no key. */
  extend(claim: ExtendRequest, deliver: Deliver<ExtendReply>): void;
  /** Raises the expiry of the owner's keys to `ttl`, never lowers it, and sets those that do not exist. */
  repair(claim: ExtendRequest, deliver: Deliver<RepairReply>): void;
  /**
   * Deletes the owner's keys. The node owes this until the server has answered it, or until the keys have expired by
   * themselves: when the answer is `unreachable`, it is repeated on the next connection, before anything newer.
   */
  release(request: ReleaseRequest, deliver: Deliver<ReleaseReply>): void;
  /**
   * Replaces the value of a key by a tombstone, without changing its expiry, so that its owner loses it and nobody else gets it any earlier.
   * Also done by a node that does not vote.
   */
  revoke(request: RevokeRequest, deliver: Deliver<RevokeReply>): void;
  /** Reads one key. */
  inspect(key: string, deliver: Deliver<InspectReply>): void;
  /**
   * Gives `listener` what is sent to the inbox of the waiter of this name about the key, until the function returned is called;
   * never before this returns.
   */
  openInbox(waiter: string, key: string, listener: InboxListener): () => void;
  /**
   * Calls `listener` each time that the node begins to vote, until the function returned is called. This saves time, and nothing
   * may depend on it: without it, waiters and extensions try again at their own pace.
   */
  onVoting?(listener: () => void): () => void;
  /** Why these keys can never be taken together on this node, if so; asked before anything is sent. */
  objection(keys: readonly string[]): string | undefined;
  /**
   * Sends what is owed, waits for the answers for at most `patience` ms, and lets go of every socket and timer.
   * Requests after that are answered `unreachable`. Idempotent.
   */
  close(patience: number): Promise<void>;
}
