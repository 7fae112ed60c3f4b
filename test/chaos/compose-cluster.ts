import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execCompose, type IDockerComposeOptions, type IDockerComposeResult } from 'docker-compose';
import { onFreePort } from '../support/free-port.ts';
import { onPath } from '../support/redis-binary.ts';
import { callRedis } from '../support/resp.ts';
import { answers, type Memory, type Servers } from './cluster.ts';
import { dockerCan } from './docker.ts';

const FILE = fileURLToPath(new URL('../../compose.yaml', import.meta.url));
/** As compose.yaml has them. */
const SERVICES: readonly string[] = ['redis-1', 'redis-2', 'redis-3', 'redis-4', 'redis-5'];
/** How often it is looked whether a container is gone, in ms. */
const LOOK_EVERY = 20;

/** Containers by compose.yaml, in a project and on ports of their own. */
export class ComposeServers implements Servers {
  readonly driver = 'compose';
  /** Each command takes about a second, and a fault takes two or three. */
  readonly lag = 4_000;
  readonly ports: readonly number[];
  readonly #options: IDockerComposeOptions;
  /** Nodes whose container has kept a dump, which it would load. */
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
      await servers.#run('up', ['-d']);
      await Promise.all(ports.map(answers));
      return servers;
    } catch (error) {
      await servers.close();
      throw error;
    }
  }

  async kill(node: number): Promise<void> {
    await this.#run('kill', ['-s', 'SIGKILL', nameOf(node)]);
    await this.#gone(node);
  }

  async stop(node: number): Promise<void> {
    await this.#run('stop', [nameOf(node)]);
    await this.#gone(node);
  }

  /** A container keeps its files; a new one has none. */
  async start(node: number, memory: Memory): Promise<void> {
    if (memory === 'old') this.#dumped.add(node);
    if (memory === 'empty' && this.#dumped.delete(node))
      await this.#run('up', ['-d', '--no-deps', '--force-recreate', '--renew-anon-volumes', nameOf(node)]);
    else await this.#run('start', [nameOf(node)]);
    await answers(this.ports[node] as number);
  }

  async pause(node: number): Promise<void> {
    await this.#run('pause', [nameOf(node)]);
  }

  async resume(node: number): Promise<void> {
    await this.#run('unpause', [nameOf(node)]);
  }

  async close(): Promise<void> {
    // Who was interrupted may have paused some, which do not end then.
    await this.#run('unpause', []).catch(() => {});
    await this.#run('down', ['--volumes', '--timeout', '1']);
  }

  async #gone(node: number): Promise<void> {
    const ping = (): Promise<unknown> => callRedis({ port: this.ports[node] as number }, ['PING']);
    while (await ping().catch(() => false)) await delay(LOOK_EVERY);
  }

  async #run(command: string, args: readonly string[]): Promise<void> {
    await execCompose(command, args, this.#options).catch((result: unknown) => {
      throw failed(command, args, result);
    });
  }
}

function nameOf(node: number): string {
  return SERVICES[node] as string;
}

function standalone(): IDockerComposeOptions {
  const executablePath = onPath('docker-compose');
  if (executablePath === undefined) throw new Error('there is neither `docker compose` nor `docker-compose`');
  return { executable: { executablePath, standalone: true } };
}

function failed(command: string, args: readonly string[], result: unknown): Error {
  if (result instanceof Error) return result;
  const { err } = result as IDockerComposeResult;
  return new Error(`compose ${command} ${args.join(' ')} failed: ${err.trim()}`);
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
