import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ready, spawnDependent } from './dependent-process.ts';
import { onFreePort } from './free-port.ts';
import { redisBinary } from './redis-binary.ts';
import { callRedis, type RespReply } from './resp.ts';

export interface RedisOptions {
  /** @default one that is free */
  port?: number;
  /** Lines of redis.conf, values as they stand there; a list repeats the directive. They win over the defaults. */
  config?: Record<string, string | readonly string[]>;
  /** More arguments of the command line. */
  args?: readonly string[];
  /** Where the server runs; not removed at the end. @default a temporary one, which is */
  dir?: string;
  /** Answers TLS only, with this certificate. */
  tls?: ServerCertificate;
}

export interface ServerCertificate {
  /** PEM of the authority that a client has to trust. */
  ca: string;
  certFile: string;
  keyFile: string;
}

/** A real server on 127.0.0.1, without persistence unless its configuration asks for it, and the faults that can befall it. */
export class RedisServer {
  readonly port: number;
  readonly dir: string;
  readonly #options: RedisOptions;
  #child: ChildProcess | undefined;
  #paused = false;

  /** Not running yet: see {@link startRedis}. */
  constructor(port: number, dir: string, options: RedisOptions) {
    this.port = port;
    this.dir = dir;
    this.#options = options;
  }

  /** With the password, if `requirepass` is configured. */
  get url(): string {
    const scheme = this.#options.tls ? 'rediss' : 'redis';
    const user = this.#password === undefined ? '' : `:${encodeURIComponent(this.#password)}@`;
    return `${scheme}://${user}127.0.0.1:${this.port}`;
  }

  /** Of the running server; after a restart another one. */
  get pid(): number {
    if (!this.#running) throw new Error(`the server on port ${this.port} is not running`);
    return this.#child?.pid as number;
  }

  /** Neither killed nor paused. */
  get reachable(): boolean {
    return this.#running && !this.#paused;
  }

  /** Hangs: the kernel still accepts connections and bytes, nobody answers. */
  pause(): void {
    process.kill(this.pid, 'SIGSTOP');
    this.#paused = true;
  }

  /** Ends {@link pause}; what arrived meanwhile is executed now. */
  resume(): void {
    process.kill(this.pid, 'SIGCONT');
    this.#paused = false;
  }

  /** Dies without a word, also while paused; resolves when it is gone. */
  async kill(): Promise<void> {
    if (!this.#running) return;
    const child = this.#child as ChildProcess;
    const gone = once(child, 'exit');
    child.ref();
    child.kill('SIGKILL');
    await gone;
  }

  /** Starts it again after {@link kill}, on the same port, in the same directory: without persistence, without memory. */
  async restart(): Promise<void> {
    await this.kill();
    this.#paused = false;
    const binary = redisBinary();
    if (!binary)
      throw new Error(
        'neither redis-server nor valkey-server is on PATH: `npm run redis` tells how to get one',
      );
    this.#child = spawnDependent(binary, ['redis.conf', ...(this.#options.args ?? [])], this.dir);
    await ready(this.#child);
  }

  /** Ends it for good, also when paused or killed before. */
  async stop(): Promise<void> {
    await this.kill();
    if (this.#options.dir === undefined) await rm(this.dir, { recursive: true, force: true });
  }

  /** Runs one command over a connection of its own; an error reply rejects. */
  cli(...command: (string | number)[]): Promise<RespReply> {
    return callRedis({ port: this.port, password: this.#password, ca: this.#options.tls?.ca }, command);
  }

  /** One field of INFO, such as `run_id` or `cmdstat_evalsha`; undefined when INFO has no such line. */
  async info(field: string): Promise<string | undefined> {
    const lines = String(await this.cli('INFO', 'everything')).split('\r\n');
    return lines.find((line) => line.startsWith(`${field}:`))?.slice(field.length + 1);
  }

  get #running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get #password(): string | undefined {
    const password = this.#options.config?.['requirepass'];
    return typeof password === 'string' ? password : undefined;
  }
}

/** Resolves once the server accepts connections. */
export function startRedis(options: RedisOptions = {}): Promise<RedisServer> {
  return options.port === undefined
    ? onFreePort((port) => launch(port, options))
    : launch(options.port, options);
}

/** `count` of them, or none. */
export async function startRedises(count: number, options: RedisOptions = {}): Promise<RedisServer[]> {
  const starts = await Promise.allSettled(Array.from({ length: count }, () => startRedis(options)));
  const servers = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (!failed) return servers;
  await Promise.all(servers.map((server) => server.stop()));
  throw failed.reason;
}

async function launch(port: number, options: RedisOptions): Promise<RedisServer> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'quorlock-redis-')));
  const server = new RedisServer(port, dir, options);
  try {
    await writeFile(join(dir, 'redis.conf'), configuration(port, options));
    await server.restart();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

function configuration(port: number, { config, tls }: RedisOptions): string {
  const directives = {
    bind: '127.0.0.1',
    ...(tls ? { port: '0', 'tls-port': String(port) } : { port: String(port) }),
    ...(tls && { 'tls-cert-file': tls.certFile, 'tls-key-file': tls.keyFile, 'tls-auth-clients': 'no' }),
    save: '""',
    appendonly: 'no',
    ...config,
  };
  return Object.entries(directives)
    .flatMap(([name, values]) => [values].flat().map((value) => `${name} ${value}\n`))
    .join('');
}
