import { Child } from '../../support/child.ts';
import type { Verbs } from './verbs.ts';

/** A process that runs `main.ts` of this folder. */
export type Worker = Child<Verbs>;

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
      () => new Child<Verbs>(this.#file, [name, `${this.#seed++}`, ...this.#urls]),
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
