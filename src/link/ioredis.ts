import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { inNeutralContext } from '../context.ts';
import { commandClassOf, type IoredisCommand, minimalCommand } from './ioredis-command.ts';
import type { Address, Command, Encoded, Link, LinkListener, OpenLink, ReplyHandler } from './link.ts';
import { cut, explain, guard } from './socket.ts';
import { notConnected, UnansweredSubscriptions } from './unanswered.ts';

/** What is used of a client of ioredis 5.3 to 6, or of iovalkey. */
export interface IoredisClient {
  readonly options: object;
  on(event: string, listener: (...args: never[]) => void): unknown;
  connect(): Promise<unknown>;
  call(name: string): Promise<unknown>;
  sendCommand(command: IoredisCommand): unknown;
  ssubscribe(channel: string): Promise<unknown>;
  sunsubscribe(channel: string): Promise<unknown>;
}

interface OwnOptions {
  readonly username?: string | null;
  readonly password?: string | null;
  readonly db?: number;
  readonly tls?: object | true | null;
}

/**
 * The settings without which a command could run late, twice, or against something else than it was meant for. They win over
 * whatever the user's client has. Some exist in ioredis 6 only, or in 5 only; the other ignores them.
 */
const SAFE = {
  lazyConnect: true,
  // Whoever owns the link limits the time.
  connectTimeout: 0,
  disconnectTimeout: 0,
  commandTimeout: undefined,
  socketTimeout: undefined,
  blockingTimeout: undefined,
  // Nothing waits in the client, and nothing is ever sent again.
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  reconnectOnError: null,
  retryStrategy: () => null,
  enableAutoPipelining: false,
  // A link leads to the address that was given.
  sentinels: undefined,
  // Replies as the scripts make them, keys as they are given, and no command that an ACL would have to allow.
  keyPrefix: '',
  stringNumbers: false,
  protocol: 2,
  replyMapping: 'legacy',
  enableReadyCheck: false,
  monitor: false,
  readOnly: false,
  disableClientInfo: true,
  connectionName: undefined,
  scripts: undefined,
  himportFieldsets: undefined,
};

/** The end of a nil reply, on which ioredis 6 throws if nobody has asked for it. */
const NIL = '-1\r\n';

/** Links by clients of ioredis or iovalkey, which `create` makes, such as `(overrides) => instance.duplicate(overrides)`. */
export function ioredisLinks(create: (overrides: Record<string, unknown>) => IoredisClient): OpenLink {
  return (to, listener) => {
    const link = new IoredisLink(listener);
    inNeutralContext(() => link.start(create, to));
    return link;
  };
}

class IoredisLink implements Link {
  readonly #listener: LinkListener;
  #client!: IoredisClient;
  #Command!: ReturnType<typeof commandClassOf>;
  #socket!: Socket;
  #isUp = false;
  #isOver = false;
  #unanswered = 0;
  #isSubscriber = false;
  #isMoving = false;
  readonly #subscribing = new UnansweredSubscriptions();

  constructor(listener: LinkListener) {
    this.#listener = listener;
  }

  /** Called once. */
  start(create: (overrides: Record<string, unknown>) => IoredisClient, to: Address): void {
    // The socket is made here, and the client only uses it: no other way of its own to connect remains to it.
    const connector = {
      connect: async (): Promise<Socket> => this.#socket,
      disconnect: (): void => void this.#socket.destroy(),
      check: (): boolean => true,
    };
    function Connector(): object {
      return connector;
    }
    const client = create({ ...SAFE, host: undefined, port: undefined, path: undefined, ...to, Connector });
    const own: OwnOptions = client.options;
    const handshake = handshakeOf(own);
    // ioredis 5 is ready before the server has answered AUTH and SELECT, and some refusals are no more than a warning to it.
    Object.assign(client.options, { username: null, password: null, db: 0 });
    this.#client = client;
    this.#Command = commandClassOf(client);
    this.#socket = connect(to, own.tls);
    this.#listenToSocket(this.#socket);
    this.#listenToClient(client, handshake);
    client.connect().catch(() => {});
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
    const settle = this.#subscribing.add((error) => {
      done(error);
      if (error?.message.startsWith('MOVED')) this.#moved();
    });
    this.#isSubscriber = true;
    const asked = inNeutralContext(() => this.#client.ssubscribe(channel));
    asked.then(() => settle(null), settle);
  }

  unsubscribe(channel: string): void {
    if (this.#isUp) inNeutralContext(() => this.#client.sunsubscribe(channel)).catch(() => {});
  }

  cut(how?: 'in order'): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isUp = false;
    if (how) this.#socket.destroy();
    else cut(this.#socket);
    this.#subscribing.fail();
  }

  #send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    this.#unanswered++;
    (this.#client.sendCommand(minimalCommand(this.#Command, command, rest)) as Promise<unknown>).then(
      (result) => {
        this.#unanswered--;
        reply(null, result);
      },
      (error: Error) => {
        this.#unanswered--;
        reply(error, undefined);
      },
    );
  }

  #listenToSocket(socket: Socket): void {
    socket.once('connect', () => {
      if (!this.#isOver) this.#listener.connected();
    });
    socket.on('error', (error) => this.#down(explain(error)));
    socket.on('close', () => this.#down(new Error('the connection was closed')));
    guard(socket, {
      expects: () => this.#unanswered > 0 || this.#isSubscriber,
      fail: (cause) => this.#down(cause),
      throwsLater: (chunk) => this.#isSubscriber || chunk.includes(NIL),
    });
  }

  #listenToClient(client: IoredisClient, handshake: readonly Command[]): void {
    client.on('ready', () => this.#greet(handshake));
    client.on('error', (error: Error) => {
      // The end of a subscription has no event in ioredis 5.3 and iovalkey.
      if (/^Command queue state error.* Last reply: sunsubscribe,/s.test(error.message)) this.#moved();
      else this.#down(error);
    });
    // In later releases. ioredis 5 leaves a command that is refused for it without an answer.
    client.on('moved', () => queueMicrotask(() => this.#onMoved()));
    // As bytes: ioredis would fail to convert data that is not text.
    client.on('smessageBuffer', (channel: unknown, text: unknown) => {
      if (!this.#isOver && Buffer.isBuffer(channel) && Buffer.isBuffer(text))
        this.#listener.message(channel.toString(), text.toString());
    });
  }

  #greet(handshake: readonly Command[]): void {
    let left = handshake.length;
    const up = (): void => {
      if (this.#isOver || left > 0) return;
      this.#isUp = true;
      this.#listener.up();
    };
    for (const command of handshake)
      this.#send(command, (error) => {
        left--;
        if (error) this.#down(error);
        else up();
      });
    up();
  }

  #onMoved(): void {
    const { oldest } = this.#subscribing;
    if (oldest) oldest(new Error('MOVED: the channel is at another server'));
    else this.#moved();
  }

  /** ioredis 5 may tell of one move twice while it reads. */
  #moved(): void {
    if (this.#isMoving) return;
    this.#isMoving = true;
    queueMicrotask(() => {
      this.#isMoving = false;
      if (!this.#isOver) this.#listener.moved();
    });
  }

  #down(cause: Error): void {
    if (this.#isOver) return;
    this.cut();
    this.#listener.down(cause);
  }
}

function handshakeOf({ username, password, db }: OwnOptions): readonly Command[] {
  const commands: Command[] = [];
  if (username) commands.push(['AUTH', username, password ?? '']);
  else if (password) commands.push(['AUTH', password]);
  if (db) commands.push(['SELECT', db]);
  return commands;
}

function connect(to: Address, tls: OwnOptions['tls']): Socket {
  if (!tls) return connectTcp({ ...to });
  // `true` has no options.
  return connectTls({ ...to, ...(tls as object) });
}
