import TinyQueue from 'tinyqueue';

/** Something that is to happen at an instant of true time. */
export interface Planned {
  time: number;
  /** Equal instants come in the order planned. */
  order: number;
  run: (() => void) | undefined;
  /** In which process it happens, if in one; the world itself and its servers have no event loop. */
  readonly process: Host | undefined;
  /** Whether it is a timer of that process, rather than input. */
  readonly timer: boolean;
}

/** A process as the timeline sees it: something whose events come one at a time, and wait while it is paused. */
export interface Host {
  /** Whether the event runs now; otherwise it was put off or dropped. */
  enter(event: Planned): boolean;
  /** After the event, and all that promises and ticks made of it. */
  leave(): void;
}

const isBefore = (a: Planned, b: Planned): number => a.time - b.time || a.order - b.order;

/** True time, which nobody in the simulation can read but its record: it goes from event to event. */
export class Timeline {
  now = 0;
  #planned = 0;
  readonly #queue = new TinyQueue<Planned>([], isBefore);

  at(time: number, run: () => void, process?: Host, timer = false): Planned {
    const event = { time: Math.max(time, this.now), order: this.#planned++, run, process, timer };
    this.#queue.push(event);
    return event;
  }

  /** Plans an event anew, for later. */
  putOff(event: Planned, time: number): void {
    event.time = time;
    event.order = this.#planned++;
    this.#queue.push(event);
  }

  /** Goes on to the next event, and returns it. */
  next(): Planned | undefined {
    for (;;) {
      const event = this.#queue.pop();
      if (!event) return undefined;
      if (!event.run) continue;
      this.now = event.time;
      return event;
    }
  }

  /** What is still to come, in no order. */
  get pending(): readonly Planned[] {
    return this.#queue.data.filter(({ run }) => run !== undefined);
  }
}
