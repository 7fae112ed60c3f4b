import { Worker } from 'node:worker_threads';
import type { Hunt, Quarry } from './hunt.ts';

/** The program of a hunter. */
export const HUNT = 'test/support/mutants/hunt.ts';

/** Runs schedules in a thread of its own, over a bundled product. `onProgress` hears how many have been run. */
export function sendHunter(
  program: string,
  hunt: Hunt,
  onProgress: (run: number) => void = () => {},
): Promise<Quarry> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(program, { workerData: hunt });
    worker.on('message', (message: number | Quarry) => {
      if (typeof message === 'number') onProgress(message);
      else resolve(message);
    });
    worker.on('error', reject);
    worker.on('exit', (code) => reject(new Error(`the hunter ended with ${code} and brought nothing`)));
  });
}
