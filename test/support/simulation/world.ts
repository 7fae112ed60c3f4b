import { guardFor, quarantineOf } from '../../../src/node/redis/quarantine.ts';
import { emptyHistory, type History } from '../checker/history.ts';
import { seededRandom } from '../seeded-random.ts';
import { Client, longestTtl, RESOURCES } from './client.ts';
import { RECONNECTION, SimulatedConnection } from './connection.ts';
import type { Mishap } from './link.ts';
import { Process } from './process.ts';
import type { ClientFault, Fault, NodeFault, Schedule, Step } from './schedule.ts';
import { OLD } from './schedule-of.ts';
import { type Memory, Server } from './server.ts';
import { type Host, Timeline } from './timeline.ts';
import { nextTurn, virtualizeGlobals } from './virtual-globals.ts';
import { Way } from './way.ts';

/** How many events one schedule may take; more of them are a loop without end. */
const MOST_EVENTS = 500_000;
/** How many turns of the event loop are asked for at once, because each round through it costs more than they do. */
const TURNS = 128;
/** Until every client has noticed that a node is back, in ms: its watchdog, a SYN that was lost, a reconnection, a look. */
const RECOVERY = 4_000;
/** As in production, where createNodes says so. */
const SUSPICION = 1_000;
/** Until a node that is well again is connected and has been looked at, in ms: a SYN that was lost, a reconnection, a look. */
const RETURN = 1_250;
/** Until it has noticed that nobody tells it anything any more, in ms: it subscribes anew now and then, and is not answered. */
const LONGEST_SILENCE = 11_500;

/**
 * Runs a schedule to its end: clients and servers, each with its own clock, and the network between them, in virtual
 * time. The same schedule makes the same history.
 */
export async function simulate(schedule: Schedule): Promise<History> {
  const world = new World(schedule);
  const restore = virtualizeGlobals();
  const { stackTraceLimit } = Error;
  // Every failed attempt makes an error, and nobody looks at where.
  Error.stackTraceLimit = 0;
  try {
    await world.run();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    restore();
  }
  return world.history;
}

/** What somebody does who may write what is in lines, or publish. */
const FORGERIES: ReadonlySet<Fault['what']> = new Set(['forge messages', 'crowd lines', 'empty lines']);
/** Faults that waiters may not notice, and that concern nothing else. */
const FEED_FAULTS: ReadonlySet<Fault['what']> = new Set([
  'lose messages',
  'repeat messages',
  'lose track of feed',
  ...FORGERIES,
]);

class World {
  readonly history: History;
  readonly #schedule: Schedule;
  readonly #timeline = new Timeline();
  readonly #fraction: () => number;
  readonly #servers: readonly Server[];
  readonly #processes: readonly Process[];
  readonly #ways: readonly (readonly Way[])[];
  /** The ways of what is published, from each client to each server. */
  readonly #feeds: readonly (readonly Way[])[];
  readonly #connections: readonly (readonly SimulatedConnection[])[];
  readonly #clients: Client[] = [];
  readonly #quarantine: number;
  #running: Host | undefined;
  #events = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#quarantine = quarantineOf(longestTtl(schedule), schedule.driftFactor);
    const latency = schedule.latency.least + schedule.latency.span;
    const meeting = 14 * latency + 20;
    const from =
      meeting <= schedule.connectTimeout ? meeting : schedule.connectTimeout + RECONNECTION + meeting;
    const isMet = schedule.faults.every(({ at }) => at > from);
    const isYoung =
      guardFor(schedule.nodes, schedule.guard) !== 'off' && schedule.ages.some((age) => age < OLD);
    const admission = isYoung ? 1.2 * this.#quarantine + RECOVERY : 0;
    this.history = emptyHistory(
      schedule.nodes,
      schedule.detours.map((node) => node % schedule.nodes),
      {
        guard: guardFor(schedule.nodes, schedule.guard),
        maxTtl: longestTtl(schedule),
        pace: {
          from: from + admission,
          metAt: (isMet ? from : schedule.connectTimeout + schedule.nodeTimeout + from) + admission,
          latency,
          nodeTimeout: schedule.nodeTimeout,
          longestPause: schedule.retry.maxTimeout,
          drift: schedule.driftFactor,
        },
      },
    );
    const random = seededRandom(schedule.seed);
    const fraction = (): number => random.fraction();
    this.#fraction = fraction;
    const { history } = this;
    const timeline = this.#timeline;
    const { clients, nodes, driftFactor, rates, connectTimeout } = schedule;
    const rateOf = (index: number): number => 1 + driftFactor * (rates[index] ?? 0);
    this.#processes = clients.map(
      (_, id) =>
        new Process({
          id,
          timeline,
          rate: rateOf(id),
          origin: 1e6 * fraction(),
          wallClock: schedule.wallClocks,
          fraction,
          pauses: history.pauses,
        }),
    );
    this.#servers = Array.from(
      { length: nodes },
      (_, index) =>
        new Server({
          index,
          timeline,
          history,
          rate: rateOf(clients.length + index),
          origin: 1e6 * fraction(),
          saveInterval: 200 * fraction(),
          age: schedule.ages[Math.min(index, schedule.ages.length - 1)] ?? 0,
          keys: RESOURCES,
        }),
    );
    this.#ways = clients.map(() => this.#servers.map(() => new Way(schedule.latency, fraction)));
    this.#feeds = clients.map(() => this.#servers.map(() => new Way(schedule.latency, fraction)));
    this.#connections = this.#processes.map((process, client) =>
      this.#servers.map(
        (server, node) =>
          new SimulatedConnection({
            timeline,
            history,
            process,
            server,
            way: this.#ways[client]?.[node] as Way,
            feed: this.#feeds[client]?.[node] as Way,
            mishap: () => this.#mishap(client, node),
            fraction,
            connectTimeout,
            patience: Math.max(2 * schedule.nodeTimeout, SUSPICION),
            authenticates: schedule.authenticates,
            detours: history.reordering.includes(node),
          }),
      ),
    );
  }

  async run(): Promise<void> {
    const onUnhandled = (reason: unknown): void => {
      this.history.leftovers.push(`unhandled rejection: ${String(reason)}`);
    };
    process.on('unhandledRejection', onUnhandled);
    try {
      this.#plan();
      await this.#drive();
    } finally {
      process.off('unhandledRejection', onUnhandled);
    }
  }

  /** Everything is planned at the start, and known before it happens: nothing depends on how it goes. */
  #plan(): void {
    const { clients, faults, connectTimeout, nodeTimeout, finish, seed } = this.#schedule;
    const ends = [...clients.map(lengthOf), ...faults.map((fault) => fault.at + fault.for)];
    const settledAt = Math.max(connectTimeout, ...ends) + RECOVERY + this.#admission;
    this.#timeline.at(settledAt, () => {
      for (const process of this.#processes) process.calmDown();
    });
    const curedAt = finish === 'probe' ? settledAt + this.#probe(settledAt) : settledAt;
    const healedAt = curedAt + RECOVERY + this.#admission;
    // Some close while nodes are still faulty: after the probe, and so that closing has to end before the cure.
    const closesEarly = (id: number): boolean => finish === 'probe' && (id + seed) % 2 === 1;
    clients.forEach((steps, id) => {
      this.#at(id, 0, () => {
        this.#clients[id] = this.#createClient(id);
      });
      for (const { at, together } of turnsOf(steps)) {
        this.#at(id, at, () => {
          for (const step of together) this.#clients[id]?.perform(step);
        });
      }
      this.#at(id, closesEarly(id) ? curedAt - 2 * nodeTimeout : healedAt, () => this.#clients[id]?.close());
    });
    const incurable = this.#heeded();
    for (const fault of faults) {
      const lasts = 'node' in fault && incurable.has(this.#node(fault.node));
      this.#timeline.at(fault.at, () => this.#inflict(fault, lasts ? curedAt : fault.at + fault.for));
    }
    this.history.healedAt = healedAt;
    this.#timeline.at(healedAt + RECOVERY, () => this.#lookForTimers());
  }

  #at(client: number, time: number, run: () => void): void {
    this.#processes[client]?.at(time, run);
  }

  #lookForTimers(): void {
    for (const { time, timer, process } of this.#timeline.pending) {
      if (timer && process instanceof Process && !process.killed)
        this.history.leftovers.push(`a timer of client ${process.id} for ${time.toFixed(3)}`);
    }
  }

  #createClient(id: number): Client {
    const { history } = this;
    const process = this.#processes[id] as Process;
    return new Client({
      process,
      connections: this.#connections[id] ?? [],
      schedule: this.#schedule,
      history,
      fraction: this.#fraction,
    });
  }

  /** Never so many that the others are no quorum. */
  #heeded(): Set<number> {
    const { incurable, nodes } = this.#schedule;
    const spare = nodes - (Math.floor(nodes / 2) + 1);
    return new Set([...new Set(incurable.map((node) => this.#node(node)))].slice(0, spare));
  }

  /** How long it takes servers to vote that were restarted, as far as a client knows: who was idle hears of it late. */
  get #admission(): number {
    return this.history.guard === 'off' ? 0 : 1.1 * this.#quarantine;
  }

  /** Every client takes a lock once more, two of them the same; returns in how many ms all of them must have done so. */
  #probe(start: number): number {
    const { clients, retry, nodeTimeout, faults } = this.#schedule;
    // Whoever was idle finds out only now that a connection is none any more.
    const isLost = faults.some(({ what }) => what === 'lose track');
    // What the dead have left has to expire; then each waits for the others' short sections, and its own pauses.
    const bound =
      1.1 * this.history.maxTtl +
      this.#admission +
      20 * clients.length * (retry.maxTimeout + nodeTimeout) +
      (isLost ? RECOVERY : 0);
    clients.forEach((_, id) => {
      this.#at(id, start, () => this.#clients[id]?.probe(id >> 1, bound));
    });
    return 1.1 * bound;
  }

  #inflict(fault: Fault, until: number): void {
    if (!('node' in fault)) {
      this.#afflict(fault);
      return;
    }
    const node = this.#node(fault.node);
    const server = this.#servers[node] as Server;
    this.#disturb(fault, node, until);
    const end = (how: () => void): void => void this.#timeline.at(until, how);
    switch (fault.what) {
      case 'pause':
        server.pause();
        end(() => server.resume());
        break;
      case 'crash':
        server.crash(fault.refuses);
        if (fault.refuses) for (const each of this.#connections) each[node]?.serverCrashed();
        end(() => this.#restart(server, fault.memory));
        break;
      case 'fail':
        server.failing = fault.error;
        end(() => {
          server.failing = undefined;
        });
        break;
      case 'flush scripts':
        server.flushScripts();
        this.#lookForBlanks();
        break;
      case 'forget':
        for (let i = 0; i < fault.many; i++) this.#servers[this.#node(fault.node + i)]?.forget();
        this.history.counterLosses.push({ at: fault.at, isMadeUpFor: false });
        break;
      case 'drop':
        server.drop(fault.which);
        break;
      case 'jump':
        server.jump(fault.by);
        break;
      case 'cut':
        this.#cut(this.#ways, fault, node, until);
        this.#cut(this.#feeds, fault, node, until);
        break;
      case 'cut main':
        this.#cut(this.#ways, fault, node, until);
        break;
      case 'cut feed':
        this.#cut(this.#feeds, fault, node, until);
        break;
      case 'break':
      case 'break feed': {
        const { id } = this.#processOf(fault.client);
        const which = fault.what === 'break' ? 'main' : 'feed';
        this.#at(id, fault.at, () => this.#connections[id]?.[node]?.break(which));
        break;
      }
      case 'end':
      case 'end feed':
        this.#connectionOf(fault.client, node)?.end(fault.what === 'end' ? 'main' : 'feed');
        break;
      case 'lose track':
      case 'lose track of feed':
        this.#connectionOf(fault.client, node)?.forget(fault.what === 'lose track' ? 'main' : 'feed');
        break;
      case 'lose messages':
      case 'repeat messages':
        // They are looked for when there is a message.
        break;
      case 'forge messages':
        server.deceive(fault.told);
        break;
      case 'crowd lines':
        server.crowd(fault.many, fault.how);
        break;
      case 'empty lines':
        server.empty();
        break;
    }
  }

  #restart(server: Server, memory: Memory): void {
    if (server.state !== 'down') return;
    server.restart(memory);
    const { restarts, counterLosses, guard } = this.history;
    const at = this.#timeline.now;
    const isLossy = memory !== 'kept';
    // One that nobody has ever admitted has nothing to forget.
    restarts.push({ node: server.index, at, isLossy: isLossy && server.wasAdmitted });
    const { faults, wallClocks } = this.#schedule;
    const isSet = faults.some(({ what }) => what === 'set wall clock' || what === 'jump');
    const clocksAgree = wallClocks === 'agreeing' && !isSet;
    if (isLossy) counterLosses.push({ at, isMadeUpFor: guard !== 'off' && clocksAgree });
    this.#lookForBlanks();
  }

  /** Once all servers seem to be new again, nothing tells that they are not. */
  #lookForBlanks(): void {
    const allBlank = this.#servers.every((server) => server.isBlank(this.#quarantine));
    if (allBlank && this.#servers.some(({ wasAdmitted }) => wasAdmitted))
      this.history.blankAt = Math.min(this.history.blankAt, this.#timeline.now);
  }

  #afflict(fault: ClientFault): void {
    const host = this.#processOf(fault.client);
    switch (fault.what) {
      case 'stop client':
        host.pause(fault.for, fault.timersFirst);
        break;
      case 'stall client':
        host.stall(fault.for, fault.reads);
        break;
      case 'kill client':
        if (host.killed) break;
        host.kill();
        this.history.crashes.push({ client: host.id, at: fault.at });
        break;
      case 'set wall clock':
        host.setWallClock(fault.by);
        break;
    }
  }

  #cut(
    ways: readonly (readonly Way[])[],
    { client, direction, delay }: Extract<Fault, { what: 'cut' | 'cut main' | 'cut feed' }>,
    node: number,
    until: number,
  ): void {
    const disturbance = { from: this.#timeline.now, to: until, direction, delay };
    const one = client === undefined ? undefined : this.#processOf(client).id;
    ways.forEach((own, id) => {
      if (one === undefined || one === id) own[node]?.disturb(disturbance);
    });
  }

  /** What happens to a message of a node to a client. */
  #mishap(client: number, node: number): Mishap {
    const { now } = this.#timeline;
    for (const fault of this.#schedule.faults) {
      if (fault.what !== 'lose messages' && fault.what !== 'repeat messages') continue;
      if (now < fault.at || now >= fault.at + fault.for || this.#node(fault.node) !== node) continue;
      if (fault.client !== undefined && this.#processOf(fault.client).id !== client) continue;
      if (fault.what === 'repeat messages') return { againAfter: fault.after };
      return { isLost: this.#fraction() < 0.5 };
    }
    return {};
  }

  /** Writes down for how long a node is not to be counted on. */
  #disturb(fault: NodeFault, node: number, until: number): void {
    const { what } = fault;
    // The connection itself writes down how long that lasts.
    if (what === 'lose track of feed') return;
    const isFeedOnly = what.endsWith(' feed') || FEED_FAULTS.has(what);
    const isPrompt = what === 'break' || what === 'end' || what === 'break feed' || what === 'end feed';
    const client =
      'client' in fault && fault.client !== undefined ? this.#processOf(fault.client).id : undefined;
    const { latency = 0 } = this.history.pace ?? {};
    if (FORGERIES.has(what)) this.history.forgeries.push({ node, at: fault.at });
    const mayForget = what === 'crash' || what === 'flush scripts';
    // When a node votes again, simulated clients are not told, and may sleep through it.
    const to = mayForget && this.history.guard !== 'off' ? Number.POSITIVE_INFINITY : until + RECOVERY;
    this.history.disturbances.push({
      node,
      client,
      from: fault.at,
      to: isFeedOnly ? Number.NEGATIVE_INFINITY : to,
      backAt: isFeedOnly
        ? Number.NEGATIVE_INFINITY
        : until + RETURN + this.#schedule.nodeTimeout + 16 * latency,
      // Who only listens finds out by itself that a server has gone without a word.
      silentTo:
        isPrompt && isFeedOnly ? until + RECONNECTION + 9 * latency : isPrompt ? to : to + LONGEST_SILENCE,
    });
  }

  /** Event after event; between two of them all promises and ticks of the process that had one are settled. */
  #drive(): Promise<void> {
    return new Promise((resolve, reject) => {
      let over = false;
      const turn = (): void => {
        if (over) return;
        try {
          this.#leave();
          over = !this.#step();
          if (over) resolve();
        } catch (error) {
          over = true;
          reject(error);
        }
      };
      const round = (): void => {
        this.#leave();
        if (over) return;
        for (let i = 0; i < TURNS; i++) nextTurn(turn);
        nextTurn(round);
      };
      round();
    });
  }

  #leave(): void {
    this.#running?.leave();
    this.#running = undefined;
  }

  /** Goes on until the code of a client has run; false when nothing is left to do. */
  #step(): boolean {
    for (;;) {
      const event = this.#timeline.next();
      if (!event) return false;
      if (++this.#events > MOST_EVENTS) {
        this.history.leftovers.push(`still busy after ${MOST_EVENTS} events`);
        return false;
      }
      const { process } = event;
      if (!process) {
        event.run?.();
      } else if (process.enter(event)) {
        this.#running = process;
        return true;
      }
    }
  }

  #node(index: number): number {
    return index % this.#servers.length;
  }

  #connectionOf(client: number, node: number): SimulatedConnection | undefined {
    return this.#connections[this.#processOf(client).id]?.[node];
  }

  #processOf(client: number): Process {
    return this.#processes[client % this.#processes.length] as Process;
  }
}

/** Steps without a gap are made in one turn of the event loop. */
function turnsOf(steps: readonly Step[]): { at: number; together: Step[] }[] {
  const turns: { at: number; together: Step[] }[] = [];
  let at = 0;
  for (const step of steps) {
    at += step.gap;
    const turn = turns.at(-1);
    if (turn?.at === at) turn.together.push(step);
    else turns.push({ at, together: [step] });
  }
  return turns;
}

function durationOf(step: Step): number {
  if (step.do === 'contend') return step.for + step.patience + step.hold;
  return 'hold' in step ? step.acquireTimeout + step.hold : 0;
}

/** How long a client is busy with its steps, in ms. */
function lengthOf(steps: readonly Step[]): number {
  let at = 0;
  let end = 0;
  for (const step of steps) {
    at += step.gap;
    end = Math.max(end, at + durationOf(step));
  }
  return end;
}
