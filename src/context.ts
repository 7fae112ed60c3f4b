import { AsyncResource } from 'node:async_hooks';

/** What AsyncLocalStorage and tracers see as the current request: the asynchronous context of one call. */
export type Context = AsyncResource;

/** The context of the caller, to come back to later. It keeps the caller's stores alive. */
export function currentContext(): Context {
  return new AsyncResource('quorlock');
}

/** The context in which this module was loaded. It belongs to no call. */
const NEUTRAL = currentContext();

/**
 * Runs `act` in no call's context. Timers, sockets and commands that calls share are made here. If they were made in the
 * context of the call that needs them first, they would keep its stores alive for as long as they last, and its tracer
 * would record the work of other calls.
 */
export function inNeutralContext<T>(act: () => T): T {
  return NEUTRAL.runInAsyncScope(act);
}
