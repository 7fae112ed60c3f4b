import { setTimeout as delay } from 'node:timers/promises';
import { now } from './clock.ts';
import type { Cluster, Memory } from './cluster.ts';
import type { Crew } from './crew.ts';
import { type ClientFault, type Fault, isNodeFault, minorityOf, type NodeFault, RESTARTS } from './fault.ts';
import type { HarnessEvent } from './log.ts';
import type { NodeState } from './report/report.ts';

export interface CalamityOptions {
  readonly cluster: Cluster;
  readonly crew: Pick<Crew, 'stop' | 'resume' | 'kill' | 'replace'>;
  readonly resources: readonly string[];
  readonly limits: 'kept' | 'broken';
  /** For how long a node that was started does not vote, in ms. */
  readonly quarantine: number;
  /** For how long a node still counts as faulty after any other fault, in ms. */
  readonly recovery: number;
  readonly write: (event: HarnessEvent) => void;
}

/** How often it is looked whether there is room for a fault, or something to expire, in ms. */
const LOOK_EVERY = 20;

/** Makes the plan of the nemesis come true, and writes down what really happened. */
export class Calamity {
  readonly #options: CalamityOptions;
  /** Until when each node counts as faulty. */
  readonly #faultyUntil: number[];
  /** Until when each node that was started does not vote. */
  readonly #quarantinedUntil: number[];
  #faults = 0;

  constructor(options: CalamityOptions) {
    this.#options = options;
    this.#faultyUntil = Array.from({ length: options.cluster.size }, () => 0);
    this.#quarantinedUntil = [...this.#faultyUntil];
  }

  /** How many faults there were. */
  get faults(): number {
    return this.#faults;
  }

  /** When the last quarantine ends that is known of. */
  get healedAt(): number {
    return Math.max(now(), ...this.#quarantinedUntil);
  }

  /** Resolves when all faults are over; quarantines may not be. */
  async run(plan: readonly Fault[]): Promise<void> {
    const start = now();
    await Promise.all(
      plan.map(async (fault) => {
        await delay(start + fault.at - now());
        await (isNodeFault(fault) ? this.#befallNodes(fault) : this.#befallClient(fault));
      }),
    );
  }

  async #befallNodes(fault: NodeFault): Promise<void> {
    await this.#room(fault);
    const { kind, nodes } = fault;
    const at = now();
    this.#faults++;
    await Promise.all(
      nodes.map(async (node) => {
        this.#faultyUntil[node] = Number.POSITIVE_INFINITY;
        await this.#inflict(fault, node);
        const since = this.#quarantinedUntil[node] ?? 0;
        this.#faultyUntil[node] = Math.max(now(), RESTARTS.has(kind) ? since : 0) + this.#options.recovery;
      }),
    );
    this.#options.write({ type: 'info', f: 'fault', at, kind, nodes, until: now() });
  }

  async #befallClient({ kind, client: lane, for: length }: ClientFault): Promise<void> {
    const { crew, write } = this.#options;
    this.#faults++;
    if (kind === 'stop client') await crew.stop(lane);
    else await crew.kill(lane);
    const at = now();
    await delay(length);
    if (kind === 'stop client') crew.resume(lane);
    else await crew.replace(lane);
    write({ type: 'info', f: 'fault', at, kind, nodes: [], lane, until: now() });
  }

  /** The plan keeps limits, if servers come back as soon as they should; who is late makes the next fault late. */
  async #room({ nodes }: NodeFault): Promise<void> {
    const { cluster, limits } = this.#options;
    const isFree = (): boolean => {
      const faulty = this.#faultyUntil.flatMap((until, node) => (until > now() ? [node] : []));
      // One fault at a time befalls a node, whatever the limits.
      if (nodes.some((node) => this.#faultyUntil[node] === Number.POSITIVE_INFINITY)) return false;
      return limits === 'broken' || new Set([...faulty, ...nodes]).size <= minorityOf(cluster.size);
    };
    while (!isFree()) await delay(LOOK_EVERY);
  }

  async #inflict(fault: NodeFault, node: number): Promise<void> {
    const { cluster } = this.#options;
    const { servers } = cluster;
    const { kind, for: length } = fault;
    switch (kind) {
      case 'kill':
      case 'stop':
        this.#say(node, 'dead');
        await servers[kind](node);
        await delay(length);
        return this.#start(node, 'empty');
      case 'restart empty':
        this.#say(node, 'dead');
        await servers.kill(node);
        return this.#start(node, 'empty');
      case 'restart with old data':
        await cluster.save(node);
        await delay(length);
        this.#say(node, 'dead');
        await servers.kill(node);
        return this.#start(node, 'old');
      case 'pause':
        this.#say(node, 'paused');
        await servers.pause(node);
        await delay(length);
        await servers.resume(node);
        return this.#well(node);
      case 'cut off':
      case 'cut off requests':
      case 'cut off answers':
        this.#say(node, 'cut off');
        cluster.cutOff(node, DIRECTIONS[kind]);
        await delay(length);
        cluster.reconnect(node);
        return this.#well(node);
      case 'slow':
        this.#say(node, 'slow');
        cluster.slowDown(node, fault.delay ?? 0);
        await delay(length);
        cluster.slowDown(node, 0);
        return this.#well(node);
      case 'early expiry':
        return this.#expireEarly(node, length);
      case 'flush scripts':
        // A node that a broken limit has killed has none.
        await cluster.flushScripts(node).catch(() => {});
    }
  }

  async #start(node: number, memory: Memory): Promise<void> {
    await this.#options.cluster.servers.start(node, memory);
    const until = now() + this.#options.quarantine;
    this.#quarantinedUntil[node] = until;
    this.#say(node, 'quarantined', until);
  }

  /** Tries until it has found something, for as long as the fault takes. */
  async #expireEarly(node: number, length: number): Promise<void> {
    const { cluster, resources, limits } = this.#options;
    const end = now() + length;
    while (now() < end) {
      const expired = await cluster.expireEarly(node, resources, limits).catch(() => 0);
      if (expired > 0) return;
      await delay(LOOK_EVERY);
    }
  }

  #well(node: number): void {
    const until = this.#quarantinedUntil[node] ?? 0;
    if (until > now()) this.#say(node, 'quarantined', until);
    else this.#say(node, 'up');
  }

  #say(node: number, state: NodeState, until?: number): void {
    const { write } = this.#options;
    write({ type: 'info', f: 'node', at: now(), node, state, ...(until === undefined ? {} : { until }) });
  }
}

const DIRECTIONS = {
  'cut off': undefined,
  'cut off requests': 'requests',
  'cut off answers': 'answers',
} as const;
