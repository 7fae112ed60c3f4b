export type Direction = 'up' | 'down';

/** A time in which a way lets nothing through, or is slower. */
export interface Disturbance {
  readonly from: number;
  readonly to: number;
  readonly direction: Direction | 'both';
  /** By how many ms each message is late; Infinity: it waits until the disturbance is over. */
  readonly delay: number;
}

export interface Latency {
  /** In ms. */
  readonly least: number;
  readonly span: number;
}

/** The way between a client and a server. What is cut off is not lost, as long as its connection lives: TCP sends it again. */
export class Way {
  readonly #latency: Latency;
  readonly #fraction: () => number;
  readonly #disturbances: Disturbance[] = [];

  constructor(latency: Latency, fraction: () => number) {
    this.#latency = latency;
    this.#fraction = fraction;
  }

  disturb(disturbance: Disturbance): void {
    this.#disturbances.push(disturbance);
  }

  /** When a message that leaves at `time` arrives. */
  arrival(direction: Direction, time: number): number {
    let at = time;
    for (const each of this.#disturbances) {
      if (!applies(each, direction, at)) continue;
      at = each.delay === Number.POSITIVE_INFINITY ? each.to : at + each.delay;
    }
    return at + this.#latency.least + this.#latency.span * this.#fraction();
  }

  /** Whether the way is cut at that time. */
  isCut(direction: Direction, time: number): boolean {
    return this.#disturbances.some(
      (each) => each.delay === Number.POSITIVE_INFINITY && applies(each, direction, time),
    );
  }
}

function applies(each: Disturbance, direction: Direction, time: number): boolean {
  return (each.direction === direction || each.direction === 'both') && each.from <= time && time < each.to;
}
