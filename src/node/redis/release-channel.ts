import { channelOf } from '../channel.ts';
import type { ReleaseListener } from '../lock-node.ts';

/** The releases of one key, and who listens for them. */
export class ReleaseChannel {
  readonly key: string;
  readonly name: string;
  readonly #listeners = new Set<ReleaseListener>();
  #isLive = false;
  /** Releases up to this instant may have been missed by who begins to listen now, in ms of the clock. */
  #missedUntil = Number.POSITIVE_INFINITY;

  constructor(key: string) {
    this.key = key;
    this.name = channelOf(key);
  }

  get isListenedTo(): boolean {
    return this.#listeners.size > 0;
  }

  add(listener: ReleaseListener): void {
    this.#listeners.add(listener);
    if (!this.#isLive) return;
    const missedUntil = this.#missedUntil;
    queueMicrotask(() => {
      if (this.#isLive && this.#listeners.has(listener)) listener.listening(missedUntil);
    });
  }

  /** Returns whether it was there. */
  delete(listener: ReleaseListener): boolean {
    return this.#listeners.delete(listener);
  }

  /** Releases are told from now on, if they were not before. */
  open(now: number): void {
    if (this.#isLive) return;
    this.#isLive = true;
    this.#missedUntil = now;
    for (const listener of this.#listeners) listener.listening(now);
  }

  /** None are told until it is open again. */
  shut(): void {
    if (!this.#isLive) return;
    this.#isLive = false;
    for (const listener of this.#listeners) listener.deaf();
  }

  tell(owner: string, now: number): void {
    this.#missedUntil = now;
    for (const listener of this.#listeners) listener.released(owner);
  }
}
