/** What a process of the bench can be told to do. Times are in ms, of the clock that all processes share. */
export interface Verbs {
  /** Waits for a lock, and keeps it. */
  acquire(request: { resource: string; ttl: number }): Promise<{ heldAt: number }>;
  /** Replies a little later, so that the reply does not compete with what the release sets off. */
  release(request: { resource: string }): Promise<{ calledAt: number }>;
  /** How long each of so many acquisitions of a lock takes that nobody else wants. */
  alone(request: { resource: string; count: number; pause: number }): Promise<{ took: number[] }>;
  load(request: LoadRequest): Promise<LoadReply>;
  /** Lets so many wait for a lock that they do not get. */
  idle(request: { resource: string; waiters: number; ms: number }): Promise<{ commands: number }>;
  /** When each attempt of quorlock to get a lock was sent first. */
  attempts(request: object): Promise<{ times: number[] }>;
}

export interface LoadRequest {
  readonly resource: string;
  readonly clients: number;
  /** How long a lock is held. */
  readonly section: number;
  /** How long a client does without it afterwards. */
  readonly think: number;
  readonly from: number;
  readonly until: number;
  /** How long after the end a waiter is waited for. */
  readonly patience: number;
}

export interface Turn {
  readonly client: number;
  readonly calledAt: number;
  /** Infinity: it never got the lock. */
  readonly heldAt: number;
  readonly leftAt: number;
}

export interface LoadReply {
  readonly turns: readonly Turn[];
  readonly failures: readonly string[];
  /** What this process sent, to all nodes together. */
  readonly commands: number;
}
