import { vi } from 'vitest';
import { TIMER_LATENESS } from '../../../src/clock.ts';
import { createConnection } from '../../../src/node/redis/connect.ts';
import { toEndpoint } from '../../../src/node/redis/endpoint.ts';
import { guardFor, quarantineOf } from '../../../src/node/redis/quarantine.ts';
import { emptyHistory, type History } from '../checker/history.ts';
import { LeakWatch } from '../leaks.ts';
import { seededRandom } from '../seeded-random.ts';
import { Client, longestTtl } from '../simulation/client.ts';
import type { Fault, Schedule, Step } from '../simulation/schedule.ts';
import { allowForTime } from './allowances.ts';
import { Heartbeat } from './heartbeat.ts';
import { RealNode } from './real-node.ts';
import { RealProcess } from './real-process.ts';
import { LinkRecorder } from './recording-link.ts';

/** As in production, where createNodes says so. */
const SUSPICION = 1_000;
/** Until every client has noticed that a node is back, and has undone what it owes there, in ms. */
const RECOVERY = 4_000;

const STOPPED = new Int32Array(new SharedArrayBuffer(4));

/** Plays a schedule with real clients and real servers, and returns what was seen of it. */
export async function play(schedule: Schedule): Promise<History> {
  const guard = guardFor(schedule.nodes, schedule.guard);
  const history = emptyHistory(schedule.nodes, [], { guard, maxTtl: longestTtl(schedule) });
  const starts = await Promise.allSettled(
    Array.from({ length: schedule.nodes }, (_, node) => RealNode.start(node, history)),
  );
  const nodes = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  try {
    for (const start of starts) if (start.status === 'rejected') throw start.reason;
    await new RealWorld(schedule, nodes, history).play();
  } finally {
    await Promise.all(nodes.map((node) => node.stop()));
  }
  return history;
}

class RealWorld {
  readonly #schedule: Schedule;
  readonly #nodes: readonly RealNode[];
  readonly #history: History;
  readonly #fraction: () => number;
  readonly #processes: readonly RealProcess[];
  #clients: readonly Client[] = [];

  constructor(schedule: Schedule, nodes: readonly RealNode[], history: History) {
    this.#schedule = schedule;
    this.#nodes = nodes;
    this.#history = history;
    const random = seededRandom(schedule.seed);
    this.#fraction = () => random.fraction();
    this.#processes = schedule.clients.map((_, id) => new RealProcess(id, history.pauses));
  }

  async play(): Promise<void> {
    const history = this.#history;
    const heartbeat = new Heartbeat(this.#processes.length, history.pauses);
    const leaks = new LeakWatch();
    this.#clients = this.#processes.map((process) => this.#createClient(process));
    try {
      await this.#perform();
      if (this.#schedule.finish === 'probe') await this.#probe();
      await this.#cure();
      await this.#calm();
      history.healedAt = performance.now();
    } finally {
      await this.#close();
      heartbeat.stop();
    }
    await this.#testify();
    await leaks.settled().catch((error: Error) => history.leftovers.push(error.message));
    this.#history.blankAt = blankFrom(this.#nodes);
    allowForTime(this.#history);
  }

  #createClient(process: RealProcess): Client {
    const { connectTimeout, nodeTimeout } = this.#schedule;
    const history = this.#history;
    const fraction = this.#fraction;
    const { clock } = process;
    const random = { token: () => '', fraction };
    const patience = Math.max(2 * nodeTimeout, SUSPICION);
    const connections = this.#nodes.map(({ server, wires }, node) => {
      const real = toEndpoint(server.url, node, '');
      const recorder = new LinkRecorder({ process, node, wires, history });
      const endpoint = { ...real, openLink: recorder.links(real.openLink) };
      const connection = createConnection({ endpoint, connectTimeout, patience, clock, random });
      recorder.watch(connection);
      return connection;
    });
    return new Client({ process, connections, schedule: this.#schedule, history, fraction });
  }

  /** Resolves when all steps and faults are over, but for the faults that last. */
  async #perform(): Promise<void> {
    const { clients, faults } = this.#schedule;
    const lasting = this.#lasting();
    await Promise.all([
      ...clients.map(async (steps, id) => {
        for (const step of steps) {
          if (step.gap > 0) await delay(step.gap);
          this.#clients[id]?.perform(step);
        }
      }),
      delay(Math.max(0, ...clients.map(lengthOf))),
      ...faults.map(async (fault) => {
        await delay(fault.at);
        const end = this.#inflict(fault);
        await delay(fault.for);
        if (!('node' in fault) || !lasting.has(this.#index(fault.node))) end();
      }),
    ]);
  }

  /** Never so many that the others are no quorum. */
  #lasting(): Set<number> {
    const { incurable, nodes, finish } = this.#schedule;
    if (finish !== 'probe') return new Set();
    const spare = nodes - (Math.floor(nodes / 2) + 1);
    return new Set([...new Set(incurable.map((node) => this.#index(node)))].slice(0, spare));
  }

  /** Returns how to end it. */
  #inflict(fault: Fault): () => void {
    if (!('node' in fault)) {
      if (fault.what === 'stop client') this.#stop(fault.for);
      return () => {};
    }
    const node = this.#nodes[this.#index(fault.node)] as RealNode;
    switch (fault.what) {
      case 'pause':
        node.pause();
        return () => node.resume();
      case 'crash': {
        node.crash();
        const memory = fault.memory === 'kept' ? 'kept' : 'lost';
        return () => node.restart(memory);
      }
      case 'fail':
        node.fail(true);
        return () => node.fail(false);
      case 'flush scripts':
        node.flushScripts();
        break;
      case 'forget':
        for (let i = 0; i < fault.many; i++) this.#nodes[this.#index(fault.node + i)]?.forget();
        break;
      case 'drop':
        node.drop(fault.which);
        break;
      case 'break':
        node.break(fault.client % this.#processes.length);
        break;
    }
    return () => {};
  }

  /** The whole process, and so every client in it, does not run for so long. */
  #stop(duration: number): void {
    Atomics.wait(STOPPED, 0, 0, duration);
    for (const process of this.#processes) process.turn();
  }

  /** Every client takes a lock once more, two of them the same, while a minority may still be faulty. */
  async #probe(): Promise<void> {
    const { clients, retry, nodeTimeout, driftFactor } = this.#schedule;
    const { guard, maxTtl } = this.#history;
    await Promise.all(this.#nodes.map((node) => node.idle));
    const admission = guard === 'off' ? 0 : quarantineOf(maxTtl, driftFactor);
    // Until clients have noticed that nodes are back, which vote again, and what nobody could undo has expired; then
    // each waits for the others' short sections.
    const bound = RECOVERY + admission + maxTtl + 20 * clients.length * (retry.maxTimeout + nodeTimeout);
    this.#clients.forEach((client, id) => client.probe(id >> 1, bound));
    await soon(() => this.#hasSettled(), bound + RECOVERY);
  }

  /** Ends all faults. */
  async #cure(): Promise<void> {
    for (const node of this.#nodes) {
      node.resume();
      node.restart('lost');
      node.fail(false);
    }
    await Promise.all(this.#nodes.map((node) => node.idle));
  }

  /** All calls have settled, all locks are given back, and nothing stands any more but what nobody is to undo. */
  async #calm(): Promise<void> {
    const isCalm = (): boolean =>
      this.#hasSettled() &&
      this.#isGivenBack() &&
      this.#nodes.every(({ witness }) => !witness.expectsRelease);
    await soon(isCalm, RECOVERY);
    await Promise.all(this.#nodes.map((node) => node.seen()));
  }

  #hasSettled(): boolean {
    return this.#history.calls.every(({ settledAt }) => settledAt < Number.POSITIVE_INFINITY);
  }

  #isGivenBack(): boolean {
    const { sections } = this.#history;
    return sections.every(
      ({ releasedAt, abortedAt }) => Math.min(releasedAt, abortedAt) < Number.POSITIVE_INFINITY,
    );
  }

  async #close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await soon(() => this.#hasSettled(), RECOVERY);
    if (!this.#hasSettled()) this.#history.leftovers.push('a client has not closed its connections');
  }

  async #testify(): Promise<void> {
    await Promise.all(
      this.#nodes.map(async (node) => {
        await node.seen();
        await node.examine();
        node.closeFeed();
        node.witness.testify();
      }),
    );
  }

  #index(node: number): number {
    return node % this.#nodes.length;
  }
}

/** From when on all nodes may have been without scripts, and so seemed to be new to who had not seen them before. */
function blankFrom(nodes: readonly RealNode[]): number {
  return Math.max(...nodes.map(({ firstWithoutScripts }) => firstWithoutScripts));
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when it is so, or after so many ms; what is not so then is for the checker to say. */
async function soon(isSo: () => boolean, patience: number): Promise<void> {
  await vi
    .waitFor(
      () => {
        if (!isSo()) throw new Error('not yet');
      },
      { timeout: patience, interval: TIMER_LATENESS },
    )
    .catch(() => {});
}

/** How long a client is busy with its steps, in ms. */
function lengthOf(steps: readonly Step[]): number {
  let at = 0;
  let end = 0;
  for (const step of steps) {
    at += step.gap;
    end = Math.max(end, at + ('resources' in step ? step.acquireTimeout + step.hold : 0));
  }
  return end;
}
