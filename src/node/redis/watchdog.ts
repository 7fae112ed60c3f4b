import type { Cancel, Clock } from '../../clock.ts';

/** A command that was sent. */
export interface Sent {
  /** In ms of the clock. */
  readonly sentAt: number;
}

export interface WatchdogPlan {
  readonly clock: Clock;
  /** How long a command may go without an answer, in ms. */
  readonly patience: number;
  /** The command that has been without an answer for longest. */
  readonly oldest: () => Sent | undefined;
  readonly onSilence: () => void;
}

/**
 * Watches one socket for commands that get no answer. When the oldest one has waited for `patience` ms it calls
 * `onSilence`, once.
 *
 * It looks twice, a tenth of `patience` apart: an event loop that was blocked runs its timers before it reads
 * the answers that arrived meanwhile.
 */
export class Watchdog {
  readonly #plan: WatchdogPlan;
  #suspect: Sent | undefined;
  #isDone = false;
  #cancelTimer: Cancel | undefined;

  constructor(plan: WatchdogPlan) {
    this.#plan = plan;
  }

  /** A command was sent. */
  sent(): void {
    if (!this.#cancelTimer && !this.#isDone) this.#arm(this.#plan.patience);
  }

  /** From now on nothing is watched. */
  stop(): void {
    this.#isDone = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #arm(delay: number): void {
    this.#cancelTimer = this.#plan.clock.after(delay, this.#look, 'background');
  }

  readonly #look = (): void => {
    this.#cancelTimer = undefined;
    const { clock, patience, oldest, onSilence } = this.#plan;
    const sent = oldest();
    if (!sent) return;
    const left = sent.sentAt + patience - clock.now();
    if (left > 0) {
      this.#arm(left);
    } else if (this.#suspect === sent) {
      this.#isDone = true;
      onSilence();
    } else {
      this.#suspect = sent;
      this.#arm(patience / 10);
    }
  };
}
