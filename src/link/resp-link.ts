import type { Socket } from 'node:net';
import { inNeutralContext } from '../context.ts';
import { encode } from './encode.ts';
import type { Command, Encoded, Link, LinkListener, ReplyHandler } from './link.ts';
import { type Reply, RespReader } from './resp-reader.ts';
import { cut, explain, refusalOf, unasked, unreadable } from './socket.ts';
import { notConnected, UnansweredCommands } from './unanswered.ts';

/** The event after which a socket can be written to: with TLS not the one that says that it is connected. */
export type ReadyEvent = 'connect' | 'secureConnect';

/** A link that speaks RESP 2 over a socket by itself. */
export class RespLink implements Link {
  readonly #listener: LinkListener;
  readonly #socket: Socket;
  readonly #handshake: readonly Command[];
  readonly #unanswered = new UnansweredCommands();
  readonly #reader = new RespReader((reply) => this.#take(reply));
  /** Commands of this tick, in RESP. */
  #unsent = '';
  #isUp = false;
  #isOver = false;
  #hasRead = false;
  #isSubscriber = false;
  /** The channels that the server has been asked to end the subscription of, by the handlers of its answers. */
  readonly #leaving = new Map<ReplyHandler, string>();

  /** `handshake`: what the server has to accept before the link is up. */
  constructor(socket: Socket, handshake: readonly Command[], listener: LinkListener) {
    this.#socket = socket;
    this.#handshake = handshake;
    this.#listener = listener;
  }

  /** Called once, in the neutral context. */
  start(readyEvent: ReadyEvent): void {
    const socket = this.#socket;
    socket.once('connect', () => {
      if (!this.#isOver) this.#listener.connected();
    });
    socket.once(readyEvent, () => this.#greet());
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('error', (error) => this.#down(explain(error)));
    socket.on('close', () => this.#down(new Error('the connection was closed')));
  }

  send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    if (this.#isUp) this.#send(command, reply, rest);
    else queueMicrotask(() => reply(notConnected(), undefined));
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    if (!this.#isUp) {
      queueMicrotask(() => done(notConnected()));
      return;
    }
    this.#isSubscriber = true;
    this.#send(['SSUBSCRIBE', channel], (error, reply) => {
      const failure = error ?? (kindOf(reply) === 'ssubscribe' ? null : unasked(reply));
      done(failure);
      if (error?.message.startsWith('MOVED')) this.#moved();
      else if (failure && !error) this.#down(failure);
    });
  }

  unsubscribe(channel: string): void {
    if (!this.#isUp) return;
    const answered: ReplyHandler = (error, reply) => {
      this.#leaving.delete(answered);
      if (!error && kindOf(reply) !== 'sunsubscribe') this.#down(unasked(reply));
    };
    this.#leaving.set(answered, channel);
    this.#send(['SUNSUBSCRIBE', channel], answered);
  }

  cut(how?: 'in order'): void {
    if (this.#isOver) return;
    if (how) this.#flush();
    this.#isOver = true;
    this.#isUp = false;
    this.#unsent = '';
    if (how) this.#socket.destroy();
    else cut(this.#socket);
    this.#unanswered.fail();
  }

  #greet(): void {
    if (this.#isOver) return;
    let left = this.#handshake.length;
    const up = (): void => {
      if (this.#isOver || left > 0) return;
      this.#isUp = true;
      this.#listener.up();
    };
    for (const command of this.#handshake)
      this.#send(command, (error) => {
        left--;
        if (error) this.#down(error);
        else up();
      });
    up();
  }

  #send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    this.#unanswered.add(reply);
    if (this.#unsent === '') inNeutralContext(this.#planFlush);
    this.#unsent += encode(command, rest);
  }

  readonly #planFlush = (): void => process.nextTick(this.#flush);

  readonly #flush = (): void => {
    const text = this.#unsent;
    if (text === '') return;
    this.#unsent = '';
    // The other end may have closed it already; `close` follows.
    if (!this.#socket.writable) return;
    // In Latin-1, text that is all ASCII has the same bytes as in UTF-8, and is written faster.
    this.#socket.write(text, Buffer.byteLength(text) === text.length ? 'latin1' : 'utf8');
  };

  #read(chunk: Buffer): void {
    if (this.#isOver) return;
    const refusal = refusalOf(chunk, !this.#hasRead, this.#unanswered.size > 0 || this.#isSubscriber);
    this.#hasRead = true;
    if (refusal) {
      this.#down(refusal);
      return;
    }
    try {
      this.#reader.read(chunk);
    } catch (error) {
      // Also by a handler: the next replies would not reach theirs.
      this.#down(unreadable(error));
    }
  }

  #take(reply: Reply): void {
    if (this.#isOver || (this.#isSubscriber && this.#isPush(reply))) return;
    if (this.#unanswered.size === 0) this.#down(reply instanceof Error ? reply : unasked(reply));
    else if (reply instanceof Error) this.#unanswered.refuse(reply);
    else this.#unanswered.answer(reply);
  }

  /** Handles what no command is answered by: a message, or the end of a subscription that the server has ended by itself. */
  #isPush(reply: Reply): boolean {
    if (!Array.isArray(reply) || reply.length !== 3) return false;
    const [kind, channel, text] = reply;
    if (typeof channel !== 'string') return false;
    if (kind === 'smessage' && typeof text === 'string') {
      this.#listener.message(channel, text);
      return true;
    }
    const { first } = this.#unanswered;
    if (kind !== 'sunsubscribe' || (first && this.#leaving.get(first) === channel)) return false;
    this.#moved();
    return true;
  }

  #moved(): void {
    if (!this.#isOver) this.#listener.moved();
  }

  #down(cause: Error): void {
    if (this.#isOver) return;
    this.cut();
    this.#listener.down(cause);
  }
}

/** Of an answer to SSUBSCRIBE or SUNSUBSCRIBE. */
function kindOf(reply: unknown): unknown {
  return Array.isArray(reply) && typeof reply[1] === 'string' ? reply[0] : undefined;
}
