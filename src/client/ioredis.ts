import slotOf from 'cluster-key-slot';
import type { Cluster, Redis } from 'ioredis';
import { evalsha } from '../link/evalsha.ts';
import { IoredisClient, type IoredisPlan } from './ioredis-client.ts';
import { IoredisSubscriber } from './ioredis-subscriber.ts';
import { OwnRedis } from '../link/ioredis-package.ts';
import type {
  ConnectionListener,
  Master,
  RedisConnection,
  RedisSubscriber,
  ReplyHandler,
} from '../node/redis/redis-connection.ts';

const LOST = new Error('the connection was lost');

/** {@link RedisConnection} by ioredis 5 or 6, over a client of its own. */
export class IoredisConnection implements RedisConnection {
  readonly #plan: IoredisPlan;
  readonly #connected: IoredisClient;
  /** One for each client of a server, and each of its sockets, for as long as it is a master. */
  readonly #masters = new Map<Redis, Master>();

  constructor(plan: IoredisPlan) {
    this.#plan = plan;
    this.#connected = new IoredisClient(plan);
  }

  get name(): string {
    return this.#connected.name;
  }

  open(listener: ConnectionListener): void {
    // One that is demoted keeps its client; when it is promoted again, it has lost what it was told meanwhile.
    this.#client.on('refresh', () => this.#forgetReplicas());
    this.#connected.open({
      up: () => {
        this.#masters.clear();
        listener.up();
      },
      down: (cause) => {
        this.#masters.clear();
        listener.down(cause);
      },
    });
  }

  get reorders(): boolean {
    return this.#client.isCluster;
  }

  get bySentinel(): boolean {
    if (this.#client.isCluster) return false;
    return ((this.#client as Redis).options.sentinels ?? []).length > 0;
  }

  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void {
    this.#send(sha, keys, args).then(
      (result) => reply(null, Array.isArray(result) ? result.map((each) => this.#cleanEach(each)) : result),
      (error: Error) => reply(this.#connected.clean(error), undefined),
    );
  }

  /** A promise also of what the client throws. */
  async #send(sha: string, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    const client = this.#client;
    // A Cluster looks at the arguments to find out where a command goes; another copy of ioredis wants commands of its own.
    return client instanceof OwnRedis
      ? evalsha(client, sha, keys, args)
      : client.evalsha(sha, keys.length, ...keys, ...args);
  }

  masters(): readonly Master[] {
    this.#forgetReplicas();
    return this.#connected.servers('master').map((client) => this.#master(client));
  }

  masterOf(key: string): Master | undefined {
    const client = this.#clientOf(key);
    return client && this.#master(client);
  }

  slotOf(key: string): number | undefined {
    if (!this.#client.isCluster) return 0;
    // For a server empty first braces are no hash tag, and that is that; the client looks for the next ones.
    return /^[^{]*\{\}.*\}/s.test(key) ? undefined : slotOf(key);
  }

  publisherOf(key: string): string | undefined {
    return this.masterOf(key)?.name;
  }

  subscriberTo(key: string): RedisSubscriber {
    if (!this.#client.isCluster) return new IoredisSubscriber(this.#plan);
    const instance = this.#clientOf(key);
    if (!instance) throw new Error('no master is known');
    const plan = { ...this.#plan, endpoint: { ...this.#plan.endpoint, kind: 'instance', instance } as const };
    // Only a command that is redirected would refresh the table of slots by itself.
    return new IoredisSubscriber(plan, () => (this.#client as Cluster).refreshSlotsCache());
  }

  reset(cause: Error): void {
    this.#connected.reset(cause);
  }

  close(): void {
    this.#connected.close();
  }

  get #client(): Redis | Cluster {
    return this.#connected.client;
  }

  #clientOf(key: string): Redis | undefined {
    if (!this.#client.isCluster) return this.#client as Redis;
    const [address] = (this.#client as Cluster).slots[slotOf(key)] ?? [];
    return this.#connected.servers('master').find((each) => addressOf(each) === address);
  }

  #forgetReplicas(): void {
    const masters = new Set(this.#connected.servers('master'));
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
      throw (!this.#client.isCluster && this.#connected.cause) || this.#connected.clean(error as Error);
    }
  }

  /** An operation's own error stands among the replies of its batch. */
  #cleanEach(reply: unknown): unknown {
    return reply instanceof Error ? this.#connected.clean(reply) : reply;
  }
}

/** As a Cluster names its nodes. */
function addressOf(client: Redis): string {
  return `${client.options.host}:${client.options.port}`;
}
