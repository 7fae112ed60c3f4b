import type { RedisConnection } from '../client/redis-connection.ts';
import { ranNothing, replyTo } from './failure.ts';
import type { NoAnswer } from './lock-node.ts';
import { decode, encode, type Operation } from './operation.ts';
import { OPERATIONS, OPERATIONS_SHA } from './scripts/operations.ts';
import type { Watchdog } from './watchdog.ts';

/** How many keys leave in one command at most, unless one operation has more: a server is busy with them for a millisecond or so. */
const LARGEST_BATCH = 128;
/** How many operations may be without an answer before new claims are turned away. */
const MOST_UNANSWERED = 20_000;

const UNWANTED = new Error('its round was decided before it could be sent');

/**
 * The way of operations to one server: what is added in one tick leaves as one command, in order, and each
 * operation gets its own reply. Nothing that may have been executed is ever sent again.
 */
export class Outbox {
  readonly #connection: RedisConnection;
  readonly #watchdog: Watchdog;
  readonly #onReadonly: (error: Error) => void;
  readonly #onIdle: () => void;
  #queue: Operation[] = [];
  /** What did not run for want of the script: goes again before anything newer. */
  readonly #again: Operation[] = [];
  readonly #triedAgain = new WeakSet<Operation>();
  #held = true;
  #loading = false;
  #flushPlanned = false;
  #unanswered = 0;

  constructor(
    connection: RedisConnection,
    watchdog: Watchdog,
    on: { readonly: (error: Error) => void; idle: () => void },
  ) {
    this.#connection = connection;
    this.#watchdog = watchdog;
    this.#onReadonly = on.readonly;
    this.#onIdle = on.idle;
  }

  /** Whether operations leave now; otherwise they would wait. */
  get isOpen(): boolean {
    return !this.#held;
  }

  get crowded(): boolean {
    return this.#unanswered >= MOST_UNANSWERED;
  }

  /** Nothing waits to be sent, and nothing for an answer. */
  get idle(): boolean {
    return this.#unanswered === 0 && this.#queue.length === 0 && !this.#loading;
  }

  /** Alone, an operation waits for nothing but the end of the tick. */
  add(operation: Operation): void {
    this.#queue.push(operation);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    process.nextTick(this.#onTickEnd);
  }

  /** Lets operations out from now on: `first`, then what has been waiting. */
  open(first: readonly Operation[]): void {
    this.#held = false;
    this.#queue.unshift(...first);
    this.#flush();
  }

  /** Keeps operations in from now on, and gives up on those that wait. */
  shut(reply: NoAnswer): void {
    this.#held = true;
    for (const each of this.#queue.splice(0)) each.deliver(reply);
  }

  readonly #onTickEnd = (): void => this.#flush();

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#held || this.#loading) return;
    const ready = this.#queue;
    this.#queue = [];
    for (const batch of this.#batches(ready)) this.#send(batch);
    if (this.idle) this.#onIdle();
  }

  /** Splits operations into commands, in order: one for each hash slot, and none larger than allowed. */
  #batches(operations: readonly Operation[]): Operation[][] {
    const batches: Operation[][] = [];
    const open = new Map<number, { batch: Operation[]; keys: number }>();
    for (const each of operations) {
      if (!each.wanted()) {
        each.deliver(replyTo(UNWANTED, false));
        continue;
      }
      const slot = this.#connection.slotOf(each.keys[0] ?? '') ?? 0;
      const last = open.get(slot);
      if (last && last.keys + each.keys.length <= LARGEST_BATCH) {
        last.batch.push(each);
        last.keys += each.keys.length;
      } else {
        const batch = [each];
        batches.push(batch);
        open.set(slot, { batch, keys: each.keys.length });
      }
    }
    return batches;
  }

  #send(batch: readonly Operation[]): void {
    const { keys, args } = encode(batch);
    const answered = this.#watchdog.sent();
    this.#unanswered += batch.length;
    this.#connection.evalsha(OPERATIONS_SHA, keys, args, (error, reply) => {
      answered();
      this.#unanswered -= batch.length;
      if (error) this.#failed(batch, error);
      else this.#answered(batch, reply);
      if (this.idle) this.#onIdle();
    });
  }

  #answered(batch: readonly Operation[], reply: unknown): void {
    const replies: unknown[] = Array.isArray(reply) ? reply : [];
    batch.forEach((each, index) => {
      const decoded = decode(each.verb, replies[index]);
      each.deliver(decoded instanceof Error ? this.#noAnswer(decoded, true) : decoded);
    });
  }

  #failed(batch: readonly Operation[], error: Error): void {
    if (error.message.startsWith('NOSCRIPT')) {
      this.#sendAgain(batch, error);
    } else if (ranNothing(error) && batch.length > 1) {
      // One operation may have keys that this user must not touch; the others shall not suffer for it.
      for (const each of batch) for (const alone of this.#batches([each])) this.#send(alone);
    } else {
      const reply = this.#noAnswer(error, !ranNothing(error));
      for (const each of batch) each.deliver(reply);
    }
  }

  /** Loads the script, which a SCRIPT FLUSH or a new master may ask for, and sends what did not run. Once. */
  #sendAgain(batch: readonly Operation[], error: Error): void {
    for (const each of batch) {
      if (this.#triedAgain.has(each)) {
        each.deliver(replyTo(error, false));
      } else {
        this.#triedAgain.add(each);
        this.#again.push(each);
      }
    }
    if (this.#loading || this.#again.length === 0) return;
    this.#loading = true;
    const answered = this.#watchdog.sent();
    const loaded = (): void => {
      answered();
      this.#loading = false;
      this.#queue.unshift(...this.#again.splice(0));
      this.#flush();
    };
    this.#connection.load(OPERATIONS).then(loaded, (cause: Error) => {
      for (const each of this.#again.splice(0)) each.deliver(replyTo(cause, false));
      loaded();
    });
  }

  #noAnswer(error: Error, maybeExecuted: boolean): NoAnswer {
    if (error.message.startsWith('READONLY')) this.#onReadonly(error);
    return replyTo(error, maybeExecuted);
  }
}
