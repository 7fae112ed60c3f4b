/** An event as the reduction sees it; sets of objects have one bit for each. */
export interface Effect {
  /** The objects that it reads or changes. */
  readonly objects: number;
  /** Those that it changes in such a way that events of the same kind come to the same in any order, as votes do. */
  readonly shared: number;
  readonly kind: string;
  /** Which earlier event made it possible, by its place in the execution; −1 if it has always been. */
  readonly after: number;
}

/** A process that can go on. */
export interface Enabled {
  readonly process: string;
  /** Objects that its next event may touch at most; what takes its chance away has to touch one of them. */
  readonly reach: number;
}

/** Whether the order of two events matters. */
export function areDependent(one: Effect, other: Effect): boolean {
  if ((one.objects & (other.objects | other.shared)) !== 0 || (one.shared & other.objects) !== 0) return true;
  return (one.shared & other.shared) !== 0 && one.kind !== other.kind;
}

interface Event extends Effect {
  readonly process: string;
  /** Which of the earlier events happen before this one. */
  readonly past: Uint8Array;
}

interface State {
  readonly enabled: readonly Enabled[];
  /** The sleep set: processes whose next event, with its effect, needs no look here, because every execution that begins with it is known. */
  readonly sleep: Map<string, Effect>;
  /** The source set, as far as it is known: processes that have to be tried here. */
  readonly backtrack: Set<string>;
  chosen: string;
  event: Event | undefined;
}

/**
 * Which executions of a concurrent system have to be run so that every Mazurkiewicz trace (executions that differ
 * only in the order of independent events) is run exactly once: source-DPOR with sleep sets. It keeps no state of the
 * system: each execution starts from the beginning, and is told what to do next. A process is whatever has one next
 * event at most, such as a channel.
 *
 * @see Abdulla, Aronis, Jonsson, Sagonas: Optimal Dynamic Partial Order Reduction, POPL 2014, https://doi.org/10.1145/2535838.2535845
 * @see Flanagan, Godefroid: Dynamic Partial-Order Reduction for Model Checking Software, POPL 2005, https://doi.org/10.1145/1040305.1040315
 */
export class Exploration {
  readonly #states: State[] = [];
  #depth = 0;

  /** Which process goes on; undefined if none can, or if all that can are asleep: nothing new would come of it. */
  choose(enabled: readonly Enabled[]): string | undefined {
    const known = this.#states[this.#depth];
    if (known) {
      if (!includes(enabled, known.chosen)) throw new Error(`${known.chosen} cannot go on as it did before`);
      return known.chosen;
    }
    this.#retry(enabled);
    const sleep = this.#stillAsleep();
    const chosen = enabled.find(({ process }) => !sleep.has(process))?.process;
    if (chosen === undefined) return undefined;
    this.#states.push({ enabled, sleep, backtrack: new Set([chosen]), chosen, event: undefined });
    return chosen;
  }

  /** Tells what the event of the process chosen was. */
  performed(effect: Effect): void {
    const at = this.#depth++;
    const state = this.#states[at] as State;
    if (state.event) {
      const { objects, shared, kind } = state.event;
      if (effect.objects !== objects || effect.shared !== shared || effect.kind !== kind)
        throw new Error(`${state.chosen} does not do what it did before`);
      return;
    }
    const event: Event = { ...effect, process: state.chosen, past: new Uint8Array(at) };
    state.event = event;
    // All races of an event are known before any is reversed: that takes its whole past.
    for (const other of this.#order(event, at)) this.#reverse(other, event, at);
  }

  /** Ends an execution; false when there is no other. */
  next(): boolean {
    this.#depth = 0;
    for (;;) {
      const state = this.#states.at(-1);
      if (!state) return false;
      if (state.event) state.sleep.set(state.chosen, state.event);
      const next = [...state.backtrack].find((process) => !state.sleep.has(process));
      if (next !== undefined) {
        state.chosen = next;
        state.event = undefined;
        return true;
      }
      this.#states.pop();
    }
  }

  /** The execution so far: whose turn it was. */
  get order(): string[] {
    return this.#states.slice(0, this.#depth).map(({ chosen }) => chosen);
  }

  #event(at: number): Event {
    return this.#states[at]?.event as Event;
  }

  /** Who sleeps on, now that the last event has happened: whoever is independent of it. */
  #stillAsleep(): Map<string, Effect> {
    const last = this.#states.at(-1);
    if (!last?.event) return new Map();
    const { event } = last;
    return new Map([...last.sleep].filter(([, effect]) => !areDependent(effect, event)));
  }

  /**
   * What could have happened before the last event, and cannot any more, is in a race with whatever has come before as
   * if it had happened now: no execution in which it does happen need come up otherwise.
   */
  #retry(enabled: readonly Enabled[]): void {
    const at = this.#states.length;
    const last = this.#states.at(-1);
    for (const { process, reach } of last?.enabled ?? []) {
      if (process === last?.chosen || includes(enabled, process)) continue;
      const event: Event = {
        process,
        objects: reach,
        shared: 0,
        kind: '',
        after: -1,
        past: new Uint8Array(at),
      };
      for (const other of this.#order(event, at)) this.#reverse(other, event, at);
    }
  }

  /** Finds out what happens before an event, and with which of the others it is in a race. */
  #order(event: Event, at: number): number[] {
    const { past, after, process } = event;
    const races: number[] = [];
    for (let i = at - 1; i >= 0; i--) {
      // What happens before an event in between is not in a race with this one.
      if (past[i] === 1) continue;
      const other = this.#event(i);
      const causes = i === after || other.process === process;
      if (!causes && !areDependent(other, event)) continue;
      past[i] = 1;
      other.past.forEach((happensBefore, j) => {
        if (happensBefore === 1) past[j] = 1;
      });
      if (!causes) races.push(i);
    }
    return races;
  }

  /** Sees to it that the two of a race are tried in the other order as well. */
  #reverse(first: number, second: Event, at: number): void {
    const { enabled, backtrack, sleep } = this.#states[first] as State;
    // What can happen without the first, and then the second: one of the initials of that has to be tried.
    const without: number[] = [];
    for (let i = first + 1; i < at; i++) if (this.#event(i).past[first] !== 1) without.push(i);
    const isInitial = ({ past }: Event, n: number): boolean =>
      !without.some((other, m) => m < n && past[other] === 1);
    const initials = [...without.map((i) => this.#event(i)), second].filter(isInitial);
    if (initials.some(({ process }) => backtrack.has(process) || sleep.has(process))) return;
    // Where the first is what enables the second, there is no other order.
    const chosen = initials.findLast(({ process }) => includes(enabled, process));
    if (chosen) backtrack.add(chosen.process);
  }
}

function includes(enabled: readonly Enabled[], process: string): boolean {
  return enabled.some((each) => each.process === process);
}
