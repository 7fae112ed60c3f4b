import type { RestartGuard } from '../../../src/node/redis/quarantine.ts';

/**
 * What happened, as somebody would write it down who sees everything: instants are in ms of one true time, which
 * none of the processes knows. Made by the simulator; of real processes it has what their logs say, and no more.
 */
export interface History {
  /** How many nodes there are. */
  readonly nodes: number;
  readonly calls: Call[];
  readonly sections: Section[];
  /** When owner tokens were drawn: each attempt draws one. */
  readonly attempts: { readonly client: number; readonly token: string; readonly at: number }[];
  /** Each time that a key stood on a node under one token. */
  readonly votes: Vote[];
  /** What clients and nodes said to each other, in the order in which clients wrote it. */
  readonly exchanges: Exchange[];
  readonly extras: Extra[];
  readonly messages: Message[];
  readonly subscriptions: Subscription[];
  /** Each time that a client stood in the line of a key on a node. */
  readonly entries: Entry[];
  /** Each time that a node kept a key for a client. */
  readonly reservations: Reservation[];
  /** When somebody forged what is in lines, or what nodes tell. */
  readonly forgeries: { readonly node: number; readonly at: number }[];
  /** When something was wrong on the way between clients and nodes, and until when at most it had effects. */
  readonly disturbances: Disturbance[];
  /** What a waiter's time depends on, if it is known. */
  readonly pace: Pace | undefined;
  /** When clients did not run. */
  readonly pauses: Pause[];
  /** Which clients were killed, and when. */
  readonly crashes: Crash[];
  /** Nodes whose clients may reorder requests, as those of a Redis Cluster do that redirects them. */
  readonly reordering: readonly number[];
  /** When servers started again, or others took their place; where restarts are guarded against. */
  readonly restarts: Restart[];
  /** When nodes lost fencing counters, and whether clocks make up for it: their clients' agree, and none of them votes for long enough. */
  readonly counterLosses: { readonly at: number; readonly isMadeUpFor: boolean }[];
  /** How restarts are guarded against, and the longest ttl of any lock, in ms. */
  readonly guard: RestartGuard;
  readonly maxTtl: number;
  /** From when on all nodes at once seemed to be new though they were not: then `auto` takes them for new. */
  blankAt: number;
  /** What nobody was there to catch, and what was still planned when all was over. */
  readonly leftovers: string[];
  /** When every lock was released and every fault over, if it came to that; what still stands then is residue. */
  healedAt: number;
}

export type Verb = 'acquire' | 'tryAcquire' | 'using' | 'extend' | 'release' | 'inspect' | 'revoke' | 'close';

/** A call of the public API. */
export interface Call {
  readonly client: number;
  readonly verb: Verb;
  readonly resources: readonly string[];
  readonly invokedAt: number;
  /** Within how many ms it has to settle while its client runs. */
  readonly bound: number;
  /** The owner token of its first attempt, if it made one. */
  token?: string | undefined;
  /** Whether it makes one attempt only. */
  readonly once: boolean;
  /** Whether it goes on trying until it has a lock. */
  readonly waits: boolean;
  /** Whether nothing stands in its way: all is well with a quorum, and nobody holds on to what it wants. */
  readonly mustSucceed: boolean;
  /** When it got the lock, if it did. */
  wonAt?: number;
  settledAt: number;
  /** `ok`, `null`, what `inspect` or `revoke` said, or an error's code or message; '' while it has not settled. */
  outcome: string;
  /** Locks of the same client whose validity had ended as the caller learned the outcome, and whose signal had not aborted. */
  stale: readonly string[];
}

/** A lock that was handed out, as its holder sees it. */
export interface Section {
  readonly client: number;
  readonly token: string;
  readonly resources: readonly string[];
  readonly fencingToken?: number | undefined;
  /** When the caller got it. */
  readonly from: number;
  /** How its validity grew: from `at` on, it ended at `until`. */
  readonly validity: { readonly at: number; readonly until: number }[];
  /** How long it had to be valid at least as it was handed out, in ms. */
  readonly worth: number;
  /** For how long it may be valid in all, in ms of its own clock. */
  readonly maxHoldTime: number;
  /** If it extends itself: the ttl that it is extended to, in ms. */
  readonly extendsTo?: number | undefined;
  /** For how long nobody else may have it after a loss, in ms of its own clock. @default 0 */
  readonly lockDelay?: number;
  /** When its holder gave it back, or was told to (`close`). */
  releasedAt: number;
  abortedAt: number;
}

/** A key on a node under one token, from its grant until it was gone. */
export interface Vote {
  readonly node: number;
  readonly key: string;
  readonly token: string;
  readonly from: number;
  until: number;
  /** `expired` when its time had come; `early` and `forgotten` are the node's fault; `overwritten` and `deleted` by a client. */
  end: 'expired' | 'early' | 'forgotten' | 'deleted' | 'overwritten';
  /** The token that an operation named which deleted or overwrote it. */
  endedBy?: string;
  /** By which operation it was set; `restored` when the node read it from an old snapshot. What `revoke` sets is a tombstone. */
  readonly by: 'grant' | 'repair' | 'restored' | 'revoke';
  /** Whether the operation came over a connection that its client had already given up. */
  readonly overDead: boolean;
  /** When it last was raised over such a connection. */
  raisedOverDead: boolean;
}

/** `extend` sets nothing, `repair` sets what is missing. */
export type Operation = 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'revoke' | 'inspect';

/** One operation on its way to a node and back. What never happened has happened at Infinity. */
export interface Exchange {
  readonly client: number;
  readonly node: number;
  readonly operation: Operation;
  readonly token: string;
  /** What it is about, as far as that is known. */
  readonly keys?: readonly string[];
  /** Of a claim, in ms, as far as that is known. */
  readonly ttl?: number;
  /** Whether a waiter asks: a grant then stands in a line, a release leaves it or gives its turn back. */
  readonly waits?: boolean;
  /** If a waiter asks: the score in the line that it has, or would have there. */
  since?: number;
  /** Of a release. */
  readonly afterwards?: 'serve' | 'hand over' | 'yield';
  readonly sentAt: number;
  executedAt: number;
  /** What the node said. */
  reply: string;
  /** Who denied a grant, or that it was kept for somebody. */
  owner?: string | undefined;
  /** What its fencing counter was moved on to, if it granted with one. */
  counter?: number;
  /** When the client read it. */
  answeredAt: number;
  /** Whether it was executed over a connection that its client had already given up. */
  overDead: boolean;
  /** Whether it took some of its keys and not the others, or changed any though it says that it did not. */
  torn: boolean;
}

/** Something a client sent to a node that no call has asked for: it connected, looked, listened, or repeated what it had sent before. */
export interface Extra {
  readonly client: number;
  readonly node: number;
  readonly at: number;
  readonly what: 'connection' | 'look' | 'subscription' | 'repetition';
}

/** A node told a client that a key is kept for it, or that it is the next. */
export interface Message {
  readonly client: number;
  readonly node: number;
  readonly key: string;
  readonly what: 'turn' | 'next';
  readonly publishedAt: number;
  /** When the client read it, each time that it did. */
  readonly arrivedAt: number[];
}

/** A client in the line of a key. */
export interface Entry {
  readonly node: number;
  readonly key: string;
  /** -1: nobody's; somebody has forged it. */
  readonly client: number;
  /** The score that says who is before whom: when the client began to wait, in µs since 1970 by the node's clock. */
  readonly since: number;
  /** Whether nobody stands behind it: it came over a connection that its client had given up, or from an old snapshot. */
  readonly isStray: boolean;
  readonly from: number;
  until: number;
  /**
   * How it ended: the client was `served`, was `granted` the key, or has `left`; nobody heard for it; or the node has `forgotten` it. The line
   * may also have grown too old.
   */
  end: 'stands' | 'served' | 'granted' | 'left' | 'unheard' | 'forgotten' | 'aged';
  /** Whether it ended by what came over a connection that its client had given up. */
  endedOverDead?: boolean;
}

/** A node keeps a key for a client. */
export interface Reservation {
  readonly node: number;
  readonly key: string;
  /** -1: it is nobody's. */
  readonly client: number;
  readonly from: number;
  until: number;
  /** `taken`: the client has the key. */
  end: 'expired' | 'taken' | 'given back' | 'forgotten';
}

/** From when on a client knew that a node would tell it what is in its inbox. */
interface Subscription {
  readonly client: number;
  readonly node: number;
  readonly at: number;
}

export interface Disturbance {
  readonly node: number;
  /** undefined: it concerns all of them. */
  readonly client: number | undefined;
  readonly from: number;
  to: number;
  /** When the client reaches the node again, at the latest. */
  backAt: number;
  /** Until when messages may be lost. */
  silentTo: number;
}

export interface Pace {
  /** From when on no node is being reached for the first time. */
  readonly metAt: number;
  /** From when on nothing depends any more on what had not begun to vote at the start. */
  readonly from: number;
  /** The longest way of a message, in ms, as far as nothing is wrong. */
  readonly latency: number;
  readonly nodeTimeout: number;
  /** The longest pause that the options allow. */
  readonly longestPause: number;
  /** How fast one clock may run compared to another, at most. */
  readonly drift: number;
}

interface Restart {
  readonly node: number;
  readonly at: number;
  /** Whether it may have forgotten locks. */
  readonly isLossy: boolean;
}

export interface Pause {
  readonly client: number;
  /** Whether it was in the midst of its code; otherwise, between two events. */
  readonly amid: boolean;
  readonly from: number;
  readonly to: number;
}

interface Crash {
  readonly client: number;
  readonly at: number;
}

/** A history in which nothing has happened yet. */
export function emptyHistory(
  nodes: number,
  reordering: readonly number[] = [],
  {
    guard = 'off',
    maxTtl = Number.POSITIVE_INFINITY,
    pace,
  }: { guard?: RestartGuard; maxTtl?: number; pace?: Pace } = {},
): History {
  return {
    nodes,
    calls: [],
    sections: [],
    attempts: [],
    votes: [],
    exchanges: [],
    extras: [],
    messages: [],
    subscriptions: [],
    entries: [],
    reservations: [],
    forgeries: [],
    disturbances: [],
    pace,
    pauses: [],
    crashes: [],
    reordering,
    restarts: [],
    counterLosses: [],
    guard,
    maxTtl,
    blankAt: Number.POSITIVE_INFINITY,
    leftovers: [],
    healedAt: Number.POSITIVE_INFINITY,
  };
}
