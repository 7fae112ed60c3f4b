type Act = (...args: unknown[]) => void;

/**
 * Runs what reads, and catches what it throws, also in ticks that it plans: ioredis 6 rethrows in the next tick what is thrown while
 * it handles a reply, where nobody else could catch it.
 */
export function readWithTicks(read: () => void, fail: (error: unknown) => void): void {
  const attempt = (act: Act, ...args: unknown[]): void => {
    try {
      act(...args);
    } catch (error) {
      fail(error);
    }
  };
  const outer: typeof process.nextTick = Reflect.get(process, 'nextTick');
  const nextTick = outer.bind(process);
  let isReading = true;
  process.nextTick = (act: (...args: never[]) => void, ...args: unknown[]): void => {
    // Somebody may keep this function.
    if (isReading) nextTick(attempt, act, ...args);
    else nextTick(act, ...args);
  };
  try {
    attempt(read);
  } finally {
    isReading = false;
    process.nextTick = outer;
  }
}
