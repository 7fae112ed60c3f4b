/** One answer in which a server has reported its time. All in ms; the first two by the client's monotonic clock. */
export interface TimeReport {
  /** When the request left, or earlier. */
  readonly sentAt: number;
  /** When the answer was there, or later. */
  readonly receivedAt: number;
  /** The server's wall clock, some time between the two, in ms since 1970. */
  readonly time: number;
}

/** A server's wall clock was set, rather than slewed. */
export interface ClockJump {
  readonly direction: 'forward' | 'backward';
  /** By how many ms at least. */
  readonly by: number;
}

/** How far a server's wall clock is ahead of the client's monotonic clock, in ms: at least `low`, at most `high`. */
export interface Lead {
  readonly low: number;
  readonly high: number;
  /** When it was so, in ms of the monotonic clock: from `since` to `until`. */
  readonly since: number;
  readonly until: number;
}

/** For how long earlier reports are compared with new ones, in ms. */
const WINDOW = 60_000;

/** How many of them are kept. */
const MOST = 64;

/** How fast two clocks may run apart without a jump: twice what NTP slews. */
export const LARGEST_RATE_ERROR = 0.001;

/** The precision of a time in ms since 1970 as a double, and of TIME, with room to spare. */
const PRECISION = 0.01;

/** What one report says of the server's clock. A slow answer widens the bounds, but does not make them wrong. */
export function leadOf({ sentAt, receivedAt, time }: TimeReport): Lead {
  return { low: time - receivedAt, high: time - sentAt, since: sentAt, until: receivedAt };
}

/**
 * Notices that a server's wall clock has jumped, by the times that the server reports. A jump is certain when the newest bounds cannot be
 * joined to some earlier ones, even if the two clocks have run apart by 0.1 % since then. Jumps that are smaller than that, or than the
 * round trip, are not noticed; nor is a jump without a report in the minute before it.
 */
export class ClockWatch {
  #earlier: Lead[] = [];

  /** The server has reported its time; returns the jump that this shows. Reports are in the order of their answers. */
  heard(report: TimeReport): ClockJump | undefined {
    const lead = leadOf(report);
    const jump = this.#jumpTo(lead);
    if (jump) this.#earlier = [];
    if (this.#earlier.length >= MOST) this.#earlier = this.#earlier.filter((_, index) => index % 2 === 0);
    this.#earlier.push(lead);
    return jump;
  }

  #jumpTo({ low, high, since, until }: Lead): ClockJump | undefined {
    while (this.#earlier[0] && this.#earlier[0].since < since - WINDOW) this.#earlier.shift();
    let forward = 0;
    let backward = 0;
    for (const each of this.#earlier) {
      const slack = LARGEST_RATE_ERROR * (until - each.since) + PRECISION;
      forward = Math.max(forward, low - each.high - slack);
      backward = Math.max(backward, each.low - high - slack);
    }
    if (forward === 0 && backward === 0) return undefined;
    return forward >= backward
      ? { direction: 'forward', by: forward }
      : { direction: 'backward', by: backward };
  }
}
