import type { Cancel, Clock } from '../../clock.ts';
import type { Command, Encoded, Link, ReplyHandler } from '../../link/link.ts';
import type { ScriptInput } from './encode.ts';
import type { Master } from './redis-connection.ts';
import { type Sent, Watchdog } from './watchdog.ts';

export interface SessionPlan {
  readonly name: string;
  readonly clock: Clock;
  /** After how many ms without an answer the server counts as silent. */
  readonly patience: number;
  /** Not only subscriptions. The connection gets a name then, and a PING when nothing else was sent for {@link KEEP_ALIVE} ms. */
  readonly sendsCommands: boolean;
  /** Removes credentials from an error. */
  readonly clean: (error: Error) => Error;
  /** The server has answered for the first time. */
  readonly onFirstAnswer: () => void;
  readonly onSilence: () => void;
}

/** Firewalls and load balancers forget connections that were idle for 60 s to 350 s. */
const KEEP_ALIVE = 20_000;

/** Names the connection, for people that look at CLIENT LIST. A user that may not do this goes without. */
const NAME: Command = ['CLIENT', 'SETNAME', 'quorlock'];

/** What a server's errors begin with; those that a client makes up begin otherwise. */
const CODE = /^-?[A-Z]{3,}\b/;

interface Unanswered extends Sent {
  readonly reply: ReplyHandler;
}

/** A command that waits for the socket. */
interface Early {
  readonly send: () => void;
  readonly reply: ReplyHandler;
}

/**
 * The commands of one socket, and their answers. It may begin before the socket is there: commands wait for it then, and
 * leave in order.
 */
export class Session implements Master {
  readonly name: string;
  readonly #plan: SessionPlan;
  readonly #watchdog: Watchdog;
  readonly #unanswered = new Set<Unanswered>();
  /** What is to be sent once the socket is there. */
  readonly #early: Early[] = [];
  #link: Link | undefined;
  #end: Error | undefined;
  /** In ms of the clock. */
  #lastSent = 0;
  #cancelKeepAlive: Cancel | undefined;
  #hasAnswered = false;
  #hasFailed = false;
  #refusal: Error | undefined;

  constructor(plan: SessionPlan) {
    this.name = plan.name;
    this.#plan = plan;
    const { clock, patience, onSilence } = plan;
    const oldest = (): Unanswered | undefined => this.#unanswered.values().next().value;
    this.#watchdog = new Watchdog({ clock, patience, oldest, onSilence });
  }

  /** Whether the socket is there. */
  get isOpen(): boolean {
    return this.#link !== undefined;
  }

  /** Whether no command is without an answer. */
  get isIdle(): boolean {
    return this.#unanswered.size === 0 && !this.#hasFailed;
  }

  /** Whether the server has answered anything but errors. */
  get hasAnswered(): boolean {
    return this.#hasAnswered;
  }

  /** The first error that a server answered which has answered nothing else. */
  get refusal(): Error | undefined {
    return this.#hasAnswered ? undefined : this.#refusal;
  }

  /** The socket is there. */
  open(link: Link): void {
    this.#link = link;
    this.#lastSent = this.#plan.clock.now();
    for (const { send } of this.#early.splice(0)) send();
    if (this.#plan.sendsCommands) this.#keepAlive();
  }

  /** The socket is lost: all that is unanswered fails, and whatever comes later. */
  end(cause: Error): void {
    this.#end = cause;
    this.#link = undefined;
    this.#watchdog.stop();
    this.#cancelKeepAlive?.();
    const unanswered = [...this.#unanswered, ...this.#early.splice(0)];
    this.#unanswered.clear();
    for (const { reply } of unanswered) reply(cause, undefined);
  }

  send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    const link = this.#link;
    if (link) link.send(command, this.#await(reply), rest);
    else this.#withoutLink(() => this.send(command, reply, rest), reply);
  }

  evalsha(sha: string, { encoded }: ScriptInput, reply: ReplyHandler, asking = false): void {
    if (asking) this.send(['ASKING'], ignore);
    this.send(['EVALSHA', sha], reply, encoded);
  }

  async info(): Promise<unknown> {
    return this.#ask('INFO');
  }

  async hasScripts(shas: readonly string[]): Promise<readonly boolean[]> {
    const known = await this.#ask('SCRIPT', 'EXISTS', ...shas);
    return Array.isArray(known) ? known.map((each) => each === 1) : [];
  }

  async load(script: string): Promise<void> {
    await this.#ask('SCRIPT', 'LOAD', script);
  }

  async clusterSize(): Promise<number | undefined> {
    const text = await this.#ask('CLUSTER', 'INFO').catch(() => '');
    const [, size] = /^cluster_size:(\d+)\r?$/m.exec(String(text)) ?? [];
    return size === undefined ? undefined : Number(size);
  }

  time(reply: ReplyHandler): void {
    this.send(['TIME'], reply);
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    const link = this.#link;
    if (link) link.subscribe(channel, this.#await(done));
    else this.#withoutLink(() => this.subscribe(channel, done), done);
  }

  unsubscribe(channel: string): void {
    this.#link?.unsubscribe(channel);
  }

  #ask(...command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.send(command, (error, reply) => (error ? reject(error) : resolve(reply)));
    });
  }

  #withoutLink(send: () => void, reply: ReplyHandler): void {
    const cause = this.#end;
    if (cause) queueMicrotask(() => reply(cause, undefined));
    else this.#early.push({ send, reply });
  }

  /** A command leaves; what is returned takes its answer. */
  #await(reply: ReplyHandler): (error: Error | null, result?: unknown) => void {
    const sentAt = this.#plan.clock.now();
    const sent: Unanswered = { sentAt, reply };
    this.#lastSent = sentAt;
    this.#unanswered.add(sent);
    this.#watchdog.sent();
    return (error, result) => {
      // After the end all have failed already.
      if (this.#unanswered.delete(sent)) this.#answered(reply, error, result);
    };
  }

  #answered(reply: ReplyHandler, error: Error | null, result: unknown): void {
    const { clean, onFirstAnswer, sendsCommands } = this.#plan;
    const isFirst = !this.#hasAnswered && !this.#refusal;
    if (!error) {
      this.#hasAnswered = true;
    } else if (!CODE.test(error.message)) {
      // The client's own: the socket is lost, and `end` follows.
      this.#hasFailed = true;
    } else if (!this.#hasAnswered) {
      this.#refusal ??= clean(error);
    }
    if (isFirst && !this.#hasFailed) {
      // Not before: a server that has too many clients may not get to say so if something was sent to it.
      if (sendsCommands) this.#link?.send(NAME, ignore);
      onFirstAnswer();
    }
    if (error) reply(clean(error), undefined);
    else reply(null, Array.isArray(result) ? this.#cleanEach(result) : result);
  }

  /** An operation's own error is an element of the reply to its batch. */
  #cleanEach(replies: unknown[]): unknown[] {
    return replies.some((each) => each instanceof Error)
      ? replies.map((each) => (each instanceof Error ? this.#plan.clean(each) : each))
      : replies;
  }

  #keepAlive(): void {
    const { clock } = this.#plan;
    this.#cancelKeepAlive = clock.after(
      Math.max(1, this.#lastSent + KEEP_ALIVE - clock.now()),
      () => {
        // An error is an answer, too: the user may not be allowed to send it.
        if (clock.now() - this.#lastSent >= KEEP_ALIVE) this.send(['PING'], ignore);
        this.#keepAlive();
      },
      'background',
    );
  }
}

const ignore = (): void => {};
