import type { RedisSubscriber, SubscriberListener } from '../../src/node/redis/redis-connection.ts';
import { FakeConnection } from './fake-connection.ts';

/** A subscriber whose server is the test: it says when the connection is up and down, and answers. */
export class FakeSubscriber implements RedisSubscriber {
  /** What it was told to do, in order: `open`, `subscribe c`, `unsubscribe c`, `reset`, `close`. */
  readonly did: string[] = [];
  /** Answers subscriptions by itself. */
  isAnswering = false;
  #listener: SubscriberListener | undefined;
  readonly #unanswered: ((error: Error | null) => void)[] = [];

  open(listener: SubscriberListener): void {
    this.did.push('open');
    this.#listener = listener;
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    this.did.push(`subscribe ${channel}`);
    this.#unanswered.push(done);
    if (this.isAnswering) queueMicrotask(() => this.answer());
  }

  unsubscribe(channel: string): void {
    this.did.push(`unsubscribe ${channel}`);
  }

  close(): void {
    this.did.push('close');
    this.#listener = undefined;
  }

  get isClosed(): boolean {
    return this.did.includes('close');
  }

  up(): void {
    this.#listener?.up();
  }

  /** The connection is lost; all that is unanswered fails first. */
  down(cause: Error = new Error('connection lost')): void {
    for (const done of this.#unanswered.splice(0)) done(cause);
    this.#listener?.down(cause);
  }

  /** Answers the oldest subscription that is without an answer. */
  answer(error: Error | null = null): void {
    this.#unanswered.shift()?.(error);
  }

  message(channel: string, text: string): void {
    this.#listener?.message(channel, text);
  }
}

/** A connection to servers that publish; which one, the test says. */
export class PublishingConnection extends FakeConnection {
  /** All that were made so far. */
  readonly subscribers: FakeSubscriber[] = [];
  /** Which server publishes what waiters for a key are sent. */
  publisher: (key: string) => string | undefined = () => 'a';

  override publisherOf(key: string): string | undefined {
    return this.publisher(key);
  }

  override subscriberTo(): FakeSubscriber {
    const subscriber = new FakeSubscriber();
    this.subscribers.push(subscriber);
    return subscriber;
  }
}
