import type { ReplyHandler } from './link.ts';

/** Takes an answer; the first one counts. */
export type Settle = (error: Error | null) => void;

/** The subscriptions of a link that the server has not answered yet. A client that has read nonsense may lose one. */
export class UnansweredSubscriptions {
  readonly #all = new Set<Settle>();

  add(done: (error: Error | null) => void): Settle {
    const settle: Settle = (error) => {
      if (this.#all.delete(settle)) done(error);
    };
    this.#all.add(settle);
    return settle;
  }

  /** The link has ended: those that the client does not fail by itself fail in the next tick. */
  fail(): void {
    if (this.#all.size > 0)
      process.nextTick(() => {
        for (const settle of this.#all) settle(notConnected());
      });
  }
}

/** How many that are answered may be kept at most, before the others move up. */
const LARGEST_GAP = 1024;

/**
 * The commands of a link that the server has not answered yet. Answers come in order, and a client that has read nonsense may lose one.
 * Nothing is made for each command here.
 */
export class UnansweredCommands {
  #handlers: (ReplyHandler | undefined)[] = [];
  #next = 0;

  get size(): number {
    return this.#handlers.length - this.#next;
  }

  /** The one that the next answer belongs to. */
  get first(): ReplyHandler | undefined {
    return this.#handlers[this.#next];
  }

  add(reply: ReplyHandler): void {
    this.#handlers.push(reply);
  }

  readonly answer = (result: unknown): void => this.#take()?.(null, result);

  readonly refuse = (error: Error): void => this.#take()?.(error, undefined);

  /** The link has ended: those that a client does not fail by itself fail in the next tick. */
  fail(): void {
    if (this.size > 0)
      process.nextTick(() => {
        while (this.size > 0) this.refuse(notConnected());
      });
  }

  #take(): ReplyHandler | undefined {
    const reply = this.#handlers[this.#next];
    this.#handlers[this.#next++] = undefined;
    if (this.#next >= this.#handlers.length) {
      this.#handlers = [];
      this.#next = 0;
    } else if (this.#next > LARGEST_GAP && this.#next * 2 > this.#handlers.length) {
      this.#handlers = this.#handlers.slice(this.#next);
      this.#next = 0;
    }
    return reply;
  }
}

export function notConnected(): Error {
  return new Error('the connection was lost');
}
