import { afterReading, type Cancel, type Clock } from '../../clock.ts';
import { inNeutralContext } from '../../context.ts';
import type { Link, OpenLink } from '../../link/link.ts';
import type { Random } from '../../random.ts';
import { Dial } from './dial.ts';
import type { Locate } from './locate.ts';
import type { ConnectionListener } from './redis-connection.ts';
import { Session } from './session.ts';

export interface ServerPlan {
  /** Host and port, or what else tells the server apart; never a credential. */
  readonly name: string;
  readonly locate: Locate;
  readonly openLink: OpenLink;
  /** Removes credentials from an error. */
  readonly clean: (error: Error) => Error;
  readonly clock: Clock;
  readonly random: Random;
  /** How long it may take from connecting to the first answer, in ms. */
  readonly connectTimeout: number;
  /** A server that leaves a command unanswered for so many ms is cut off. */
  readonly patience: number;
}

export interface ServerListener extends ConnectionListener {
  message?(channel: string, text: string): void;
  moved?(): void;
}

/** The longest pause before the next try to connect, in ms. */
const LONGEST_PAUSE = 250;
/** Not made for each connection: until its stack is read, an error keeps the objects alive whose methods are on the stack. */
const NOT_YET = new Error('there has been no connection yet');
/** What is often the reason. */
const BOTH_ENDS = '; is TLS used at both ends, or at neither?';
/**
 * How long a peer may take to answer the SYN, in ms. A lost one is repeated only after a second, when a new connection could long
 * be there.
 */
const LONGEST_SYN = 700;

/**
 * Sockets to one server, one after the other: the next is made at once if the last one was idle when it was lost, as servers and
 * firewalls close idle connections. Otherwise it is made after a pause, for as long as it takes.
 */
export class ServerConnection {
  readonly #plan: ServerPlan;
  readonly #sendsCommands: boolean;
  #listener: ServerListener = { up() {}, parted() {}, down() {} };
  /** Of the socket that is there, or is being made for commands that wait. */
  #session: Session | undefined;
  #cause = NOT_YET;
  /** When a socket was last made again at once, in ms of the clock. */
  #renewedAt = Number.NEGATIVE_INFINITY;
  #dialling: Dial | undefined;
  #stop: (how?: 'in order') => void = () => {};
  #cancelLimit: Cancel | undefined;
  #cancelPause: Cancel | undefined;
  #isClosed = false;

  /** `sendsCommands`: not only subscriptions. Such a connection gets a name, and a PING when it has been idle for long. */
  constructor(plan: ServerPlan, sendsCommands: boolean) {
    this.#plan = plan;
    this.#sendsCommands = sendsCommands;
  }

  get name(): string {
    return this.#plan.name;
  }

  /** Where commands go, or why they cannot go anywhere. */
  get session(): Session | Error {
    return this.#session ?? this.#cause;
  }

  get isUp(): boolean {
    return this.#session?.isOpen === true;
  }

  /** What connecting waits for; completes the sentence "no contact within 2000 ms". */
  get stage(): string {
    if (!this.#dialling) return ': its name is still being looked up';
    return this.#dialling.isConnected
      ? `: it accepted the connection, and then did not answer${BOTH_ENDS}`
      : '';
  }

  /** Connects, and reports to `listener` from then on; called once. `awaited`: commands wait for the first socket. */
  open(listener: ServerListener, awaited?: 'awaited'): void {
    this.#listener = listener;
    if (awaited) this.#session = this.#createSession();
    this.#connect();
  }

  /** Cuts the socket if there is one, and makes another at once, for which commands wait. */
  reset(cause: Error): void {
    if (this.isUp) this.#renew(cause);
  }

  /** In order, so that releases that are on their way arrive. The listener is not called any more. */
  close(): void {
    this.#isClosed = true;
    this.#disconnect('in order').session?.end(new Error('the connection is closed'));
  }

  #connect(): void {
    this.#dialling = undefined;
    // The socket serves all calls, not only the one that happens to be first.
    this.#stop = inNeutralContext(() =>
      this.#plan.locate((error, addresses) => {
        if (error) this.#lost(this.#plan.clean(error));
        else inNeutralContext(() => this.#dial(addresses));
      }),
    );
  }

  #dial(addresses: Parameters<Dial['start']>[0]): void {
    const { clock, openLink, connectTimeout, clean } = this.#plan;
    const longestSyn = Math.max(LONGEST_SYN, connectTimeout / 3);
    const dial = new Dial(
      { clock, openLink, longestSyn },
      {
        up: (link) => this.#up(link),
        failed: (cause) => this.#lost(clean(cause)),
        down: (cause) => this.#broken(clean(cause)),
        message: (channel, text) => this.#listener.message?.(channel, text),
        moved: () => this.#listener.moved?.(),
      },
    );
    this.#dialling = dial;
    this.#stop = (how) => dial.stop(how);
    this.#cancelLimit = afterReading(clock, connectTimeout, () =>
      this.#lost(
        new Error(
          dial.isConnected
            ? `no answer within ${connectTimeout} ms after the connection was made${BOTH_ENDS}`
            : `no connection within ${connectTimeout} ms`,
        ),
      ),
    );
    dial.start(addresses);
  }

  #up(link: Link): void {
    const session = this.#session ?? this.#createSession();
    this.#session = session;
    session.open(link);
    this.#listener.up();
    // Otherwise the limit lasts until the first answer.
    if (this.#session === session && session.isIdle) this.#cancelLimit?.();
  }

  #createSession(): Session {
    const { name, clock, patience, clean } = this.#plan;
    return new Session({
      name,
      clock,
      patience,
      sendsCommands: this.#sendsCommands,
      clean,
      onFirstAnswer: () => this.#cancelLimit?.(),
      onSilence: () => this.#lost(new Error(`no answer for ${patience} ms`)),
    });
  }

  /** The socket has ended by itself. */
  #broken(cause: Error): void {
    const session = this.#session;
    // Not again and again: a server that closes every connection would get thousands of them.
    const mayRenew = this.#plan.clock.now() - this.#renewedAt >= LONGEST_PAUSE;
    if (mayRenew && session?.isIdle && session.hasAnswered) this.#renew(cause);
    else this.#lost(session?.refusal ?? (session?.hasAnswered ? cause : withoutAnswer(cause)));
  }

  #renew(cause: Error): void {
    const { session, wasUp } = this.#disconnect();
    this.#renewedAt = this.#plan.clock.now();
    this.#session = this.#createSession();
    this.#connect();
    this.#part(session, wasUp, cause);
  }

  #lost(cause: Error): void {
    const { session, wasUp } = this.#disconnect();
    this.#cause = cause;
    const { clock, random } = this.#plan;
    this.#cancelPause = clock.after(Math.ceil(LONGEST_PAUSE * (0.2 + 0.8 * random.fraction())), () =>
      this.#connect(),
    );
    this.#part(session, wasUp, cause);
    if (!this.#isClosed) this.#listener.down(cause);
  }

  /** Last, as those whose commands fail may do something about it. */
  #part(session: Session | undefined, wasUp: boolean, cause: Error): void {
    session?.end(cause);
    if (wasUp && !this.#isClosed) this.#listener.parted();
  }

  /** Ends the socket, or the search for one; the commands on it are still to be failed. */
  #disconnect(how?: 'in order'): { session: Session | undefined; wasUp: boolean } {
    const { isUp: wasUp } = this;
    const session = this.#session;
    this.#session = undefined;
    this.#cancelLimit?.();
    this.#cancelPause?.();
    this.#stop(how);
    this.#stop = () => {};
    return { session, wasUp };
  }
}

/** A server that wants TLS ends the connection without a word, as does one that has too many clients. */
function withoutAnswer(cause: Error): Error {
  const { message } = cause;
  if (!/closed|ECONNRESET|EPIPE/.test(message)) return cause;
  return new Error(`${message}, before the server had answered anything (a port for TLS does this)`);
}
