import { afterReading, type Cancel, type Clock } from './clock.ts';

/** Some time, which ends early if a signal aborts. Somebody has to `end` it. */
export class Patience {
  readonly over: Promise<undefined>;
  readonly #signal: AbortSignal | undefined;
  readonly #cancel: Cancel | undefined;
  #resolve!: (nothing: undefined) => void;

  constructor(clock: Clock, duration: number, signal: AbortSignal | undefined) {
    this.over = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#signal = signal;
    if (signal?.aborted) {
      this.end();
      return;
    }
    this.#cancel = afterReading(clock, duration, this.end);
    signal?.addEventListener('abort', this.end);
  }

  readonly end = (): void => {
    this.#cancel?.();
    this.#signal?.removeEventListener('abort', this.end);
    this.#resolve(undefined);
  };
}
