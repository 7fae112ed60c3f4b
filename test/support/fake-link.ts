import type {
  Address,
  Command,
  Encoded,
  Link,
  LinkListener,
  OpenLink,
  ReplyHandler,
} from '../../src/link/link.ts';

/** A command that was sent over a {@link FakeLink}, for the test to answer. */
export class SentCommand {
  readonly command: Command;
  readonly #link: FakeLink;
  readonly #handler: ReplyHandler;
  #isAnswered = false;

  constructor(link: FakeLink, command: Command, handler: ReplyHandler) {
    this.#link = link;
    this.command = command;
    this.#handler = handler;
  }

  /** The server's answer; an Error is one that the server sent. Nothing arrives once the link has been cut or is down. */
  answer(reply: unknown): void {
    if (this.#isAnswered) throw new Error(`answered twice: ${this.command.join(' ')}`);
    if (this.#link.isCut || this.#link.isDown) return;
    this.#settle(reply);
  }

  /** Of the link: unanswered commands fail as it goes down. */
  fail(cause: Error): void {
    if (!this.#isAnswered) this.#settle(cause);
  }

  #settle(reply: unknown): void {
    this.#isAnswered = true;
    if (reply instanceof Error) this.#handler(reply, undefined);
    else this.#handler(null, reply);
  }
}

type State = 'connecting' | 'connected' | 'up' | 'down';

/**
 * A link whose other end is the test: it records what is asked of it, and does only what the test calls. Like every link it calls no
 * listener after `cut`; a call that would break the order of events (`up` after `down`, say) is the test's mistake and throws.
 */
export class FakeLink implements Link {
  readonly address: Address;
  readonly sent: SentCommand[] = [];
  /** Whether it was cut in order. */
  howCut: 'in order' | undefined;
  /** Channels that were subscribed to and not unsubscribed from, with what to call when the server has answered. */
  readonly subscriptions: Map<string, (error: Error | null) => void> = new Map();
  readonly #listener: LinkListener;
  readonly #onSend: (sent: SentCommand) => void;
  #state: State = 'connecting';
  #isCut = false;

  /** What was sent to name the connection. */
  readonly naming: string[] = [];

  constructor(address: Address, listener: LinkListener, onSend: (sent: SentCommand) => void) {
    this.address = address;
    this.#listener = listener;
    this.#onSend = onSend;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  get isUp(): boolean {
    return this.#state === 'up' && !this.#isCut;
  }

  get isDown(): boolean {
    return this.#state === 'down';
  }

  /** What was sent, as text; one line for each command. */
  get commands(): string[] {
    return this.sent.map(({ command }) => command.join(' '));
  }

  send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    // Kept apart, as nothing depends on it.
    if (command[0] === 'CLIENT') {
      this.naming.push(command.join(' '));
      return;
    }
    const sent = new SentCommand(this, [...command, ...(rest?.parts ?? [])], reply);
    this.sent.push(sent);
    // No answer, and no failure, comes before `send` returns.
    if (this.#isCut || this.isDown) queueMicrotask(() => sent.fail(new Error('the link has ended')));
    else this.#onSend(sent);
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    this.subscriptions.set(channel, done);
  }

  unsubscribe(channel: string): void {
    this.subscriptions.delete(channel);
  }

  cut(how?: 'in order'): void {
    this.#isCut = true;
    this.howCut = how;
  }

  /** The peer has answered the SYN. */
  connected(): void {
    this.#move('connected', ['connecting']);
    if (!this.#isCut) this.#listener.connected();
  }

  /** The handshake is done; the peer has answered the SYN before, if the test has not said so. */
  up(): void {
    if (this.#state === 'connecting') this.connected();
    this.#move('up', ['connected']);
    if (!this.#isCut) this.#listener.up();
  }

  /** The link ends by itself; commands without an answer fail first. */
  down(cause: Error = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })): void {
    this.#move('down', ['connecting', 'connected', 'up']);
    if (this.#isCut) return;
    for (const sent of this.sent) sent.fail(cause);
    if (!this.#isCut) this.#listener.down(cause);
  }

  /** The peer refuses the connection. */
  refuse(): void {
    const at = 'path' in this.address ? this.address.path : `${this.address.host}:${this.address.port}`;
    this.down(Object.assign(new Error(`connect ECONNREFUSED ${at}`), { code: 'ECONNREFUSED' }));
  }

  message(channel: string, text: string): void {
    if (!this.#isCut) this.#listener.message(channel, text);
  }

  moved(): void {
    if (!this.#isCut) this.#listener.moved();
  }

  #move(to: State, from: readonly string[]): void {
    if (!from.includes(this.#state)) throw new Error(`this link cannot be ${to}: it is ${this.#state}`);
    this.#state = to;
  }
}

/** What a kind of server does by itself, each time; without it, it does nothing. */
export interface FakePeer {
  /** Called in a microtask after the link was opened; may call `link.up()`, `link.refuse()` … */
  readonly opened?: (link: FakeLink) => void;
  /** Called in a microtask after a command was sent; may call `sent.answer(…)`. */
  readonly sent?: (sent: SentCommand, link: FakeLink) => void;
}

/** All links that were opened through {@link FakeLinks.open}, in that order. */
export class FakeLinks {
  readonly opened: FakeLink[] = [];
  readonly #peer: FakePeer;

  constructor(peer: FakePeer = {}) {
    this.#peer = peer;
  }

  readonly open: OpenLink = (address, listener) => {
    const link: FakeLink = new FakeLink(address, listener, (sent) =>
      queueMicrotask(() => this.#peer.sent?.(sent, link)),
    );
    this.opened.push(link);
    // Like all that happens to a link: not before it has been returned.
    queueMicrotask(() => {
      if (!link.isCut) this.#peer.opened?.(link);
    });
    return link;
  };

  /** The last one opened. */
  get last(): FakeLink {
    const link = this.opened.at(-1);
    if (!link) throw new Error('no link has been opened');
    return link;
  }

  /** Those that are neither cut nor down. */
  get alive(): FakeLink[] {
    return this.opened.filter((link) => !link.isCut && !link.isDown);
  }
}
