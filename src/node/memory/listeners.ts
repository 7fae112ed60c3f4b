import type { ReleaseListener } from '../lock-node.ts';

/** Who listens for the releases of which key. */
export class Listeners {
  readonly #byKey = new Map<string, Set<ReleaseListener>>();

  /** Whether anybody does. */
  has(key: string): boolean {
    return this.#byKey.has(key);
  }

  of(key: string): readonly ReleaseListener[] {
    return [...(this.#byKey.get(key) ?? [])];
  }

  add(key: string, listener: ReleaseListener): void {
    const listeners = this.#byKey.get(key);
    if (listeners) listeners.add(listener);
    else this.#byKey.set(key, new Set([listener]));
  }

  delete(key: string, listener: ReleaseListener): void {
    const listeners = this.#byKey.get(key);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#byKey.delete(key);
  }
}
