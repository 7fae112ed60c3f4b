import type { ConnectionListener, Master, RedisConnection, RedisSubscriber } from './redis-connection.ts';
import { ServerConnection, type ServerPlan } from './server-connection.ts';
import { slotOf } from './slot.ts';
import { Subscriber } from './subscriber.ts';

export interface SinglePlan extends ServerPlan {
  /** Whether a Sentinel says where the server is. */
  readonly bySentinel: boolean;
}

/** {@link RedisConnection} to one server, or to the master that Sentinels name. */
export class SingleConnection implements RedisConnection {
  readonly reorders: boolean = false;
  readonly #plan: SinglePlan;
  readonly #server: ServerConnection;
  #isSharded = false;

  constructor(plan: SinglePlan) {
    this.#plan = plan;
    this.#server = new ServerConnection(plan, true);
  }

  get name(): string {
    return this.#plan.name;
  }

  get bySentinel(): boolean {
    return this.#plan.bySentinel;
  }

  get isSharded(): boolean {
    return this.#isSharded;
  }

  get stage(): string {
    return this.#server.stage;
  }

  open(listener: ConnectionListener): void {
    this.#server.open(listener);
  }

  masters(): readonly Master[] {
    const { session } = this.#server;
    return session instanceof Error ? [] : [session];
  }

  masterOf(): Master | Error {
    return this.#server.session;
  }

  slotOf(key: string): number {
    return this.#isSharded ? slotOf(key) : 0;
  }

  sharded(): void {
    this.#isSharded = true;
  }

  redirected(): undefined {}

  publisherOf(): string {
    return this.name;
  }

  subscriberTo(): RedisSubscriber {
    return new Subscriber(this.#plan);
  }

  reset(cause: Error): void {
    this.#server.reset(cause);
  }

  close(): void {
    this.#server.close();
  }
}
