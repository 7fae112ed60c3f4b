/** Gives a lock back; resolves when whoever holds it may go on. */
export type Release = () => Promise<unknown>;

/** What the bench needs of a library; one of them serves all waiters of a process. */
export interface LockClient {
  /** Waits for as long as it takes. */
  acquire(resource: string, ttl: number): Promise<Release>;
  /** Does not wait. null: somebody else holds it. */
  tryAcquire?(resource: string, ttl: number): Promise<Release | null>;
}
