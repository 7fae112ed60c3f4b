/** What a process of the bench can be told to do. Times are in ms, of the clock that all processes share. */
export interface Verbs {
  /** Waits for a lock, and keeps it. */
  acquire(request: { resource: string; ttl: number } & ByClient): Promise<{ heldAt: number }>;
  /** Replies a little later, so that the reply does not compete with what the release sets off. */
  release(request: { resource: string } & ByClient): Promise<{ calledAt: number }>;
  /** Calls `tryAcquire` at a given time, and keeps the lock if it gets it. */
  tryAt(request: { resource: string; ttl: number; at: number }): Promise<TryReply>;
  /** How long each of so many acquisitions of a lock takes that nobody else wants, and what they make this process send. */
  alone(request: {
    resource: string;
    count: number;
    pause: number;
  }): Promise<{ took: number[]; released: number[]; commands: number }>;
  load(request: LoadRequest): Promise<LoadReply>;
  /** What has come of the load so far. */
  turns(request: object): Promise<{ turns: readonly Turn[] }>;
  /** Resolves at a moment when all callers of the load are waiting, so that the process holds nothing. */
  onlyWaits(request: object): Promise<void>;
  /** From now on the process reaches no node any more, and no node it. */
  cutOff(request: object): Promise<void>;
  /** Each client of the process lets so many callers wait for a lock that they do not get. */
  idle(request: {
    resource: string;
    waiters: number;
    /** Until counting begins. */
    settle: number;
    ms: number;
  }): Promise<{ commands: number }>;
  /** When each attempt of quorlock to get a lock was sent first. */
  attempts(request: object): Promise<{ times: number[] }>;
}

/** Which of the clients of a process does it. */
interface ByClient {
  /** @default 0 */
  readonly client?: number;
}

export interface TryReply {
  readonly calledAt: number;
  readonly took: number;
  readonly result: 'lock' | 'null' | 'error';
  /** Of an error. */
  readonly message?: string;
}

export interface LoadRequest {
  readonly resource: string;
  /** Callers of each client of the process. */
  readonly clients: number;
  /** How long a lock is held. */
  readonly section: number;
  /** How long a caller does without it afterwards. */
  readonly think: number;
  readonly from: number;
  readonly until: number;
  /** How long after the end a waiter is waited for. */
  readonly patience: number;
  /** How often each caller gets the lock at most. @default Infinity */
  readonly turns?: number;
}

export interface Turn {
  readonly client: number;
  readonly calledAt: number;
  /** `Number.MAX_VALUE`: it never got the lock. */
  readonly heldAt: number;
  readonly leftAt: number;
}

export interface LoadReply {
  readonly turns: readonly Turn[];
  readonly failures: readonly string[];
  /** What this process sent, to all nodes together. */
  readonly commands: number;
}
