import type { RedisSubscriber, SubscriberListener } from '../../../src/node/redis/redis-connection.ts';
import { ownerOf } from '../../../src/node/owner.ts';
import type { History } from '../checker/history.ts';
import type { ClientProcess } from '../simulation/client.ts';

export interface RecordingSubscriberPlan {
  readonly subscriber: RedisSubscriber;
  readonly process: ClientProcess;
  readonly node: number;
  readonly history: History;
}

/** A client's real connection for what a node publishes, which writes down what it is told. */
export class RecordingSubscriber implements RedisSubscriber {
  readonly #plan: RecordingSubscriberPlan;

  constructor(plan: RecordingSubscriberPlan) {
    this.#plan = plan;
  }

  open(listener: SubscriberListener): void {
    const { subscriber, process, node, history } = this.#plan;
    subscriber.open({
      up: () => listener.up(),
      down: (cause) => listener.down(cause),
      message: (channel, owner) => {
        const at = performance.now();
        const released = history.exchanges.findLast(({ token }) => ownerOf(token) === owner);
        const token = released?.token ?? owner;
        // When it was published is not seen; not later than this.
        history.messages.push({
          client: process.id,
          node,
          key: channel,
          token,
          publishedAt: at,
          arrivedAt: [at],
        });
        listener.message(channel, owner);
      },
    });
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    const { subscriber, process, node, history } = this.#plan;
    subscriber.subscribe(channel, (error) => {
      if (!error) history.subscriptions.push({ client: process.id, node, at: performance.now() });
      done(error);
    });
  }

  unsubscribe(channel: string): void {
    this.#plan.subscriber.unsubscribe(channel);
  }

  reset(cause: Error): void {
    this.#plan.subscriber.reset(cause);
  }

  close(): void {
    this.#plan.subscriber.close();
  }
}
