export interface Terms {
  /** For how long a lock is kept, in ms. */
  readonly ttl: number;
  /** Whether locks extend themselves. */
  readonly autoExtend: boolean;
}

/** A library, or a floor, with open connections to its nodes. */
export interface Contestant<Held = unknown> {
  /** Takes a resource that nobody holds. Resolves with what stands for the lock, and nothing around it. */
  acquire(resource: string): Promise<Held>;
  release(held: Held): Promise<unknown>;
  close(): Promise<unknown>;
}

export type Open = (urls: readonly string[], terms: Terms) => Promise<Contestant>;
