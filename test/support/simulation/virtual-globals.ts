import { Process } from './process.ts';

const { setImmediate, Date, Math, performance } = globalThis;
const wallTime = Date.now.bind(Date);
const random = Math.random.bind(Math);
const monotonicTime = performance.now.bind(performance);

/** The event loop's own, for the world itself. */
export const nextTurn: (run: () => void) => void = setImmediate;

/**
 * From now on, code of a simulated process that asks the machine for time, randomness or a turn of the event loop is
 * answered by the simulation. The rest of this process notices nothing. Undone by what it returns.
 */
export function virtualizeGlobals(): () => void {
  const immediate = (callback: (...args: unknown[]) => void, ...args: unknown[]): unknown => {
    const { current } = Process;
    if (!current) return setImmediate(callback, ...args);
    return current.at(current.time, () => callback(...args));
  };
  globalThis.setImmediate = immediate as typeof setImmediate;
  Date.now = () => Process.current?.wallTime ?? wallTime();
  performance.now = () => Process.current?.clock.now() ?? monotonicTime();
  Math.random = () => {
    if (Process.current) throw new Error('a simulated process drew a random number that has no seed');
    return random();
  };
  return () => {
    globalThis.setImmediate = setImmediate;
    Date.now = wallTime;
    performance.now = monotonicTime;
    Math.random = random;
  };
}
