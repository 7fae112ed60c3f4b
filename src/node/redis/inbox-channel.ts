import type { InboxListener } from '../lock-node.ts';

/** One inbox at the servers of a node, and the listeners of the keys that its waiter waits for. */
export class InboxChannel {
  readonly waiter: string;
  readonly name: string;
  /** One of the keys that it is for: the server that has this key publishes the channel. */
  readonly key: string;
  /** When the server was last asked to publish it, in ms of the clock. */
  subscribedAt: number = Number.NEGATIVE_INFINITY;
  readonly #listeners = new Map<string, Set<InboxListener>>();
  #isLive = false;

  constructor(waiter: string, name: string, key: string) {
    this.waiter = waiter;
    this.name = name;
    this.key = key;
  }

  get isListenedTo(): boolean {
    return this.#listeners.size > 0;
  }

  /** Whether messages arrive. */
  get isLive(): boolean {
    return this.#isLive;
  }

  /** All listeners, each with its key. */
  listeners(): [key: string, listener: InboxListener][] {
    return [...this.#listeners].flatMap(([key, listeners]) =>
      [...listeners].map((listener): [string, InboxListener] => [key, listener]),
    );
  }

  add(key: string, listener: InboxListener): void {
    const listeners = this.#listeners.get(key);
    if (listeners) listeners.add(listener);
    else this.#listeners.set(key, new Set([listener]));
    if (!this.#isLive) return;
    queueMicrotask(() => {
      if (this.#isLive && this.#listeners.get(key)?.has(listener)) listener.live();
    });
  }

  /** Returns whether it was there. */
  delete(key: string, listener: InboxListener): boolean {
    const listeners = this.#listeners.get(key);
    const wasThere = listeners?.delete(listener) === true;
    if (listeners?.size === 0) this.#listeners.delete(key);
    return wasThere;
  }

  /** Messages arrive from now on, if they did not before. */
  open(): void {
    if (this.#isLive) return;
    this.#isLive = true;
    for (const [, listener] of this.listeners()) listener.live();
  }

  /** No messages arrive until it is open again. */
  shut(): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    for (const [, listener] of this.listeners()) listener.deaf();
  }

  /** Dispatches a message: `turn` or `next`, a space, and the key, which may contain spaces. Any other is ignored, as is an unknown key. */
  receive(message: string): void {
    const space = message.indexOf(' ');
    const word = message.slice(0, space);
    if (word !== 'turn' && word !== 'next') return;
    // Those that begin to listen meanwhile are not told.
    const listeners = [...(this.#listeners.get(message.slice(space + 1)) ?? [])];
    for (const listener of listeners) listener[word]();
  }
}
