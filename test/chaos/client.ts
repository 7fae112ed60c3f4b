import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import type { RecorderOptions } from './recorder.ts';
import type { Seen, Written } from './store.ts';

/** What a client's process is told before it begins. */
export interface Job extends Omit<RecorderOptions, 'random' | 'write'> {
  readonly seed: number;
  /** The file of its log. */
  readonly log: string;
  readonly resources: readonly string[];
  readonly callers: number;
}

/** What a client asks of the store, as it holds the lock. */
export type Request =
  | { readonly do: 'read'; readonly resource: string; readonly fencingToken: number }
  | { readonly do: 'write'; readonly resource: string; readonly fencingToken: number; readonly seen: Seen };

export interface Answer {
  readonly id: number;
  readonly answer: Seen | Written;
}

/** How long a process may take to be ready, and to finish after it was told to, in ms. */
const START_PATIENCE = 30_000;

type Told = 'ready' | 'idle' | { readonly id: number; readonly request: Request };

/** A client's process, as the harness sees it. */
export class Client {
  readonly job: Job;
  readonly #child: ChildProcess;
  readonly #idle: Promise<void>;
  readonly #closed: Promise<unknown>;
  #isOver = false;
  #onRead: (() => void) | undefined;

  private constructor(job: Job, child: ChildProcess, serve: (request: Request) => Answer['answer']) {
    this.job = job;
    this.#child = child;
    // Not 'exit', after which messages can still arrive.
    this.#closed = once(child, 'close').then(() => {
      this.#isOver = true;
    });
    this.#idle = new Promise((resolve) => {
      child.on('message', (told: Told) => {
        if (told === 'idle') resolve();
        else if (told !== 'ready') {
          this.#send({ id: told.id, answer: serve(told.request) });
          if (told.request.do === 'read') this.#onRead?.();
        }
      });
      void this.#closed.then(() => resolve());
    });
  }

  /** Resolves when its process works. */
  static async start(
    program: string,
    job: Job,
    serve: (request: Request) => Answer['answer'],
  ): Promise<Client> {
    const child = fork(program, { execArgv: [] });
    children.add(child);
    child.once('exit', () => children.delete(child));
    await once(child, 'message', { signal: AbortSignal.timeout(START_PATIENCE) });
    const client = new Client(job, child, serve);
    client.#send(job);
    return client;
  }

  /** Resolves when it is gone, whatever the reason. */
  get closed(): Promise<unknown> {
    return this.#closed;
  }

  /** Resolves when it has just read from the store, and so holds a lock and is about to write; or after `patience` ms. */
  async holding(patience: number): Promise<void> {
    const read = new Promise<void>((resolve) => {
      this.#onRead = resolve;
    });
    await Promise.race([read, this.#closed, delay(patience)]);
    this.#onRead = undefined;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  /** It makes no new calls; resolves when all calls have settled, or it is gone. */
  async stop(): Promise<void> {
    this.#send('stop');
    await this.#idle;
  }

  /** After {@link stop}. */
  async close(): Promise<void> {
    this.#send('close');
    await this.#closed;
  }

  #send(message: Job | Answer | 'stop' | 'close'): void {
    if (!this.#isOver && this.#child.connected) this.#child.send(message, () => {});
  }
}

const children = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
