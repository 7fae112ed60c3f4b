import type { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { diag } from '@opentelemetry/api';
import type { PublishedEvents, UsingEvent } from '../tracing.ts';

/** Subscriptions to channels, which end together. Nothing that they call throws: the errors go to the diagnostic logger of OpenTelemetry. */
export class Subscriptions {
  readonly #ends: (() => void)[] = [];

  /** Calls `act` with what the channel publishes. */
  on<K extends keyof PublishedEvents>(channel: K, act: (event: PublishedEvents[K]) => void): void {
    const listener = guarded((event: unknown) => act(event as PublishedEvents[K]));
    subscribe(channel, listener);
    this.finally(() => void unsubscribe(channel, listener));
  }

  /** Each `using` runs in the store, with the value that `enter` returns. */
  aroundUsing<T>(store: AsyncLocalStorage<T>, enter: (event: UsingEvent) => T): void {
    const { start } = tracingChannel('quorlock:using');
    start.bindStore(store, (event) => enter(event as UsingEvent));
    this.finally(() => void start.unbindStore(store));
  }

  /** Called when the subscriptions end, before those that were made earlier. */
  finally(act: () => void): void {
    this.#ends.push(act);
  }

  /** Idempotent. */
  end(): void {
    for (const act of this.#ends.splice(0).toReversed()) guarded(act)();
  }
}

/** The same, but it logs errors instead of throwing them. */
function guarded<T extends unknown[]>(act: (...args: T) => void): (...args: T) => void {
  return (...args) => {
    try {
      act(...args);
    } catch (error) {
      diag.error('quorlock: an event could not be recorded', error);
    }
  };
}
