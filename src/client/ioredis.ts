import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import slotOf from 'cluster-key-slot';
import { type Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Cancel, Clock } from '../clock.ts';
import type { Random } from '../random.ts';
import { cleanError } from './clean-error.ts';
import type { Endpoint } from './endpoint.ts';
import { safeOptions } from './ioredis-options.ts';
import type { ConnectionListener, RedisConnection, ReplyHandler } from './redis-connection.ts';

export interface IoredisPlan {
  readonly endpoint: Endpoint;
  readonly connectTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** How long until a client that gave up is told to connect again, in ms. */
const RECONNECT = 250;
/** How long a reconnection may take until the peer has answered the SYN, in ms. */
const LONGEST_SYN = 700;

/** {@link RedisConnection} by ioredis 5 or 6, over a client of its own. */
export class IoredisConnection implements RedisConnection {
  readonly name: string;
  readonly #plan: IoredisPlan;
  readonly #client: Redis | Cluster;
  #cause: Error | undefined;
  #closed = false;
  #reconnects = false;
  #cancelReconnect: Cancel = () => {};
  #cancelSyn: Cancel = () => {};

  constructor(plan: IoredisPlan) {
    this.name = plan.endpoint.name;
    this.#plan = plan;
    this.#client = createClient(plan);
  }

  open(listener: ConnectionListener): void {
    const client = this.#client;
    const note = (error: Error): void => {
      this.#cause ??= this.#clean(error);
    };
    client.on('error', note);
    client.on('node error', note);
    client.on('reconnecting', () => {
      this.#reconnects = true;
    });
    client.on('connecting', () => this.#limitSyn());
    // What went wrong before (a Sentinel that is down, say) did not keep us from getting here.
    client.on('connect', () => {
      this.#cause = undefined;
    });
    client.on('ready', () => {
      // An error since means that a step such as SELECT failed, which ioredis passes over.
      if (this.#cause && !client.isCluster) this.#cut();
      else listener.up();
    });
    client.on('close', () => {
      this.#cancelSyn();
      const cause = this.#cause ?? new Error('the connection was closed');
      this.#cause = undefined;
      if (!this.#closed) listener.down(cause);
    });
    client.on('end', () => {
      if (!this.#closed) this.#cancelReconnect = this.#plan.clock.after(RECONNECT, () => this.#connect());
    });
    this.#connect();
  }

  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void {
    this.#client.evalsha(sha, keys.length, ...keys, ...args).then(
      (result) => reply(null, result),
      (error: Error) => reply(this.#clean(error), undefined),
    );
  }

  async load(script: string): Promise<void> {
    await this.#onMasters((master) => master.script('LOAD', script));
  }

  info(): Promise<readonly string[]> {
    return this.#onMasters((master) => master.info());
  }

  slotOf(key: string): number {
    return this.#client.isCluster ? slotOf(key) : 0;
  }

  reset(cause: Error): void {
    this.#cause = cause;
    if (!this.#closed) this.#cut();
  }

  close(): void {
    this.#closed = true;
    this.#cancelReconnect();
    this.#cancelSyn();
    this.#client.disconnect();
    for (const socket of this.#sockets()) socket.destroy();
  }

  /** A SYN that got lost is sent again only after a second: where a node may be back at any time, a new attempt is sooner. */
  #limitSyn(): void {
    this.#cancelSyn();
    if (!this.#reconnects) return;
    this.#cancelSyn = this.#plan.clock.after(LONGEST_SYN, () => {
      for (const socket of this.#sockets()) {
        if (!socket.connecting) continue;
        this.#cause ??= new Error(`no connection within ${LONGEST_SYN} ms`);
        socket.destroy();
      }
    });
  }

  #connect(): void {
    this.#client.connect().catch(() => {});
  }

  /** RST where it is possible: after a FIN the kernel still delivers what it holds. Not possible over TLS and unix sockets. */
  #cut(): void {
    for (const socket of this.#sockets()) {
      if (socket instanceof TLSSocket || socket.connecting || socket.remotePort === undefined)
        socket.destroy();
      else socket.resetAndDestroy();
    }
    if (this.#client.isCluster) this.#client.disconnect(true);
  }

  *#sockets(): Generator<Socket> {
    for (const { stream } of this.#masters('all'))
      if (stream instanceof Socket && !stream.destroyed) yield stream;
  }

  #masters(role: 'master' | 'all' = 'master'): Redis[] {
    return this.#client.isCluster ? (this.#client as Cluster).nodes(role) : [this.#client as Redis];
  }

  async #onMasters<T>(ask: (master: Redis) => Promise<T>): Promise<T[]> {
    try {
      return await Promise.all(this.#masters().map(ask));
    } catch (error) {
      throw this.#clean(error as Error);
    }
  }

  #clean(error: Error): Error {
    return cleanError(error, this.#plan.endpoint.secrets);
  }
}

/** A client of its own, that connects when told to: what was handed in is never touched. */
function createClient(plan: IoredisPlan): Redis | Cluster {
  const { endpoint } = plan;
  const { redis, cluster } = safeOptions(plan);
  switch (endpoint.kind) {
    case 'options':
      return new (Redis as new (options: RedisOptions) => Redis)({ ...endpoint.options, ...redis });
    case 'instance':
      return (endpoint.instance as Redis).duplicate(redis);
    case 'cluster':
      return (endpoint.instance as unknown as Cluster).duplicate([], cluster);
  }
}
