import type { RedisSubscriber, SubscriberListener } from './redis-connection.ts';
import { ServerConnection, type ServerPlan } from './server-connection.ts';

const MOVED = new Error('the channel is at another server');
const LOST = new Error('the connection was lost');

/** {@link RedisSubscriber} over sockets of its own. */
export class Subscriber implements RedisSubscriber {
  readonly #server: ServerConnection;
  readonly #onMoved: () => void;

  /** `onMoved` is called when the server says that a channel is at another one. */
  constructor(plan: ServerPlan, onMoved: () => void = () => {}) {
    // A channel with listeners is subscribed to anew every few seconds, which keeps the connection alive; one without is soon given up.
    this.#server = new ServerConnection(plan, false);
    this.#onMoved = onMoved;
  }

  open(listener: SubscriberListener): void {
    this.#server.open({
      up: () => listener.up(),
      parted: () => listener.down(LOST),
      down: (cause) => listener.down(cause),
      message: (channel, text) => listener.message(channel, text),
      moved: () => this.#moved(),
    });
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    const { session } = this.#server;
    if (session instanceof Error) {
      queueMicrotask(() => done(session));
      return;
    }
    session.subscribe(channel, (error) => {
      if (error?.message.startsWith('MOVED')) this.#moved();
      done(error);
    });
  }

  unsubscribe(channel: string): void {
    const { session } = this.#server;
    // A connection that is lost has no subscriptions.
    if (!(session instanceof Error)) session.unsubscribe(channel);
  }

  close(): void {
    this.#server.close();
  }

  #moved(): void {
    this.#onMoved();
    this.#server.reset(MOVED);
  }
}
