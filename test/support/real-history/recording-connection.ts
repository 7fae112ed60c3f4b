import type {
  ConnectionListener,
  Master,
  RedisConnection,
  RedisSubscriber,
  ReplyHandler,
} from '../../../src/node/redis/redis-connection.ts';
import type { Exchange, History } from '../checker/history.ts';
import type { ClientProcess } from '../simulation/client.ts';
import { requestsOf, wordOf } from '../wire-format.ts';
import { RecordingSubscriber } from './recording-subscriber.ts';
import { WIRE_SHA, type Wire, type Wires } from './wire.ts';

export interface RecordingPlan {
  readonly connection: RedisConnection;
  readonly process: ClientProcess;
  readonly node: number;
  readonly wires: Wires;
  readonly history: History;
}

/** What a server answers, unlike what a client says when it has lost the connection, begins with a code. */
const ERROR_CODE = /^[A-Z]{2,} /;

/** A client's real connection to a node, which writes down what it says and is told. */
export class RecordingConnection implements RedisConnection {
  readonly name: string;
  readonly reorders: boolean;
  /** Resolves when its node has closed it for good. */
  readonly closed: Promise<void>;
  readonly #plan: RecordingPlan;
  #wire: Wire | undefined;
  #resolveClosed!: () => void;

  constructor(plan: RecordingPlan) {
    this.name = plan.connection.name;
    this.reorders = plan.connection.reorders;
    this.#plan = plan;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  open(listener: ConnectionListener): void {
    const { connection, process, wires } = this.#plan;
    connection.open({
      up: () => {
        const wire = wires.open(process.id);
        this.#wire = wire;
        // The first command on every connection; the witness at the server learns from it whose address it sees.
        connection.evalsha(WIRE_SHA, [], [wire.id], () => {});
        listener.up();
      },
      down: (cause) => {
        this.#gone();
        listener.down(cause);
      },
    });
  }

  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void {
    const { connection, process } = this.#plan;
    process.onTurn();
    const exchanges = this.#note(keys, args);
    const counters = requestsOf(keys, args).map(({ fence }) => fence && fence.value + 1);
    connection.evalsha(sha, keys, args, (error, replies) => {
      exchanges.forEach((exchange, index) => {
        if (error && !ERROR_CODE.test(error.message)) return;
        exchange.answeredAt = performance.now();
        const answer = error ?? (replies as unknown[])[index];
        exchange.reply = wordOf(exchange.operation, answer);
        const counter = counters[index];
        if (exchange.reply !== 'granted' || counter === undefined) return;
        exchange.counter = Array.isArray(answer) ? Number(answer[1]) : counter;
      });
      reply(error, replies);
      // After all promises that this settles.
      globalThis.process.nextTick(() => process.onTurn());
    });
  }

  masters(): readonly Master[] {
    return this.#plan.connection.masters();
  }

  masterOf(key: string): Master | undefined {
    return this.#plan.connection.masterOf(key);
  }

  slotOf(key: string): number | undefined {
    return this.#plan.connection.slotOf(key);
  }

  publisherOf(key: string): string | undefined {
    return this.#plan.connection.publisherOf(key);
  }

  subscriberTo(key: string): RedisSubscriber {
    const { connection, ...plan } = this.#plan;
    return new RecordingSubscriber({ ...plan, subscriber: connection.subscriberTo(key) });
  }

  reset(cause: Error): void {
    this.#gone();
    this.#plan.connection.reset(cause);
  }

  close(): void {
    this.#plan.connection.close();
    this.#resolveClosed();
  }

  #gone(): void {
    if (this.#wire) this.#wire.goneAt = Math.min(this.#wire.goneAt, performance.now());
  }

  #note(keys: readonly string[], args: readonly (string | number)[]): Exchange[] {
    const { process, node, history, wires } = this.#plan;
    const exchanges: Exchange[] = [];
    for (const { operation, token } of requestsOf(keys, args)) {
      exchanges.push({
        client: process.id,
        node,
        operation,
        token,
        sentAt: performance.now(),
        executedAt: Number.POSITIVE_INFINITY,
        reply: '',
        answeredAt: Number.POSITIVE_INFINITY,
        overDead: false,
        torn: false,
      });
    }
    history.exchanges.push(...exchanges);
    if (this.#wire) wires.send(this.#wire, exchanges);
    return exchanges;
  }
}
