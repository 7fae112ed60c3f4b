import { Child } from '../../support/child.ts';
import type { Verbs } from './verbs.ts';

/** A process that runs `main.ts` of this folder. */
export type Worker = Child<Verbs>;

/** What the processes of a measurement run. */
export interface Crew {
  readonly contestant: string;
  readonly processes: number;
  /** How many clients of the contestant's library each process opens. @default 1 */
  readonly clients?: number;
  /** Where a process finds the nodes. @default the servers of the setting */
  readonly urls?: (process: number) => readonly string[];
}

/** The arguments of a process, as JSON. */
export interface Arguments {
  readonly contestant: string;
  readonly seed: number;
  readonly clients: number;
  readonly urls: readonly string[];
}

/** Starts processes, and ends them. */
export class Fleet {
  readonly #fileOf: (contestant: string) => string;
  readonly #urls: readonly string[];
  readonly #running = new Set<Worker>();
  #seed: number;

  /** Each process draws its jitter from a seed of its own, beginning with `seed`. */
  constructor(fileOf: (contestant: string) => string, urls: readonly string[], seed: number) {
    this.#fileOf = fileOf;
    this.#urls = urls;
    this.#seed = seed;
    process.on('exit', () => this.#end());
  }

  /** Runs `task` with processes that last as long as it does. */
  async with<T>(crew: Crew, task: (workers: readonly Worker[]) => Promise<T>): Promise<T> {
    const workers = Array.from({ length: crew.processes }, (_, process) => this.#start(crew, process));
    try {
      await Promise.all(workers.map((worker) => worker.started));
      return await task(workers);
    } finally {
      for (const worker of workers) worker.kill();
      // What is measured next must not share the processors with what ends here.
      await Promise.all(workers.map((worker) => worker.ended()));
      for (const worker of workers) this.#running.delete(worker);
    }
  }

  #start({ contestant, clients = 1, urls = () => this.#urls }: Crew, process: number): Worker {
    const args: Arguments = { contestant, seed: this.#seed++, clients, urls: urls(process) };
    const worker = new Child<Verbs>(this.#fileOf(contestant), [JSON.stringify(args)]);
    this.#running.add(worker);
    return worker;
  }

  #end(): void {
    for (const worker of this.#running) worker.kill();
  }
}
