/**
 * A value that is decided once. Whoever needs it at once is called back; a promise is made only for those who ask for one, because a lock that
 * is free takes hardly longer than the promises of its rounds would.
 */
export class Decision<T> {
  #value: T | undefined;
  #isDecided = false;
  #callback: ((value: T) => void) | undefined;
  #promise: Promise<T> | undefined;

  /** Calls back with the value, at once if it is there. For one caller. */
  whenDecided(callback: (value: T) => void): void {
    if (this.#isDecided) callback(this.#value as T);
    else this.#callback = callback;
  }

  /** In place of {@link whenDecided}. */
  get outcome(): Promise<T> {
    this.#promise ??= new Promise((resolve) => this.whenDecided(resolve));
    return this.#promise;
  }

  /** Whether there is no value yet. */
  protected get isUndecided(): boolean {
    return !this.#isDecided;
  }

  protected decideOn(value: T): void {
    this.#isDecided = true;
    const callback = this.#callback;
    // What is decided must not be kept alive by an object that has grown old meanwhile.
    this.#callback = undefined;
    if (callback) callback(value);
    else this.#value = value;
  }
}
