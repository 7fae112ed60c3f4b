import { setTimeout as delay } from 'node:timers/promises';
import { callRedis, type RespReply } from '../support/resp.ts';
import type { Direction } from '../support/tcp-flow.ts';
import { startProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { minorityOf } from './fault.ts';

/** With what a node that was killed or stopped comes back: nothing, or what it had when it was last saved. */
export type Memory = 'empty' | 'old';

/** Five servers, however they run, and what can be done to each of them; nodes are counted from 0. */
export interface Servers {
  readonly driver: 'compose' | 'process';
  /** The port of each on loopback, the same after a restart. */
  readonly ports: readonly number[];
  /** How much later than it was told to a server may come back, in ms. */
  readonly lag: number;
  /** SIGKILL. Resolves when it is gone. */
  kill(node: number): Promise<void>;
  /** SIGTERM. Resolves when it is gone. */
  stop(node: number): Promise<void>;
  /** After {@link kill} or {@link stop}. `old` has to be saved before, by SAVE. Resolves when it answers. */
  start(node: number, memory: Memory): Promise<void>;
  /** It hangs: the kernel still accepts connections and bytes. */
  pause(node: number): Promise<void>;
  resume(node: number): Promise<void>;
  /** Ends all of them, in whatever state, and leaves nothing behind. */
  close(): Promise<void>;
}

/** How often a node that was started is asked whether it is there, in ms, and for how long. */
const PING_EVERY = 20;
const PATIENCE = 15_000;

/** Servers, and the network between them and all clients. */
export class Cluster {
  readonly servers: Servers;
  readonly #proxies: readonly TcpProxy[];

  private constructor(servers: Servers, proxies: readonly TcpProxy[]) {
    this.servers = servers;
    this.#proxies = proxies;
  }

  /** As a kernel does, the network still delivers what a client sent that has gone since, unless it went by RST. */
  static async over(servers: Servers): Promise<Cluster> {
    const proxies = await Promise.all(
      servers.ports.map((port) => startProxy(port, { deliverAfterClose: 'fin' })),
    );
    return new Cluster(servers, proxies);
  }

  get size(): number {
    return this.#proxies.length;
  }

  /** For clients. */
  get urls(): readonly string[] {
    return this.#proxies.map(({ url }) => url);
  }

  /** Bytes wait, in one direction or in both, until {@link reconnect}. */
  cutOff(node: number, direction?: Direction): void {
    this.#proxies[node]?.hold(direction);
  }

  reconnect(node: number): void {
    this.#proxies[node]?.resumeFlow();
  }

  /** Answers are late by so many ms; by 0 to undo it. */
  slowDown(node: number, ms: number): void {
    this.#proxies[node]?.delay(ms);
  }

  /** Keeps what a node has for when it is started with old data. */
  async save(node: number): Promise<void> {
    await this.call(node, 'SAVE');
  }

  async flushScripts(node: number): Promise<void> {
    await this.call(node, 'SCRIPT', 'FLUSH');
  }

  /**
   * A clock that jumps makes keys expire before their time. Within limits, only those of locks that stand on so many nodes
   * that they have a quorum without this one: whatever else befalls a lock, it must not lose more votes than it can spare.
   *
   * @returns how many keys.
   */
  async expireEarly(node: number, resources: readonly string[], limits: 'kept' | 'broken'): Promise<number> {
    const expired = await Promise.all(
      resources.map(async (key) => {
        const owners = await Promise.all(
          this.servers.ports.map((_, each) => this.call(each, 'GET', key).catch(() => null)),
        );
        const owner = owners[node];
        if (typeof owner !== 'string') return 0;
        const spare = owners.filter((each) => each === owner).length - (this.size - minorityOf(this.size));
        if (limits === 'kept' && spare < 1) return 0;
        return Number(await this.call(node, 'EVAL', EXPIRE_NOW, 1, key, owner));
      }),
    );
    // A key has a millisecond left, in which it would still pass for a vote.
    await delay(2);
    return expired.reduce((sum, each) => sum + each, 0);
  }

  /** Runs a command on a node itself, past the network that clients see. Gives up on one that hangs. */
  async call(node: number, ...command: (string | number)[]): Promise<RespReply> {
    const port = this.servers.ports[node] as number;
    const reply = callRedis({ port }, command);
    // Nobody may be there any more to hear of a failure.
    reply.catch(() => {});
    return Promise.race([
      reply,
      delay(1_000, undefined, { ref: false }).then(() => {
        throw new Error(`node ${node} does not answer`);
      }),
    ]);
  }

  /** Ends the network; the servers are somebody else's to end. */
  async close(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }
}

const EXPIRE_NOW = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], 1)`;

/** Resolves when the server of that port answers, and has loaded what it has. */
export async function answers(port: number): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  for (;;) {
    const reply = await callRedis({ port }, ['PING']).catch((error: Error) => error);
    if (reply === 'PONG') return;
    if (performance.now() > deadline) throw new Error(`nobody answers on port ${port}`, { cause: reply });
    await delay(PING_EVERY);
  }
}
