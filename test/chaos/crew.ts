import { join } from 'node:path';
import type { RestartGuard } from '../../src/node/redis/quarantine.ts';
import { Client, type Job } from './client.ts';
import { now } from './clock.ts';
import type { HarnessEvent } from './log.ts';
import type { RedisClientChoice } from './options.ts';
import { Store } from './store.ts';

export interface CrewOptions {
  /** The bundled client-process.ts. */
  readonly program: string;
  readonly clients: number;
  readonly seed: number;
  readonly urls: readonly string[];
  readonly resources: readonly string[];
  /** Where logs go. */
  readonly dir: string;
  readonly restartGuard: RestartGuard;
  readonly redisClient: RedisClientChoice;
  /** ms */
  readonly maxTtl: number;
  readonly nodeTimeout: number;
  readonly connectTimeout: number;
  /** How many calls at a time each client makes. */
  readonly callers: number;
  readonly write: (event: HarnessEvent) => void;
}

/** How long the workload may take to come to its end, in ms. */
const FINISH_PATIENCE = 15_000;
/** How long a client may be waited for to hold a lock, before it is stopped or killed anyway, in ms. */
const HOLDING_PATIENCE = 1_500;

type ProcessState = Extract<HarnessEvent, { f: 'process' }>['state'];

/** All clients, each in a lane of its own, in which one process follows another; and the store that they write to. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #lanes: Client[] = [];
  readonly #logs: string[] = [];
  readonly #store = new Store();
  /** Whose end is expected. */
  readonly #leaving = new Set<Client>();

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** The files of all clients' logs. */
  get logs(): readonly string[] {
    return this.#logs;
  }

  async start(): Promise<void> {
    const lanes = Array.from({ length: this.#options.clients }, (_, lane) => lane);
    await Promise.all(lanes.map((lane) => this.#hire(lane)));
  }

  /** Stops a client with SIGSTOP in the midst of its work; {@link resume} lets it go on. */
  async stop(lane: number): Promise<void> {
    const client = this.#lanes[lane] as Client;
    await client.holding(HOLDING_PATIENCE);
    client.signal('SIGSTOP');
    this.#say(client, lane, 'stopped');
  }

  resume(lane: number): void {
    const client = this.#lanes[lane] as Client;
    this.#say(client, lane, 'resumed');
    client.signal('SIGCONT');
  }

  /** Kills a client as it holds a lock. */
  async kill(lane: number): Promise<void> {
    const client = this.#lanes[lane] as Client;
    await client.holding(HOLDING_PATIENCE);
    this.#leaving.add(client);
    client.signal('SIGKILL');
    await client.closed;
    this.#say(client, lane, 'killed');
  }

  /** Another process takes the lane of one that was killed. */
  async replace(lane: number): Promise<void> {
    await this.#hire(lane);
  }

  /** No new calls are made; resolves when all have settled, or it took too long. */
  async finish(): Promise<void> {
    await this.#withPatience((client) => client.stop());
  }

  /** After {@link finish}: ends all processes, those that hang as well. */
  async close(): Promise<void> {
    for (const client of this.#lanes) this.#leaving.add(client);
    await this.#withPatience((client) => client.close());
    for (const client of this.#lanes) client.signal('SIGKILL');
    await Promise.all(this.#lanes.map((client) => client.closed));
    this.#lanes.forEach((client, lane) => this.#say(client, lane, 'finished'));
  }

  async #withPatience(act: (client: Client) => Promise<void>): Promise<void> {
    const timeout = AbortSignal.timeout(FINISH_PATIENCE);
    const tooLong = new Promise<void>((resolve) => timeout.addEventListener('abort', () => resolve()));
    await Promise.race([Promise.all(this.#lanes.map(act)), tooLong]);
  }

  async #hire(lane: number): Promise<void> {
    const number = this.#logs.length;
    const log = join(this.#options.dir, `client-${number}.jsonl`);
    this.#logs.push(log);
    const { program, seed, write, redisClient: choice, clients: _, dir: __, ...shared } = this.#options;
    const half = lane % 2 === 0 ? 'ioredis' : 'node-redis';
    const redisClient = choice === 'mixed' ? half : choice;
    const job: Job = { ...shared, redisClient, client: number, log, seed: seed * 1_000 + number };
    const client = await Client.start(program, job, (request) => {
      const { resource, fencingToken } = request;
      if (request.do === 'read') return this.#store.read(resource, fencingToken);
      const written = this.#store.write(resource, fencingToken, request.seen);
      write({ type: 'info', f: 'write', at: now(), client: number, resource, fencingToken, ...written });
      return written;
    });
    this.#lanes[lane] = client;
    this.#say(client, lane, 'started');
    void client.closed.then(() => {
      if (!this.#leaving.has(client)) this.#say(client, lane, 'died');
    });
  }

  #say({ job }: Client, lane: number, state: ProcessState): void {
    this.#options.write({ type: 'info', f: 'process', at: now(), client: job.client, lane, state });
  }
}
