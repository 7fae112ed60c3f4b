import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type RedisServer, startRedises } from '../support/redis-server.ts';
import type { Memory, Servers } from './cluster.ts';

/** Where a server saves its data, in its directory, and loads them from when it starts. */
const DUMP = 'dump.rdb';

/** Servers as processes of this machine, on loopback. */
export class ProcessServers implements Servers {
  readonly driver = 'process';
  readonly lag = 300;
  readonly #servers: readonly RedisServer[];

  private constructor(servers: readonly RedisServer[]) {
    this.#servers = servers;
  }

  static async start(count: number): Promise<ProcessServers> {
    return new ProcessServers(await startRedises(count));
  }

  get ports(): readonly number[] {
    return this.#servers.map(({ port }) => port);
  }

  async kill(node: number): Promise<void> {
    await this.#of(node).kill();
  }

  async stop(node: number): Promise<void> {
    const server = this.#of(node);
    process.kill(server.pid, 'SIGTERM');
    while (server.reachable) await delay(1);
  }

  async start(node: number, memory: Memory): Promise<void> {
    const server = this.#of(node);
    if (memory === 'empty') await rm(join(server.dir, DUMP), { force: true });
    await server.restart();
  }

  async pause(node: number): Promise<void> {
    this.#of(node).pause();
  }

  async resume(node: number): Promise<void> {
    this.#of(node).resume();
  }

  async close(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }

  #of(node: number): RedisServer {
    return this.#servers[node] as RedisServer;
  }
}
