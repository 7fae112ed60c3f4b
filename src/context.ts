import { AsyncResource } from 'node:async_hooks';
import type { Clock } from './clock.ts';

/** What AsyncLocalStorage and tracers see as the current request: the asynchronous context of one call. */
export type Context = AsyncResource;

/** The context of the caller, to come back to later. It keeps the caller's stores alive. */
export function currentContext(): Context {
  return new AsyncResource('quorlock');
}

/** That in which this module was loaded, which belongs to no call. */
const NEUTRAL = currentContext();

/**
 * Runs `act` in no call's context. What calls share is made here: timers, sockets, and the commands of many calls. Made in
 * the context of the call that happens to need it first, it would keep that call's stores alive for as long as it
 * lasts, and its tracer would take the work of others for its own.
 */
export function inNeutralContext<T>(act: () => T): T {
  return NEUTRAL.runInAsyncScope(act);
}

/** Of each clock one: what is known of a clock holds for all who use it. */
const neutralClocks = new WeakMap<Clock, Clock>();

/** The same clock, whose timers run in no call's context. */
export function neutralClock(clock: Clock): Clock {
  const known = neutralClocks.get(clock);
  if (known) return known;
  const neutral: Clock = {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    after: (delay, callback, background) => inNeutralContext(() => clock.after(delay, callback, background)),
  };
  neutralClocks.set(clock, neutral);
  return neutral;
}
