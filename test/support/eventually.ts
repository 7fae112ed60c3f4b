import { setTimeout as sleep } from 'node:timers/promises';

/** Between two questions, in ms: each may cost a connection, and other tests need the processor too. */
const PAUSE = 5;

/** The longest wait, in ms: shorter than a quarantine by the usual options, so that no test waits for the end of one by mistake. */
const PATIENCE = 30_000;

/** Asks again and again until the answer is not undefined. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const began = performance.now();
  while (performance.now() - began < PATIENCE) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(PAUSE);
  }
  throw new Error(`nothing came within ${PATIENCE / 1_000} s`);
}
