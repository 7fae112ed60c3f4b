import { setTimeout as sleep } from 'node:timers/promises';

/** Between two questions, in ms: each may cost a connection, and other tests need the processor too. */
const PAUSE = 5;

/** Asks again and again until the answer is not undefined. Bounded by the test's own timeout. */
export async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(PAUSE);
  }
}
