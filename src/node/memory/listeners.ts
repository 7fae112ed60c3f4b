import type { InboxListener } from '../lock-node.ts';

/** The listeners of all inboxes at a node, each for one key. */
export class Listeners {
  /** By waiters and keys. */
  readonly #byInbox = new Map<string, Set<InboxListener>>();

  of(waiter: string, key: string): readonly InboxListener[] {
    return [...(this.#byInbox.get(idOf(waiter, key)) ?? [])];
  }

  all(): readonly InboxListener[] {
    const all: InboxListener[] = [];
    for (const listeners of this.#byInbox.values()) all.push(...listeners);
    return all;
  }

  add(waiter: string, key: string, listener: InboxListener): void {
    const id = idOf(waiter, key);
    const listeners = this.#byInbox.get(id);
    if (listeners) listeners.add(listener);
    else this.#byInbox.set(id, new Set([listener]));
  }

  delete(waiter: string, key: string, listener: InboxListener): void {
    const id = idOf(waiter, key);
    const listeners = this.#byInbox.get(id);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#byInbox.delete(id);
  }

  clear(): void {
    this.#byInbox.clear();
  }
}

/** The names of waiters contain no spaces. */
function idOf(waiter: string, key: string): string {
  return `${waiter} ${key}`;
}
