import { channel as diagnosticsChannel } from 'node:diagnostics_channel';
import { connect as connectTcp, type Socket } from 'node:net';
import { inNeutralContext } from '../context.ts';
import type { Address, Command, Encoded, Link, LinkListener, OpenLink, ReplyHandler } from './link.ts';
import { cut, explain, guard } from './socket.ts';
import { notConnected, UnansweredCommands, UnansweredSubscriptions } from './unanswered.ts';

/** What is used of a client of node-redis 5.12 to 6. */
export interface NodeRedisClient {
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<unknown>;
  destroy(): void;
  sendCommand(command: string[]): Promise<unknown>;
  sSubscribe(channel: string, listener: MessageListener): Promise<unknown>;
  sUnsubscribe(channel: string, listener?: MessageListener): Promise<unknown>;
}

type MessageListener = (text: string, channel: string) => void;

interface OwnOptions {
  readonly socket?: object | undefined;
}

/** The settings without which a command could run late, twice or against something else; they win over the user's. */
const SAFE = {
  // What it says is in the other options already, and would win over where to connect to.
  url: undefined,
  // Nothing waits in the client, and it cannot send again what it never connects again for.
  disableOfflineQueue: true,
  commandsQueueMaxLength: undefined,
  // node-redis 6 makes an AbortSignal for each command that has a time limit, which is 5 s by default.
  commandOptions: { timeout: undefined, typeMapping: undefined, abortSignal: undefined, asap: undefined },
  // It would hand the queue to a socket elsewhere.
  maintNotifications: 'disabled',
  pingInterval: undefined,
  readonly: false,
  name: undefined,
  keyPrefix: undefined,
  disableClientInfo: true,
  clientSideCache: undefined,
  emitInvalidate: undefined,
};

/**
 * Links by clients of node-redis, which `create` makes, such as `(overrides) => instance.duplicate(overrides)`. `own` are
 * the options of that instance; of these only `socket` matters, because options replace it as a whole.
 */
export function nodeRedisLinks(create: (overrides: object) => NodeRedisClient, own: OwnOptions): OpenLink {
  let protocol: { readonly RESP: 2 | undefined } | undefined;
  return (to, listener) => {
    const link = new NodeRedisLink(listener);
    inNeutralContext(() => {
      protocol ??= { RESP: wayToResp2(create) };
      const known = protocol;
      link.start((overrides) => create({ ...overrides, ...known }), own, to);
    });
    return link;
  };
}

/**
 * The option RESP with which a client speaks RESP 2 and sends no HELLO: node-redis 6 speaks RESP 3 without it, and 5 sends
 * HELLO with it. What tells them apart is that only a client that speaks RESP 3 takes the other option here.
 */
function wayToResp2(create: (overrides: object) => NodeRedisClient): 2 | undefined {
  try {
    create({ ...SAFE, RESP: undefined, emitInvalidate: true }).destroy();
    return 2;
  } catch {
    return undefined;
  }
}

class NodeRedisLink implements Link {
  readonly #listener: LinkListener;
  #client!: NodeRedisClient;
  /** What TLS is over, or the client's own socket, as far as it is to be had. */
  #socket: Socket | undefined;
  #isTls = false;
  /** Ends a socket that cannot be had. */
  readonly #abort = new AbortController();
  #isUp = false;
  #isOver = false;
  readonly #unanswered = new UnansweredCommands();
  readonly #subscribing = new UnansweredSubscriptions();
  #isSubscriber = false;
  /** Channels that the server has been asked for. */
  readonly #channels = new Set<string>();

  constructor(listener: LinkListener) {
    this.#listener = listener;
  }

  /** Called once. */
  start(create: (overrides: object) => NodeRedisClient, own: OwnOptions, to: Address): void {
    const socket = this.#socketOptions(own, to);
    const client = create({ ...SAFE, socket });
    this.#client = client;
    // An answer that cannot be read is an error, too; the client would go on with the next bytes.
    client.on('error', (error: Error) => this.#down(explain(error)));
    client.on('sharded-channel-moved', () => this.#moved());
    let isConnected: Promise<unknown> = Promise.resolve();
    const created = socketOf(() => {
      isConnected = client.connect();
    });
    if (created && !this.#socket) {
      this.#socket = created;
      this.#guard(created);
    }
    if (this.#socket) this.#socket.once('connect', () => this.#connected());
    else queueMicrotask(() => this.#connected());
    isConnected.then(
      () => this.#up(),
      (error: Error) => this.#down(explain(error)),
    );
  }

  send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    if (!this.#isUp) {
      queueMicrotask(() => reply(notConnected(), undefined));
      return;
    }
    this.#unanswered.add(reply);
    const whole = rest ? command.concat(rest.parts) : command;
    this.#client.sendCommand(whole.map(String)).then(this.#unanswered.answer, this.#unanswered.refuse);
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    if (!this.#isUp) {
      queueMicrotask(() => done(notConnected()));
      return;
    }
    const settle = this.#subscribing.add((error) => {
      if (error) this.#channels.delete(channel);
      done(error);
      if (error?.message.startsWith('MOVED')) this.#moved();
    });
    inNeutralContext(() => this.#subscribe(channel)).then(() => settle(null), settle);
  }

  unsubscribe(channel: string): void {
    this.#channels.delete(channel);
    if (this.#isUp) inNeutralContext(() => this.#giveUp(channel));
  }

  cut(how?: 'in order'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isUp = false;
    const socket = this.#socket;
    if (!socket) this.#abort.abort();
    // It must not be taken away from under the TLS that may be calling: Node would crash.
    else if (this.#isTls) setImmediate(() => socket.destroy());
    else if (how) socket.destroy();
    else cut(socket);
    try {
      this.#client.destroy();
    } catch {
      // node-redis 5 throws if it is not open any more.
    }
    this.#unanswered.fail();
    this.#subscribing.fail();
  }

  /** The client would not ask the server for a channel that it has; it does once the channel is being given up. */
  #subscribe(channel: string): Promise<unknown> {
    if (this.#channels.has(channel)) this.#giveUp(channel);
    this.#channels.add(channel);
    this.#isSubscriber = true;
    return this.#client.sSubscribe(channel, this.#onMessage);
  }

  /** With the listener: without it, the client would take the channel for one that it has until the answer comes. */
  #giveUp(channel: string): void {
    this.#client.sUnsubscribe(channel, this.#onMessage).catch(() => {});
  }

  readonly #onMessage = (text: string, channel: string): void => {
    if (!this.#isOver) this.#listener.message(channel, text);
  };

  /** For TLS with a socket to be over: the client would not tell when that is connected, nor can its own be had. */
  #socketOptions(own: OwnOptions, to: Address): object {
    // Options with a path, even an undefined one, are those of a unix socket.
    const { path: _, host: __, port: ___, ...rest } = { ...own.socket } as Record<string, unknown>;
    const where = { ...rest, ...to, ...LIMITLESS };
    this.#isTls = rest['tls'] === true;
    if (!this.#isTls) return { ...where, signal: this.#abort.signal };
    const socket = connectTcp({ ...KEPT_ALIVE, ...where });
    this.#socket = socket;
    socket.on('error', (error) => this.#down(error));
    socket.on('close', () => this.#down(new Error('the connection was closed')));
    return { ...where, ...('servername' in rest && { servername: rest['servername'] }), socket };
  }

  #guard(socket: Socket): void {
    guard(socket, {
      // The client writes AUTH and SELECT by itself.
      expects: () =>
        this.#unanswered.size > 0 || this.#isSubscriber || (!this.#isUp && socket.bytesWritten > 0),
      fail: (cause) => this.#down(cause),
    });
  }

  #connected(): void {
    if (!this.#isOver) this.#listener.connected();
  }

  #up(): void {
    if (this.#isOver) return;
    this.#isUp = true;
    this.#listener.up();
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

/** The end of a socket is for the owner of the link to decide. */
const LIMITLESS = {
  reconnectStrategy: false,
  connectTimeout: 0,
  socketTimeout: undefined,
  timeout: undefined,
  onread: undefined,
  allowHalfOpen: false,
};
/** As node-redis has it. */
const KEPT_ALIVE = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 5000 };

const CREATED = diagnosticsChannel('net.client.socket');

/** The socket that is created meanwhile; undefined where the runtime does not tell. */
function socketOf(create: () => void): Socket | undefined {
  let created: Socket | undefined;
  const note = (message: unknown): void => {
    created ??= (message as { socket: Socket }).socket;
  };
  CREATED.subscribe(note);
  try {
    create();
  } finally {
    CREATED.unsubscribe(note);
  }
  return created;
}
