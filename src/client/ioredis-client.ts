import type { Cluster, Redis } from 'ioredis';
import { afterReading, type Cancel, type Clock } from '../clock.ts';
import { inNeutralContext } from '../context.ts';
import type { Random } from '../random.ts';
import { cleanError } from '../node/redis/clean-error.ts';
import type { Endpoint } from '../node/redis/endpoint.ts';
import { safeOptions } from './ioredis-options.ts';
import { OwnRedis } from '../link/ioredis-package.ts';
import type { ConnectionListener } from '../node/redis/redis-connection.ts';
import { cut, socketsOf } from '../link/socket.ts';

export interface IoredisPlan {
  readonly endpoint: Endpoint;
  readonly connectTimeout: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** How long until a client that has given up is told to connect again, in ms. */
const RECONNECT = 250;
/**
 * How long a reconnection may take until the peer has answered the SYN, in ms: a lost one is repeated only after
 * a second, when a new connection could long be there.
 */
function longestSyn(connectTimeout: number): number {
  return Math.max(700, connectTimeout / 3);
}

/** A client of ioredis 5 or 6, or a Cluster: from its making to its end, with all that can go wrong between. */
export class IoredisClient {
  readonly name: string;
  readonly client: Redis | Cluster;
  readonly #plan: IoredisPlan;
  /** What went wrong last, since the connection was last made. */
  #cause: Error | undefined;
  #closed = false;
  #cancelTimer: Cancel = () => {};

  constructor(plan: IoredisPlan) {
    this.name = plan.endpoint.name;
    this.#plan = plan;
    this.client = inNeutralContext(() => createClient(plan));
  }

  /** Connects, and reports to `listener` from then on; called once. */
  open(listener: ConnectionListener): void {
    const client = this.client;
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
        listener.up();
      }
    });
    client.on('close', () => {
      this.#cancelTimer();
      down();
    });
    client.on('end', () => {
      this.#cancelTimer();
      if (!this.#closed) this.#cancelTimer = this.#plan.clock.after(RECONNECT, () => this.#connect());
    });
    this.#connect();
  }

  /** Cuts the connection by RST, and connects again. */
  reset(cause: Error): void {
    if (this.#closed) return;
    this.#cause = cause;
    this.#cut();
  }

  /** Ends it for good; the listener is not called any more. */
  close(): void {
    this.#closed = true;
    this.#cancelTimer();
    this.client.disconnect();
    for (const socket of socketsOf(this.servers('all'))) socket.destroy();
  }

  /** The clients of single servers: this one, or those of a Cluster. */
  servers(role: 'master' | 'all'): Redis[] {
    return this.client.isCluster ? (this.client as Cluster).nodes(role) : [this.client as Redis];
  }

  /** What a connection that is being cut is being cut for. */
  get cause(): Error | undefined {
    return this.#cause;
  }

  clean(error: Error): Error {
    return cleanError(error, this.#plan.endpoint.credentials);
  }

  #connect(): void {
    // The socket serves all calls, not only the one that happens to be first.
    void inNeutralContext(() => this.client.connect().catch(() => {}));
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
    for (const socket of socketsOf(this.servers('all'))) if (socket.connecting) socket.destroy();
  }

  #cut(): void {
    for (const socket of socketsOf(this.servers('all'))) cut(socket);
    // A Cluster that is still looking up names has nothing to end, and would not come back from it.
    if (this.client.isCluster && this.servers('all').length > 0) this.client.disconnect(true);
  }

  #note(error: Error): void {
    this.#cause = this.clean(error);
  }
}

/** A client of its own, that connects when told to: what was handed in is never touched. */
function createClient(plan: IoredisPlan): Redis | Cluster {
  const { endpoint } = plan;
  const { redis, cluster } = safeOptions(plan);
  switch (endpoint.kind) {
    case 'options':
      return new OwnRedis({ ...endpoint.options, ...redis });
    case 'instance':
      return (endpoint.instance as Redis).duplicate(redis);
    case 'cluster':
      return (endpoint.instance as unknown as Cluster).duplicate([], cluster);
  }
}
