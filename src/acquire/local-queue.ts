/** So many times in a row a key is handed on within a process; then the first in line gets its turn. */
export const MOST_HAND_OVERS = 32;
/** The same if others are known to want it. */
export const MOST_CONTESTED_HAND_OVERS = 8;

/**
 * How a call comes to lead. `handed on`: this process has just released the keys for it, without serving a line. `standing
 * back`: the process has served the lines, and stands in them again in the same command.
 */
export type Lead = 'afresh' | 'handed on' | 'standing back';

/** A call that waits in the queues of all its keys. */
export interface Queued {
  readonly keys: readonly string[];
  /** Whether it has been told to. The queues' to write. */
  leads: boolean;
  /** It is first for all its keys, and none of them is held by this process: it may ask the nodes. Called once. */
  lead(how: Lead): void;
  /** While it leads: a lock of this process that may have been in its way has ended. */
  freed(): void;
}

interface Queue {
  /** How many times in a row the key was handed on. */
  handOvers: number;
  first: Queued | undefined;
  /** Those after the first: there are none for most keys. */
  others: Set<Queued> | undefined;
}

/**
 * The calls of one process that wait for locks: for each key, first come, first served. Only the first asks the nodes,
 * and nobody does while the process itself holds the key.
 */
export class LocalQueue {
  /** Of keys that calls wait for, or that were handed on to the lock that is on them. */
  readonly #queues = new Map<string, Queue>();
  /** How many locks of this process are on a key: more than one only if the first are over, and have not noticed. */
  readonly #held = new Map<string, number>();
  readonly #isContested: (keys: readonly string[]) => boolean;

  /** `isContested`: whether other processes want one of the keys. */
  constructor(isContested: (keys: readonly string[]) => boolean = () => false) {
    this.#isContested = isContested;
  }

  /** All keys in one go, so that of two calls none waits for the other on one key, and is waited for on another. */
  enter(call: Queued): void {
    for (const key of call.keys) {
      const queue = this.#at(key);
      if (queue.first) (queue.others ??= new Set()).add(call);
      else queue.first = call;
    }
    this.#lead(call, 'afresh');
  }

  /** The call has the lock, or no longer wants it. The next calls lead in a microtask, as they may be leaving at this moment too. */
  leave(call: Queued): void {
    for (const key of call.keys) this.#remove(call, this.#queues.get(key));
    call.leads = false;
    this.#tidy(call.keys);
    if (call.keys.some((key) => this.#next(key))) void this.#leadNext(call.keys);
  }

  async #leadNext(keys: readonly string[]): Promise<void> {
    // Not `nextTick` nor `queueMicrotask`: fake timers replace them.
    await Promise.resolve();
    for (const next of this.#first(keys)) this.#lead(next, 'afresh');
  }

  /** A lock of this process is on the keys from now on. */
  hold(keys: readonly string[]): void {
    for (const key of keys) this.#held.set(key, this.#locksOn(key) + 1);
  }

  /** Whether a lock of this process is on the key. */
  isHeld(key: string): boolean {
    return this.#held.has(key);
  }

  /** Whether all of these keys, held by one lock of this process, would be handed on if it ended now. */
  handsOn(keys: readonly string[]): boolean {
    return keys.every((key) => {
      const next = this.#next(key);
      return (
        next !== undefined &&
        !next.leads &&
        // Whoever wants more than these may not get it, and then nobody would have been told.
        next.keys.every((each) => keys.includes(each) && this.#next(each) === next) &&
        next.keys.every((each) => this.#locksOn(each) === 1) &&
        this.#mayHandOn(next)
      );
    });
  }

  /**
   * The lock has ended, and its release is on its way: what the next ones ask comes after that on each node. `isHandedOn`: that release
   * serves no line, see {@link handsOn}.
   */
  free(keys: readonly string[], isHandedOn: boolean): void {
    for (const key of keys) {
      const others = this.#locksOn(key) - 1;
      if (others > 0) this.#held.set(key, others);
      else this.#held.delete(key);
    }
    for (const next of this.#first(keys)) {
      if (next.leads) next.freed();
      else if (this.#mayLead(next)) this.#leadAfter(next, isHandedOn);
    }
    this.#tidy(keys);
  }

  #leadAfter(next: Queued, isHandedOn: boolean): void {
    for (const key of next.keys) {
      const queue = this.#at(key);
      queue.handOvers = isHandedOn ? queue.handOvers + 1 : 0;
    }
    this.#lead(next, isHandedOn ? 'handed on' : 'standing back');
  }

  #mayHandOn({ keys }: Queued): boolean {
    const most = this.#isContested(keys) ? MOST_CONTESTED_HAND_OVERS : MOST_HAND_OVERS;
    return keys.every((key) => this.#at(key).handOvers < most);
  }

  #remove(call: Queued, queue: Queue | undefined): void {
    if (!queue) return;
    if (queue.first === call) {
      queue.first = queue.others?.values().next().value;
      if (!queue.first) return;
      queue.others?.delete(queue.first);
    } else {
      queue.others?.delete(call);
    }
    if (queue.others?.size === 0) queue.others = undefined;
  }

  #locksOn(key: string): number {
    return this.#held.get(key) ?? 0;
  }

  #at(key: string): Queue {
    let queue = this.#queues.get(key);
    if (!queue) {
      queue = { handOvers: 0, first: undefined, others: undefined };
      this.#queues.set(key, queue);
    }
    return queue;
  }

  /** The calls that are first in the queue of one of these keys. */
  #first(keys: readonly string[]): readonly Queued[] {
    const first: Queued[] = [];
    for (const key of keys) {
      const next = this.#next(key);
      if (next && !first.includes(next)) first.push(next);
    }
    return first;
  }

  #next(key: string): Queued | undefined {
    return this.#queues.get(key)?.first;
  }

  #mayLead(call: Queued): boolean {
    return call.keys.every((key) => !this.isHeld(key) && this.#next(key) === call);
  }

  #lead(call: Queued, how: Lead): void {
    if (call.leads || !this.#mayLead(call)) return;
    call.leads = true;
    call.lead(how);
  }

  #tidy(keys: readonly string[]): void {
    for (const key of keys) {
      const queue = this.#queues.get(key);
      if (queue && !queue.first && !(queue.handOvers > 0 && this.isHeld(key))) this.#queues.delete(key);
    }
  }
}
