import { type ChildProcess, fork } from 'node:child_process';
import type { Answer, Reply, Request, Verb } from './verbs.ts';

const TO_START = 20_000;

/** A process that runs `main.ts` of this folder. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #pending = new Map<
    number,
    { resolve: (reply: unknown) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
  >();
  #calls = 0;

  constructor(file: string, args: readonly string[]) {
    this.#child = fork(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (message: Answer) => this.#settle(message));
    this.#child.on('exit', () => {
      for (const id of this.#pending.keys()) this.#settle({ id, error: 'the process has ended' });
    });
  }

  get started(): Promise<void> {
    return this.#answer(0, TO_START) as Promise<void>;
  }

  /** Rejects if it takes longer than `patience` in ms: peers may hang. */
  call<V extends Verb>(verb: V, request: Request<V>, patience = 15_000): Promise<Reply<V>> {
    const id = ++this.#calls;
    this.#child.send({ id, verb, request });
    return this.#answer(id, patience) as Promise<Reply<V>>;
  }

  /** Without a chance to release anything. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #answer(id: number, patience: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`no answer within ${patience / 1_000} s`));
      }, patience);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  #settle({ id, reply, error }: Answer): void {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    if (error === undefined) waiting.resolve(reply);
    else waiting.reject(new Error(error));
  }
}

/** Starts processes, and ends them. */
export class Fleet {
  readonly #file: string;
  readonly #urls: readonly string[];
  readonly #running = new Set<Worker>();
  #seed: number;

  /** Each process draws its jitter from a seed of its own, beginning with `seed`. */
  constructor(file: string, urls: readonly string[], seed: number) {
    this.#file = file;
    this.#urls = urls;
    this.#seed = seed;
    process.on('exit', () => this.#end());
  }

  /** Runs `task` with processes that last as long as it does. */
  async with<T>(name: string, count: number, task: (workers: readonly Worker[]) => Promise<T>): Promise<T> {
    const workers = Array.from(
      { length: count },
      () => new Worker(this.#file, [name, `${this.#seed++}`, ...this.#urls]),
    );
    for (const worker of workers) this.#running.add(worker);
    try {
      await Promise.all(workers.map((worker) => worker.started));
      return await task(workers);
    } finally {
      for (const worker of workers) {
        worker.kill();
        this.#running.delete(worker);
      }
    }
  }

  #end(): void {
    for (const worker of this.#running) worker.kill();
  }
}
