import type { RedisSubscriber, SubscriberListener } from '../../../src/node/redis/redis-connection.ts';
import { channelOf } from '../../../src/node/channel.ts';
import { ownerOf } from '../../../src/node/owner.ts';
import type { History, Message } from '../checker/history.ts';
import type { Audience } from './server.ts';
import { Socket, type SocketPlan, type Wire } from './socket.ts';

/** What happens to a message on its way, other than that it is late or lost with its connection. */
export interface Mishap {
  readonly isLost?: boolean;
  /** It comes a second time, so many ms after the first: whatever has been published meanwhile. */
  readonly againAfter?: number;
}

export interface SubscriberPlan extends SocketPlan {
  readonly history: History;
  /** Asked for each message. */
  readonly mishap: () => Mishap;
  readonly closed: () => void;
}

/**
 * A client's connection for what a server publishes: first in, first out, made again by itself, and what is published
 * while there is none is lost.
 */
export class SimulatedSubscriber implements RedisSubscriber, Audience {
  readonly #plan: SubscriberPlan;
  readonly #socket: Socket;
  /** What the server knows of: which channels were subscribed to over which connection. */
  readonly #subscriptions = new Map<string, Wire>();
  #listener: SubscriberListener | undefined;

  constructor(plan: SubscriberPlan) {
    this.#plan = plan;
    this.#socket = new Socket(plan);
  }

  open(listener: SubscriberListener): void {
    this.#listener = listener;
    this.#plan.server.audience.add(this);
    this.#socket.open(listener);
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    const { server, process, history } = this.#plan;
    history.extras.push({ client: process.id, node: server.index, at: process.time, what: 'subscription' });
    this.#socket.request<Error | null>(
      (wire) => {
        const refusal = server.failing?.startsWith('LOADING') ? new Error(server.failing) : null;
        if (!refusal) this.#subscriptions.set(channel, wire);
        return refusal;
      },
      (error) => {
        if (!error) history.subscriptions.push({ client: process.id, node: server.index, at: process.time });
        done(error);
      },
      done,
    );
  }

  unsubscribe(channel: string): void {
    this.#socket.request(
      () => this.#subscriptions.delete(channel),
      () => {},
      () => {},
    );
  }

  reset(cause: Error): void {
    this.#socket.reset(cause);
  }

  close(): void {
    this.#listener = undefined;
    this.#plan.server.audience.delete(this);
    this.#socket.close();
    this.#plan.closed();
  }

  break(): void {
    this.#socket.break();
  }

  serverCrashed(): void {
    this.#socket.serverCrashed();
  }

  published(key: string, token: string): void {
    const channel = channelOf(key);
    const wire = this.#subscriptions.get(channel);
    if (!wire || !this.#socket.leadsToServer(wire)) return;
    const { server, process, history, timeline, mishap } = this.#plan;
    const { isLost = false, againAfter } = mishap();
    const message: Message = {
      client: process.id,
      node: server.index,
      key,
      token,
      publishedAt: timeline.now,
      arrivedAt: [],
    };
    history.messages.push(message);
    if (isLost) return;
    const arrive = (): void => {
      if (!this.#listener) return;
      message.arrivedAt.push(process.time);
      this.#listener.message(channel, ownerOf(token));
    };
    this.#socket.push(wire, () => {
      arrive();
      if (againAfter !== undefined)
        process.at(process.time + againAfter, () => {
          if (!wire.gone && !wire.ended) arrive();
        });
    });
  }
}
