/** What a promise has come to, once everything that is due has run. */
export async function peek<T>(promise: Promise<T>): Promise<PromiseSettledResult<T> | 'pending'> {
  const pending = new Promise<'pending'>((resolve) => setImmediate(resolve, 'pending'));
  const settled = promise.then(
    (value): PromiseFulfilledResult<T> => ({ status: 'fulfilled', value }),
    (reason: unknown): PromiseRejectedResult => ({ status: 'rejected', reason }),
  );
  return Promise.race([settled, pending]);
}

/** The reason of a promise that is expected to be rejected. */
export async function rejectionOf(promise: Promise<unknown>): Promise<unknown> {
  const outcome = await promise.then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
  if (!outcome) throw new Error('expected a rejection');
  return outcome.reason;
}

/** Lets all that is due run: microtasks, ticks and immediates. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
