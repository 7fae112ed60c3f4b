import type { ReplyHandler } from '../../link/link.ts';
import type { ScriptInput } from './encode.ts';

/** What happens to a connection. */
export interface ConnectionListener {
  /**
   * Connected, authenticated and on the right database; nothing else has been asked of the server. Again after each `parted`, and
   * of a Redis Cluster whenever a master is back.
   */
  up(): void;
  /**
   * The socket to a server was lost. Without a `down` right after this, a new one is being made at once, and commands wait
   * for it: it was idle. Then `up` or `down` follows.
   */
  parted(): void;
  /** Lost, or could not be made. It is made again until `close`; `down` may come again with a newer cause. */
  down(cause: Error): void;
}

/**
 * One server that takes writes, over one socket: when that breaks, all of these fail, and a new connection is another
 * `Master`. What one of them has told is true of the server that the next is sent to.
 */
export interface Master {
  /** Tells the masters of a Redis Cluster apart. */
  readonly name: string;
  /** EVALSHA; all keys have the same `slotOf`. `asking`: right after ASKING, as the master requires of keys that are moving to it. */
  evalsha(sha: string, input: ScriptInput, reply: ReplyHandler, asking?: boolean): void;
  /** The text of INFO, if the server answers with text. */
  info(): Promise<unknown>;
  /** SCRIPT EXISTS: for each name, whether the server has the script. */
  hasScripts(shas: readonly string[]): Promise<readonly boolean[]>;
  /** SCRIPT LOAD. */
  load(script: string): Promise<void>;
  /** CLUSTER INFO: how many masters with slots the server's Redis Cluster has; undefined if the server does not tell. */
  clusterSize(): Promise<number | undefined>;
  /** TIME: the server's wall clock, as seconds and µs. */
  time?(reply: ReplyHandler): void;
}

/** What happens to a subscriber, in order. */
export interface SubscriberListener {
  up(): void;
  down(cause: Error): void;
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
  /** Ends the connection for good; the listener is not called any more. */
  close(): void;
}

/**
 * A connection to one Redis server, or to one Redis Cluster: what a node needs of it.
 *
 * Commands to one master are executed in the order given, and never sent again. When a socket is lost, its unanswered
 * commands fail before `parted`. A server that leaves a command unanswered for too long is cut off by itself. Errors
 * hold no credentials and no arguments of commands.
 */
export interface RedisConnection {
  /** Host and port, or what else tells the node apart; never a credential. */
  readonly name: string;
  /** Whether this leads to a Redis Cluster of several masters. Then commands may be executed in another order than they were given. */
  readonly reorders: boolean;
  /** Whether keys of different slots are refused in one command. */
  readonly isSharded: boolean;
  /** Whether a Sentinel says which server this leads to. @default false */
  readonly bySentinel?: boolean;
  /** What the first contact waits for; completes the sentence "no contact within 2000 ms". */
  readonly stage?: string;
  /** Connects, and reports to `listener` from then on; called once. */
  open(listener: ConnectionListener): void;
  /** All masters that there are now: one, or those of a Redis Cluster. */
  masters(): readonly Master[];
  /** The master that has a key, or why none can be reached. */
  masterOf(key: string): Master | Error;
  /** The hash slot of a key; 0 if the server is not sharded. Keys of different slots cannot go into one command. */
  slotOf(key: string): number;
  /** The master that a server's MOVED or ASK points to, which is connected to if needed; undefined if this leads to a single server. */
  redirected(error: Error): Master | undefined;
  /** The server has told that it is the only master of a Redis Cluster: from now on it is sharded. */
  sharded(): void;
  /**
   * Names the server that publishes what waiters for a key are sent; keys of one name can share a subscriber.
   * undefined if it is not known now.
   */
  publisherOf(key: string): string | undefined;
  /** A new subscriber to the {@link publisherOf} a key, not open yet. */
  subscriberTo(key: string): RedisSubscriber;
  /** Cuts the connection, and looks for the server anew: another may be at its address by now. */
  reset(cause: Error): void;
  /** Ends the connection for good; the listener is not called any more. */
  close(): void;
}
