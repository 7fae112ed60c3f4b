import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execCompose, type IDockerComposeOptions, type IDockerComposeResult } from 'docker-compose';
import { onFreePort } from '../support/free-port.ts';
import { onPath } from '../support/redis-binary.ts';
import { callRedis } from '../support/resp.ts';
import { answers, type Memory, type Servers } from './cluster.ts';
import { docker, dockerCan } from './docker.ts';

const FILE = fileURLToPath(new URL('../../compose.yaml', import.meta.url));
/** As compose.yaml has them. */
const SERVICES: readonly string[] = ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5'];
/** Where a server in a container saves its data, and loads them from when it starts. */
const DUMP = '/data/dump.rdb';
/** How often it is looked whether a container is gone, in ms. */
const LOOK_EVERY = 20;

/**
 * Containers by compose.yaml, in a project and on ports of their own. Compose makes them and takes them away. What befalls
 * one of them in between is told to the engine itself: a command of standalone compose takes a second or more, which would be
 * the best part of most faults.
 */
export class ComposeServers implements Servers {
  readonly driver = 'compose';
  readonly lag = 1_500;
  readonly ports: readonly number[];
  readonly #options: IDockerComposeOptions;
  #containers: readonly string[] = [];
  /** A directory for {@link #empty}. */
  #dir = '';
  /** Nodes that have a dump, which they would load. */
  readonly #dumped = new Set<number>();

  private constructor(ports: readonly number[], options: IDockerComposeOptions) {
    this.ports = ports;
    this.#options = options;
  }

  /** An engine has to run. */
  static async start(image: string): Promise<ComposeServers> {
    const ports = await Promise.all(SERVICES.map(freePort));
    const own = Object.fromEntries(ports.map((port, index) => [`QUORLOCK_PORT_${index + 1}`, String(port)]));
    const servers = new ComposeServers(ports, {
      config: FILE,
      composeOptions: [['--project-name', `quorlock-chaos-${process.pid}`]],
      env: { ...process.env, ...own, REDIS_IMAGE: image },
      ...((await dockerCan(['compose', 'version'])) ? {} : standalone()),
    });
    try {
      await servers.#up();
      return servers;
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  async kill(node: number): Promise<void> {
    await this.#docker('kill', node);
    await this.#gone(node);
  }

  async stop(node: number): Promise<void> {
    await this.#docker('stop', node);
    await this.#gone(node);
  }

  /** A container keeps its files, so one that is to be empty gets a dump without keys if there may be another. */
  async start(node: number, memory: Memory): Promise<void> {
    if (memory === 'old') this.#dumped.add(node);
    else if (this.#dumped.delete(node))
      await docker(['cp', this.#empty, `${this.#containers[node]}:${DUMP}`]);
    await this.#docker('start', node);
    await answers(this.ports[node] as number);
  }

  async pause(node: number): Promise<void> {
    await this.#docker('pause', node);
  }

  async resume(node: number): Promise<void> {
    await this.#docker('unpause', node);
  }

  async close(): Promise<void> {
    // Who was interrupted may have paused some, which do not end then.
    await Promise.all(this.#containers.map((_, node) => this.resume(node).catch(() => {})));
    await this.#compose('down', '--volumes', '--timeout', '1');
    await rm(this.#dir, { recursive: true, force: true });
  }

  get #empty(): string {
    return join(this.#dir, 'empty.rdb');
  }

  async #up(): Promise<void> {
    this.#dir = await mkdtemp(join(tmpdir(), 'quorlock-compose-'));
    await this.#compose('up', '-d');
    const ids = await Promise.all(SERVICES.map((service) => this.#compose('ps', '-q', service)));
    this.#containers = ids.map((id) => id.trim());
    await Promise.all(this.ports.map(answers));
    // Nothing was ever written to it.
    await callRedis({ port: this.ports[0] as number }, ['SAVE']);
    await docker(['cp', `${this.#containers[0]}:${DUMP}`, this.#empty]);
  }

  async #gone(node: number): Promise<void> {
    const ping = (): Promise<unknown> => callRedis({ port: this.ports[node] as number }, ['PING']);
    while (await ping().catch(() => false)) await delay(LOOK_EVERY);
  }

  async #docker(command: string, node: number): Promise<void> {
    await docker([command, this.#containers[node] as string]);
  }

  /** Runs compose; resolves with what it prints. */
  async #compose(command: string, ...args: string[]): Promise<string> {
    try {
      return (await execCompose(command, args, this.#options)).out;
    } catch (result) {
      if (result instanceof Error) throw result;
      const { err } = result as IDockerComposeResult;
      throw new Error(`compose ${command} ${args.join(' ')} failed: ${err.trim()}`, { cause: result });
    }
  }
}

function standalone(): IDockerComposeOptions {
  const executablePath = onPath('docker-compose');
  if (executablePath === undefined) throw new Error('there is neither `docker compose` nor `docker-compose`');
  return { executable: { executablePath, standalone: true } };
}

/** One that nobody listens on now. */
function freePort(): Promise<number> {
  return onFreePort(async (port) => {
    const server = net.createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    await once(server, 'close');
    return port;
  });
}
