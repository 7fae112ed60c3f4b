/** What an abort ends. */
interface Cancellable {
  cancel(reason: unknown): void;
}

interface Watched {
  readonly waiting: Set<Cancellable>;
  readonly listener: () => void;
}

/**
 * Which calls wait under which signal. One listener for each signal, however many they are: Node.js warns of a
 * leak on the console at the eleventh.
 */
export class Signals {
  readonly #watched = new Map<AbortSignal, Watched>();

  add(signal: AbortSignal, call: Cancellable): void {
    const watched = this.#watched.get(signal) ?? this.#watch(signal);
    watched.waiting.add(call);
    if (signal.aborted) call.cancel(signal.reason);
  }

  delete(signal: AbortSignal, call: Cancellable): void {
    const watched = this.#watched.get(signal);
    if (!watched?.waiting.delete(call) || watched.waiting.size > 0) return;
    signal.removeEventListener('abort', watched.listener);
    this.#watched.delete(signal);
  }

  #watch(signal: AbortSignal): Watched {
    const waiting = new Set<Cancellable>();
    const listener = (): void => {
      for (const call of waiting) call.cancel(signal.reason);
    };
    signal.addEventListener('abort', listener);
    const watched = { waiting, listener };
    this.#watched.set(signal, watched);
    return watched;
  }
}
