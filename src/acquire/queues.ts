/** A call that waits in the queues of all its keys. */
export interface Queued {
  readonly keys: readonly string[];
  /**
   * It is first for all its keys, and none of them is held by this process: it may ask the nodes. Called once. `handOvers`:
   * how many locks in a row have been handed on within this process, this time included; 0 if none was.
   */
  lead(handOvers: number): void;
  /** While it leads: a lock of this process that may have been in its way has ended. */
  freed(): void;
}

interface Queue {
  /** How many locks of this process are on the key: more than one only if the first are over, and have not noticed. */
  held: number;
  /** How many times in a row the key went from a lock of this process to a call of this process. */
  handOvers: number;
  readonly calls: Set<Queued>;
}

/**
 * The calls of one process that wait for locks: for each key, first come, first served. Only the first asks the nodes,
 * and nobody does while the process itself holds the key.
 */
export class Queues {
  readonly #queues = new Map<string, Queue>();
  readonly #leading = new Set<Queued>();

  /** All keys in one go, so that of two calls none waits for the other on one key, and is waited for on another. */
  enter(call: Queued): void {
    for (const key of call.keys) this.#at(key).calls.add(call);
    this.#lead(call, 0);
  }

  /** The call has got the lock, or does not want it any more. The next ones lead once the current operation is over: they may be leaving too. */
  leave(call: Queued): void {
    for (const key of call.keys) this.#queues.get(key)?.calls.delete(call);
    this.#leading.delete(call);
    this.#tidy(call.keys);
    process.nextTick(() => {
      for (const next of this.#first(call.keys)) this.#lead(next, 0);
    });
  }

  /** A lock of this process is on the keys from now on. */
  hold(keys: readonly string[]): void {
    for (const key of keys) this.#at(key).held++;
  }

  /** It has ended, and its release is on its way: what the next ones ask comes after that on each node. */
  free(keys: readonly string[]): void {
    for (const key of keys) {
      const queue = this.#at(key);
      queue.held--;
      queue.handOvers++;
    }
    for (const next of this.#first(keys)) {
      if (this.#leading.has(next)) next.freed();
      else this.#lead(next, Math.max(...next.keys.map((key) => this.#at(key).handOvers)));
    }
    this.#tidy(keys);
  }

  #at(key: string): Queue {
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = { held: 0, handOvers: 0, calls: new Set() };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  /** The calls that are first in the queue of one of these keys. */
  #first(keys: readonly string[]): Set<Queued> {
    return new Set(keys.flatMap((key) => this.#queues.get(key)?.calls.values().next().value ?? []));
  }

  #lead(call: Queued, handOvers: number): void {
    const isFirst = call.keys.every((key) => {
      const queue = this.#queues.get(key);
      return queue?.held === 0 && queue.calls.values().next().value === call;
    });
    if (!isFirst || this.#leading.has(call)) return;
    this.#leading.add(call);
    call.lead(handOvers);
  }

  #tidy(keys: readonly string[]): void {
    for (const key of keys) {
      const queue = this.#queues.get(key);
      if (queue?.held === 0 && queue.calls.size === 0) this.#queues.delete(key);
    }
  }
}
