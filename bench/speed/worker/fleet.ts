import { fileURLToPath } from 'node:url';
import { Child } from '../../support/child.ts';
import type { Verbs } from './verbs.ts';

export type Worker = Child<Verbs>;

/** Runs `task` with processes that last as long as it does. */
export async function withWorkers<T>(
  count: number,
  task: (workers: readonly Worker[]) => Promise<T>,
): Promise<T> {
  // Programs of the bench are bundled: this one is beside whatever runs.
  const file = fileURLToPath(new URL('./worker.mjs', import.meta.url));
  const workers = Array.from({ length: count }, () => new Child<Verbs>(file, []));
  try {
    await Promise.all(workers.map((worker) => worker.started));
    return await task(workers);
  } finally {
    for (const worker of workers) worker.kill();
  }
}
