import slotOf from 'cluster-key-slot';
// By its default: older releases of ioredis 5 have no export of this name that an ES module could import.
import ioredis, { type Cluster, type Redis, type RedisOptions } from 'ioredis';
import { afterReading, type Cancel, type Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { cleanError } from './clean-error.ts';
import type { Endpoint } from './endpoint.ts';
import { safeOptions } from './ioredis-options.ts';
import type { ConnectionListener, Master, RedisConnection, ReplyHandler } from './redis-connection.ts';
import { cut, socketsOf } from './socket.ts';

export interface IoredisPlan {
  readonly endpoint: Endpoint;
  readonly connectTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
}

const LOST = new Error('the connection was lost');
/** How long until a client that has given up is told to connect again, in ms. */
const RECONNECT = 250;
/**
 * How long a reconnection may take until the peer has answered the SYN, in ms: a lost one is repeated only after
 * a second, when a new connection could long be there.
 */
function longestSyn(connectTimeout: number): number {
  return Math.max(700, connectTimeout / 3);
}

/** {@link RedisConnection} by ioredis 5 or 6, over a client of its own. */
export class IoredisConnection implements RedisConnection {
  readonly name: string;
  readonly #plan: IoredisPlan;
  readonly #client: Redis | Cluster;
  /** What went wrong last, since the connection was last made. */
  #cause: Error | undefined;
  #closed = false;
  #cancelTimer: Cancel = () => {};
  /** One for each client of a server, and each of its sockets, for as long as it is a master. */
  readonly #masters = new Map<Redis, Master>();

  constructor(plan: IoredisPlan) {
    this.name = plan.endpoint.name;
    this.#plan = plan;
    this.#client = createClient(plan);
  }

  open(listener: ConnectionListener): void {
    const client = this.#client;
    const down = (): void => {
      if (!this.#closed) listener.down(this.#cause ?? new Error('the connection was closed'));
    };
    client.on('sentinelError', (error: Error) => this.#note(error));
    client.on('node error', (error: Error) => this.#note(error));
    client.on('error', (error: Error) => {
      // What the Sentinel said tells more than that no Sentinel helped.
      if (!this.#cause || !error.message.startsWith('All sentinels')) this.#note(error);
      // SELECT failed. ioredis 6 goes on to be ready, 5 has been so before the answer came: before INFO, and any grant.
      if (client.status === 'ready' && !client.isCluster) this.#cut();
      else if (client.status !== 'ready') down();
    });
    client.on('reconnecting', () =>
      client.once('connecting', () =>
        this.#limit(longestSyn(this.#plan.connectTimeout), () => this.#cutSyn()),
      ),
    );
    client.on('connect', () => {
      this.#cause = undefined;
      this.#limit(this.#plan.connectTimeout, () => this.#cut());
    });
    client.on('ready', () => {
      this.#cancelTimer();
      if (this.#cause && !client.isCluster) {
        this.#cut();
      } else {
        this.#cause = undefined;
        this.#masters.clear();
        listener.up();
      }
    });
    // One that is demoted keeps its client; when it is promoted again, it has lost what it was told meanwhile.
    client.on('refresh', () => this.#forgetReplicas());
    client.on('close', () => {
      this.#cancelTimer();
      this.#masters.clear();
      down();
    });
    client.on('end', () => {
      this.#cancelTimer();
      if (!this.#closed) this.#cancelTimer = this.#plan.clock.after(RECONNECT, () => this.#connect());
    });
    this.#connect();
  }

  get reorders(): boolean {
    return this.#client.isCluster;
  }

  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void {
    this.#client.evalsha(sha, keys.length, ...keys, ...args).then(
      (result) => reply(null, Array.isArray(result) ? result.map((each) => this.#cleanEach(each)) : result),
      (error: Error) => reply(this.#clean(error), undefined),
    );
  }

  masters(): readonly Master[] {
    this.#forgetReplicas();
    return this.#servers('master').map((client) => this.#master(client));
  }

  masterOf(key: string): Master | undefined {
    if (!this.#client.isCluster) return this.#master(this.#client as Redis);
    const [address] = (this.#client as Cluster).slots[slotOf(key)] ?? [];
    const client = this.#servers('master').find((each) => addressOf(each) === address);
    return client && this.#master(client);
  }

  slotOf(key: string): number | undefined {
    if (!this.#client.isCluster) return 0;
    // For a server empty first braces are no hash tag, and that is that; the client looks for the next ones.
    return /^[^{]*\{\}.*\}/s.test(key) ? undefined : slotOf(key);
  }

  reset(cause: Error): void {
    if (this.#closed) return;
    this.#cause = cause;
    this.#cut();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.#client.disconnect();
    for (const socket of socketsOf(this.#servers('all'))) socket.destroy();
  }

  #connect(): void {
    this.#client.connect().catch(() => {});
  }

  /** Gives the step that has begun so many ms; without an answer, ioredis itself would wait for ever. */
  #limit(patience: number, giveUp: () => void): void {
    this.#cancelTimer();
    this.#cancelTimer = afterReading(this.#plan.clock, patience, () => {
      this.#note(new Error(`no connection within ${patience} ms`));
      giveUp();
    });
  }

  #cutSyn(): void {
    for (const socket of socketsOf(this.#servers('all'))) if (socket.connecting) socket.destroy();
  }

  #cut(): void {
    for (const socket of socketsOf(this.#servers('all'))) cut(socket);
    // A Cluster that is still looking up names has nothing to end, and would not come back from it.
    if (this.#client.isCluster && this.#servers('all').length > 0) this.#client.disconnect(true);
  }

  #servers(role: 'master' | 'all'): Redis[] {
    return this.#client.isCluster ? (this.#client as Cluster).nodes(role) : [this.#client as Redis];
  }

  #forgetReplicas(): void {
    const masters = new Set(this.#servers('master'));
    for (const client of this.#masters.keys()) if (!masters.has(client)) this.#masters.delete(client);
  }

  #master(client: Redis): Master {
    let master = this.#masters.get(client);
    if (!master) {
      master = {
        name: this.#client.isCluster ? addressOf(client) : this.name,
        info: () => ask(() => client.info()),
        hasScripts: async (shas) =>
          ((await ask(() => client.script('EXISTS', ...shas))) as number[]).map((known) => known === 1),
        load: async (script) => void (await ask(() => client.script('LOAD', script))),
      };
      const ask = <T>(command: () => Promise<T>): Promise<T> =>
        this.#ask(this.#masters.get(client) === master ? command() : Promise.reject(LOST));
      this.#masters.set(client, master);
    }
    return master;
  }

  async #ask<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      // A connection that is being cut for a reason has other errors too.
      throw (!this.#client.isCluster && this.#cause) || this.#clean(error as Error);
    }
  }

  #note(error: Error): void {
    this.#cause = this.#clean(error);
  }

  /** An operation's own error stands among the replies of its batch. */
  #cleanEach(reply: unknown): unknown {
    return reply instanceof Error ? this.#clean(reply) : reply;
  }

  #clean(error: Error): Error {
    return cleanError(error, this.#plan.endpoint.secrets);
  }
}

/** As a Cluster names its nodes. */
function addressOf(client: Redis): string {
  return `${client.options.host}:${client.options.port}`;
}

/** A client of its own, that connects when told to: what was handed in is never touched. */
function createClient(plan: IoredisPlan): Redis | Cluster {
  const { endpoint } = plan;
  const { redis, cluster } = safeOptions(plan);
  switch (endpoint.kind) {
    case 'options':
      return new (ioredis.default as new (options: RedisOptions) => Redis)({ ...endpoint.options, ...redis });
    case 'instance':
      return (endpoint.instance as Redis).duplicate(redis);
    case 'cluster':
      return (endpoint.instance as unknown as Cluster).duplicate([], cluster);
  }
}
