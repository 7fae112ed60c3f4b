import type { LinkListener } from '../../../src/link/link.ts';
import type { ConnectionListener, RedisSubscriber } from '../../../src/node/redis/redis-connection.ts';
import { SingleConnection } from '../../../src/node/redis/single-connection.ts';
import { Subscriber } from '../../../src/node/redis/subscriber.ts';
import type { Disturbance } from '../checker/history.ts';
import { type LinkPlan, type Mishap, SimulatedLink } from './link.ts';
import { Recorder, type RecorderPlan } from './recorder.ts';
import type { Way } from './way.ts';

export interface ConnectionPlan extends RecorderPlan {
  readonly way: Way;
  /** The way of what is published. */
  readonly feed?: Way;
  /** What happens to each message that is published. */
  readonly mishap?: () => Mishap;
  readonly fraction: () => number;
  readonly detours?: boolean;
  readonly authenticates?: boolean;
  readonly connectTimeout: number;
  readonly patience: number;
}

/**
 * For how long a connection that hears what a server publishes is not used at most while somebody listens, in ms: twice the interval in which channels are
 * subscribed to anew, as listeners that come just before its end find a channel that is not old enough.
 */
const LONGEST_UNUSED = 40_000;
/** How long it takes to find out that such a connection is dead, once it is used, in ms: an answer is missing, and a new connection is made. */
const FOUND_OUT = 5_000;
/** Until a connection that was given up is there again, in ms. */
export const RECONNECTION = 300;

/** Between the question where a server is and the answer, in ms. */
const LOOKUP = 0.01;

const token = (): never => {
  throw new Error('a connection needs no owner token');
};

/** Makes the links of a client to a server, over one way for commands, and another for what is published. */
class Wiring {
  readonly plan: ConnectionPlan;
  readonly main: Recorder;
  readonly feed: Recorder;
  readonly #mainPlan: LinkPlan;
  readonly #feedPlan: LinkPlan;

  constructor(plan: ConnectionPlan) {
    const { way, feed = way, mishap = () => ({}), detours = false, authenticates = false } = plan;
    this.plan = plan;
    this.main = new Recorder(plan, true);
    this.feed = new Recorder(plan, false);
    this.#mainPlan = { ...plan, recorder: this.main, mishap, detours, authenticates };
    this.#feedPlan = { ...this.#mainPlan, way: feed, recorder: this.feed, detours: false };
  }

  open(to: 'main' | 'feed', listener: LinkListener): SimulatedLink {
    const link = new SimulatedLink(to === 'main' ? this.#mainPlan : this.#feedPlan, listener);
    this[to].began(link);
    return link;
  }
}

/** The product's connection of a client to a server, over simulated links. */
export class SimulatedConnection extends SingleConnection {
  override readonly reorders: boolean;
  readonly #wiring: Wiring;
  readonly #createSubscriber: () => RedisSubscriber;
  #absence: Disturbance | undefined;

  constructor(connectionPlan: ConnectionPlan, wiring: Wiring = new Wiring(connectionPlan)) {
    const { process, server, fraction, connectTimeout, patience, detours = false } = connectionPlan;
    const name = `n${server.index}`;
    const plan = {
      name,
      locate: (found: (error: null, addresses: readonly { host: string; port: number }[]) => void) => {
        const { timeline } = connectionPlan;
        const event = timeline.at(
          process.time + LOOKUP,
          () => found(null, [{ host: name, port: 6379 }]),
          process,
        );
        return () => {
          event.run = undefined;
        };
      },
      clean: (error: Error) => error,
      clock: process.clock,
      random: { token, fraction },
      connectTimeout,
      patience,
      bySentinel: false,
    };
    super({ ...plan, openLink: (_, listener) => wiring.open('main', listener) });
    this.reorders = detours;
    this.#wiring = wiring;
    wiring.main.watch(this);
    this.#createSubscriber = () =>
      new Subscriber({ ...plan, openLink: (_, listener) => wiring.open('feed', listener) });
  }

  override open(listener: ConnectionListener): void {
    super.open({
      up: () => {
        this.#found();
        listener.up();
      },
      parted: () => {
        this.#missed();
        listener.parted();
      },
      down: (cause) => {
        this.#missed();
        listener.down(cause);
      },
    });
  }

  override subscriberTo(): RedisSubscriber {
    return this.#createSubscriber();
  }

  /** Whatever lies between client and server ends the links; the client hears of it at once, as input. */
  break(which: 'main' | 'feed'): void {
    for (const link of this.#wiring[which].links) link.break();
  }

  /** The server ends the links in good order, as it does with those that are idle. */
  end(which: 'main' | 'feed'): void {
    for (const link of this.#wiring[which].links) link.end();
  }

  /** A firewall forgets the links, and tells nobody. */
  forget(which: 'main' | 'feed'): void {
    for (const link of this.#wiring[which].links) {
      if (!link.isConnected) continue;
      // The client finds out when it needs it.
      if (which === 'main') this.#missed();
      const silence = which === 'feed' ? this.#silence() : undefined;
      const until = (delay: number): void => {
        if (silence) silence.silentTo = Math.min(silence.silentTo, this.#wiring.plan.timeline.now + delay);
      };
      link.forget(
        () => until(FOUND_OUT),
        () => until(RECONNECTION),
      );
    }
  }

  /** The server has crashed, and its machine says so. */
  serverCrashed(): void {
    const { main, feed } = this.#wiring;
    for (const link of [...main.links, ...feed.links]) link.serverCrashed();
  }

  /** From now on nothing that the server publishes arrives, until the client subscribes to something, which is not answered. */
  #silence(): Disturbance {
    const { process, server, history, timeline } = this.#wiring.plan;
    const silence: Disturbance = {
      node: server.index,
      client: process.id,
      from: timeline.now,
      to: Number.NEGATIVE_INFINITY,
      backAt: Number.NEGATIVE_INFINITY,
      silentTo: timeline.now + LONGEST_UNUSED + FOUND_OUT,
    };
    history.disturbances.push(silence);
    return silence;
  }

  /** From now on there is no connection, as the client knows or will find out. */
  #missed(): void {
    const { process, server, history, timeline } = this.#wiring.plan;
    if (this.#absence) return;
    this.#absence = {
      node: server.index,
      client: process.id,
      from: timeline.now,
      to: Number.POSITIVE_INFINITY,
      backAt: Number.POSITIVE_INFINITY,
      silentTo: Number.POSITIVE_INFINITY,
    };
    history.disturbances.push(this.#absence);
  }

  /** There is a connection again, over which the server is still to be looked at. */
  #found(): void {
    const { history, timeline } = this.#wiring.plan;
    if (!this.#absence) return;
    const { latency = 0 } = history.pace ?? {};
    this.#absence.to = timeline.now + 12 * latency + 20;
    this.#absence.backAt = this.#absence.to;
    this.#absence.silentTo = this.#absence.to;
    this.#absence = undefined;
  }
}
