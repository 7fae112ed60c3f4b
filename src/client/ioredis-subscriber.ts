import type { Redis } from 'ioredis';
import { inNeutralContext } from '../context.ts';
import { IoredisClient, type IoredisPlan } from './ioredis-client.ts';
import type { RedisSubscriber, SubscriberListener } from '../node/redis/redis-connection.ts';

const MOVED = new Error('the channel is at another server');

/** {@link RedisSubscriber} by ioredis 5 or 6, over a client of its own. */
export class IoredisSubscriber implements RedisSubscriber {
  readonly #connected: IoredisClient;
  readonly #onMoved: () => void;

  /** The endpoint is that of one server. `onMoved` is called when it says that a channel is at another one. */
  constructor(plan: IoredisPlan, onMoved: () => void = () => {}) {
    this.#connected = new IoredisClient(plan);
    this.#onMoved = onMoved;
  }

  open(listener: SubscriberListener): void {
    // As bytes: ioredis would fail to convert data that is not text, where nobody can catch the error.
    this.#client.on('smessageBuffer', (channel: unknown, text: unknown) => {
      if (Buffer.isBuffer(channel) && Buffer.isBuffer(text))
        listener.message(channel.toString(), text.toString());
    });
    // All that ioredis 5 tells of it: the command is left without an answer.
    this.#client.on('moved', () => {
      this.#onMoved();
      this.#connected.reset(MOVED);
    });
    this.#connected.open(listener);
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    void inNeutralContext(() =>
      this.#client.ssubscribe(channel, (error) => done(error ? this.#connected.clean(error) : null)),
    );
  }

  unsubscribe(channel: string): void {
    // What still arrives is dropped by who listened; and a connection that is lost has no subscriptions.
    void inNeutralContext(() => this.#client.sunsubscribe(channel).catch(() => {}));
  }

  reset(cause: Error): void {
    this.#connected.reset(cause);
  }

  close(): void {
    this.#connected.close();
  }

  get #client(): Redis {
    return this.#connected.client as Redis;
  }
}
