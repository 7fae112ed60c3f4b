/** A command and its arguments, as they go to the server. */
export type Command = readonly (string | number)[];

/** The rest of a command, encoded once for all nodes that get the same. */
export interface Encoded {
  /** The arguments, as they follow those of the command. */
  readonly parts: Command;
  /** The same in RESP: their bulk strings, without the head of the array. */
  readonly text: string;
}

/** `error` or `reply`, never both; called exactly once, never before the call that it belongs to returns. */
export type ReplyHandler = (error: Error | null, reply: unknown) => void;

/** Where a link connects to. Names have been looked up: `host` is an IP address. */
export type Address =
  | {
      readonly host: string;
      readonly port: number;
      /** The name that `host` was found by, for TLS: it is sent to the server, and its certificate must be valid for it. */
      readonly servername?: string;
    }
  /** A unix socket. */
  | { readonly path: string };

/**
 * What happens to a link, in this order: `connected` and `up` at most once each, then `down` exactly once. None of
 * these is called before the link has been returned, and none after `cut`.
 */
export interface LinkListener {
  /** The peer has answered the SYN; TLS and the handshake may follow. A client that cannot tell calls this at once. */
  connected(): void;
  /** The handshake is done: AUTH and SELECT have succeeded. */
  up(): void;
  /** The link has ended, or could not be made. */
  down(cause: Error): void;
  /** A message of a channel that was subscribed to. */
  message(channel: string, text: string): void;
  /** The server has ended a subscription: the channel is at another server now. */
  moved(): void;
}

/**
 * One socket to one server, from connecting to its end: all that a Redis client has to do for quorlock. It never
 * connects again, never connects elsewhere, and sends no command of its own but AUTH and SELECT.
 *
 * Commands are handed to the socket in the order given, in this turn of the event loop or the next, or fail. Nothing
 * waits for a connection, and nothing is sent twice, timed out, prefixed or redirected.
 *
 * Replies are strings, whole numbers, null, and arrays of these. A server's error is an `Error` whose message begins with
 * the server's code (NOSCRIPT, NOPERM, MOVED …); an error inside an array is an element of it. Errors need not be
 * free of credentials; the owner of the link cleans them.
 */
export interface Link {
  /** `rest`: more arguments behind those of the command. */
  send(command: Command, reply: ReplyHandler, rest?: Encoded): void;
  /**
   * SSUBSCRIBE to one channel. `done` is called once, never before this returns: with null when messages arrive from now on.
   * For a channel that is subscribed to already, this asks the server again.
   */
  subscribe(channel: string, done: (error: Error | null) => void): void;
  /** SUNSUBSCRIBE from one channel. */
  unsubscribe(channel: string): void;
  /**
   * Ends the link at once: by RST where the transport can, so that nothing that is still on its way is delivered; or `in order`, so
   * that it is. No listener is called afterwards; unanswered commands fail or are left without an answer; no socket and no
   * timer remains.
   */
  cut(how?: 'in order'): void;
}

/** Begins to connect. */
export type OpenLink = (to: Address, listener: LinkListener) => Link;
