/** A holder as a process of its own, started by holder.ts: takes jobs, deposits money under a lock, says what it does. */
import { Redis } from 'ioredis';
import { type Lock, Redlock } from 'quorlock';
import { fencedCheck, fencedSet, StaleFencingTokenError } from 'quorlock/fencing';

export interface Job {
  /** URLs of the nodes that keep the lock. */
  readonly nodes: readonly string[];
  /** URL of the Redis that keeps the balance. */
  readonly store: string;
  readonly account: string;
  readonly deposit: number;
  /** Whether the store is shown the fencing token. */
  readonly guarded: boolean;
  /** Stops itself between its last look at the lock and its write. */
  readonly pauses: boolean;
  /** ms */
  readonly ttl: number;
}

export type HolderEvent =
  | { readonly kind: 'ready' }
  | { readonly kind: 'holds'; readonly fencingToken: number; readonly balance: number }
  | { readonly kind: 'wrote'; readonly balance: number; readonly state: Lock['state'] }
  | {
      readonly kind: 'refused';
      readonly fencingToken: number;
      readonly newest: number;
      readonly state: Lock['state'];
    }
  | { readonly kind: 'done' };

/** Resolves when the message is on its way, also if this process stops right afterwards. */
function say(event: HolderEvent): Promise<void> {
  return new Promise((resolve) => process.send?.(event, undefined, undefined, () => resolve()));
}

async function deposit({ account, deposit, guarded, pauses }: Job, lock: Lock, store: Redis): Promise<void> {
  const { fencingToken } = lock;
  // Before it reads: from now on, nobody earlier changes what it is about to read.
  if (guarded) await fencedCheck(store, account, fencingToken);
  const before = Number(await store.get(account));
  await say({ kind: 'holds', fencingToken, balance: before });
  const balance = before + deposit;

  lock.signal.throwIfAborted();
  // The lock is still held, so far. What a long garbage collection does, at the worst possible moment:
  if (pauses) process.kill(process.pid, 'SIGSTOP');
  try {
    if (guarded) await fencedSet(store, account, String(balance), fencingToken);
    else await store.set(account, balance);
    await say({ kind: 'wrote', balance, state: lock.state });
  } catch (error) {
    if (!(error instanceof StaleFencingTokenError)) throw error;
    await say({ kind: 'refused', fencingToken, newest: error.newest, state: lock.state });
  }
}

async function work(job: Job): Promise<void> {
  const redlock = new Redlock(job.nodes, { ttl: job.ttl, autoExtend: false });
  const store = new Redis(job.store);
  const lock = await redlock.acquire(job.account);
  await deposit(job, lock, store);
  await lock.release();
  await redlock.close();
  store.disconnect();
  await say({ kind: 'done' });
}

process.on('message', (job: Job) => void work(job));
// The parent is gone; what is locked expires.
process.once('disconnect', () => process.exit());
await say({ kind: 'ready' });
