/** A map that drops entries that have expired, each time one is set. */
export class ExpiringMap<V extends { readonly expiresAt: number }> {
  readonly #now: () => number;
  /** In the order in which they were set, which is nearly that in which they expire. */
  readonly #entries = new Map<string, V>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry && entry.expiresAt > this.#now()) return entry;
    // For good: a server's clock may be set back.
    this.#entries.delete(key);
    return undefined;
  }

  set(key: string, entry: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    const now = this.#now();
    for (const [oldest, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.#entries.delete(oldest);
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }

  /** The keys that have not expired. */
  keys(): string[] {
    return [...this.#entries.keys()].filter((key) => this.get(key));
  }
}
