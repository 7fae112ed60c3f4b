/** What happens to a connection, in order. `down` may come again with a newer cause; `up` only after a `down`, or first. */
export interface ConnectionListener {
  /** Connected, authenticated and on the right database; nothing else has been asked of the server. */
  up(): void;
  /** Lost, or could not be made. It is made again by itself until `close`. */
  down(cause: Error): void;
}

/** `error` or `reply`, never both; called exactly once, never before the call returns. */
export type ReplyHandler = (error: Error | null, reply: unknown) => void;

/**
 * One server that takes writes, over one socket: when that breaks, all of these fail, and a new connection is another
 * `Master`. What one of them has told is true of the server that the next is sent to.
 */
export interface Master {
  /** Tells the masters of a Redis Cluster apart. */
  readonly name: string;
  /** The text of INFO, if the server answers with text. */
  info(): Promise<unknown>;
  /** SCRIPT EXISTS: for each name, whether the server has the script. */
  hasScripts(shas: readonly string[]): Promise<readonly boolean[]>;
  /** SCRIPT LOAD. */
  load(script: string): Promise<void>;
}

/** What happens to a subscriber, in order; see {@link ConnectionListener}. */
export interface SubscriberListener extends ConnectionListener {
  /** A message of a channel that was subscribed to. */
  message(channel: string, text: string): void;
}

/** A connection that hears what is published on one server; made again by itself, but then without subscriptions. */
export interface RedisSubscriber {
  /** Connects, and reports to `listener` from then on; called once. */
  open(listener: SubscriberListener): void;
  /** SSUBSCRIBE to one channel. `done` is called once, never before this returns: with null when messages arrive from now on. */
  subscribe(channel: string, done: (error: Error | null) => void): void;
  /** SUNSUBSCRIBE from one channel. */
  unsubscribe(channel: string): void;
  /** Cuts the connection, and connects again. */
  reset(cause: Error): void;
  /** Ends the connection for good; the listener is not called any more. */
  close(): void;
}

/**
 * A connection to one Redis server (or one Redis Cluster): the few verbs that a node needs of a client.
 *
 * Contract: commands go out in the order given, at once or not at all (no offline queue), and are never sent
 * again. When the connection is lost, all unanswered ones fail, shortly before or after `down`. Every error is free of
 * credentials and of the command's arguments.
 */
export interface RedisConnection {
  /** Host and port, or what else tells the node apart; never a credential. */
  readonly name: string;
  /** Whether a command may be executed after one that was given later, as on a Redis Cluster that redirects it. */
  readonly reorders: boolean;
  /** Whether a Sentinel says which server this leads to. @default false */
  readonly bySentinel?: boolean;
  /** Connects, and reports to `listener` from then on; called once. */
  open(listener: ConnectionListener): void;
  /** EVALSHA; all keys have the same `slotOf`. */
  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void;
  /** All masters that there are now: one, or those of a Redis Cluster. */
  masters(): readonly Master[];
  /** The master that a command with this key goes to now, if that is known. A Redis Cluster may still redirect the command. */
  masterOf(key: string): Master | undefined;
  /**
   * The hash slot of a key on a Redis Cluster; 0 elsewhere. Keys of different slots cannot go into one command.
   * undefined if the client would send the key to another slot than the servers keep it in.
   */
  slotOf(key: string): number | undefined;
  /**
   * Names the server on which the releases of a key are published; keys of one name can share a subscriber.
   * undefined if it is not known now.
   */
  publisherOf(key: string): string | undefined;
  /** A new subscriber to the {@link publisherOf} a key, not open yet. */
  subscriberTo(key: string): RedisSubscriber;
  /**
   * Cuts the connection so that nothing that is still on its way can be executed later (RST, not FIN), and
   * connects again. Where the client cannot promise that (a Cluster), residue is bounded by the ttl.
   */
  reset(cause: Error): void;
  /** Ends the connection for good; `down` is not called any more. */
  close(): void;
}
