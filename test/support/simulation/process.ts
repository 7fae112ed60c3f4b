import type { Cancel, Clock } from '../../../src/clock.ts';
import type { Pause } from '../checker/history.ts';
import type { Host, Planned, Timeline } from './timeline.ts';

/** How late a timer comes on an idle event loop, in ms: never at its very instant, and not quite 1 ms. */
const TIMER_LATENESS = { least: 0.001, span: 0.9 } as const;
/** What wall clocks say at the start, in ms since 1970. */
export const WALL_ORIGIN = 1_700_000_000_000;
const WALL_CLOCKS = {
  agreeing: (origin: number, time: number): number => (origin % 20) + time,
  apart: (origin: number, time: number): number => (origin % 2_000) + time,
  stuck: (): number => 0,
} as const;
/** Whether wall clocks agree to within 20 ms, are seconds apart, or stand still. */
export type WallClock = keyof typeof WALL_CLOCKS;
/** Separates, among what waited for a paused process, timers from input. */
const INSTANT = 1e-9;

export interface ProcessPlan {
  readonly id: number;
  readonly timeline: Timeline;
  /** How fast its clock runs, in its own ms per true ms, and where it began. */
  readonly rate: number;
  readonly origin: number;
  readonly wallClock?: WallClock;
  /** Uniform in [0, 1). */
  readonly fraction: () => number;
  readonly pauses: Pause[];
}

/** An operating-system process with one event loop and its own clock: it can be paused, in the midst of its code too, and killed. */
export class Process implements Host {
  readonly id: number;
  readonly clock: Clock;
  /** The process whose code runs at this moment; what it does to globals is its own. */
  static current: Process | undefined;
  readonly #plan: ProcessPlan;
  #busyUntil = Number.NEGATIVE_INFINITY;
  #timersFirst = true;
  /** How far it is ahead of the timeline, because it was paused in the midst of what runs now. */
  #lead = 0;
  #stall: { reads: number; duration: number } | undefined;
  #wallOffset = 0;
  #killed = false;
  /** Called when what an event caused has run. */
  onTurn: () => void = () => {};

  constructor(plan: ProcessPlan) {
    this.id = plan.id;
    this.#plan = plan;
    this.clock = {
      now: () => this.#read(),
      wallTime: () => this.wallTime,
      after: (delay, callback) => this.#after(delay, callback),
    };
  }

  /** True time, as this process has got there. */
  get time(): number {
    return this.#plan.timeline.now + this.#lead;
  }

  /** The wall clock: about the same everywhere, until it is set back or forth. */
  get wallTime(): number {
    return (
      WALL_ORIGIN +
      WALL_CLOCKS[this.#plan.wallClock ?? 'agreeing'](this.#plan.origin, this.time) +
      this.#wallOffset
    );
  }

  get killed(): boolean {
    return this.#killed;
  }

  /** An instant of its own clock in true time. */
  toTrue(local: number): number {
    return (local - this.#plan.origin) / this.#plan.rate;
  }

  /** Plans input, or whatever else is not a timer. */
  at(time: number, run: () => void): Planned {
    return this.#plan.timeline.at(time, run, this);
  }

  /** Stops it for so long, between two events; its timers run first afterwards, or its input does. */
  pause(duration: number, timersFirst: boolean): void {
    this.#blockUntil(this.#plan.timeline.now, duration, false);
    this.#timersFirst = timersFirst;
  }

  /** Stops it for so long in the midst of its code: right after it has read its clock so many times. */
  stall(duration: number, reads: number): void {
    this.#stall = { duration, reads };
  }

  /** No stall that has not come yet comes any more. */
  calmDown(): void {
    this.#stall = undefined;
  }

  setWallClock(by: number): void {
    this.#wallOffset += by;
  }

  kill(): void {
    this.#killed = true;
  }

  enter(event: Planned): boolean {
    if (this.#killed) return false;
    const { timeline } = this.#plan;
    if (timeline.now < this.#busyUntil) {
      const after = event.timer === this.#timersFirst ? 0 : INSTANT;
      timeline.putOff(event, this.#busyUntil + after);
      return false;
    }
    this.#lead = 0;
    Process.current = this;
    event.run?.();
    return true;
  }

  leave(): void {
    this.onTurn();
    this.#lead = 0;
    Process.current = undefined;
  }

  #read(): number {
    const local = this.#toLocal(this.time);
    const stall = this.#stall;
    if (stall && stall.reads-- <= 0) {
      this.#stall = undefined;
      this.#blockUntil(this.time, stall.duration, true);
      this.#lead += stall.duration;
    }
    return local;
  }

  #blockUntil(from: number, duration: number, amid: boolean): void {
    const to = from + duration;
    if (to <= this.#busyUntil) return;
    this.#plan.pauses.push({ client: this.id, from: Math.max(from, this.#busyUntil), to, amid });
    this.#busyUntil = to;
  }

  #toLocal(time: number): number {
    return this.#plan.origin + time * this.#plan.rate;
  }

  #after(delay: number, callback: () => void): Cancel {
    if (delay === Number.POSITIVE_INFINITY) return () => {};
    const { timeline, fraction } = this.#plan;
    const lateness = TIMER_LATENESS.least + TIMER_LATENESS.span * fraction();
    const due = this.toTrue(this.#toLocal(this.time) + Math.max(0, delay)) + lateness;
    const event = timeline.at(due, callback, this, true);
    return () => {
      event.run = undefined;
    };
  }
}
