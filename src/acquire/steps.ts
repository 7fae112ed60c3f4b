import type { Cancel } from '../clock.ts';
import type { AcquireLoop, AcquirePlan } from './acquire-loop.ts';
import type { AcquireContext, Won } from './attempt.ts';

/**
 * Takes the keys of one call one after the other, for a call that has lost its turn too often: it wants several keys, and others that want
 * only one of them are always faster. As all such calls take keys in the order of their names, none of them waits for another that waits for
 * it; and all other calls hold nothing while they wait.
 */
export class Steps {
  readonly #context: AcquireContext;
  readonly #plan: AcquirePlan;
  readonly #loopFor: (plan: AcquirePlan) => AcquireLoop;
  readonly #held: Won[] = [];
  #loop: AcquireLoop | undefined;
  #cancelTimer: Cancel = () => {};
  #over = false;

  constructor(context: AcquireContext, plan: AcquirePlan, loopFor: (plan: AcquirePlan) => AcquireLoop) {
    this.#context = context;
    this.#plan = plan;
    this.#loopFor = loopFor;
  }

  /** Resolves when each key is locked, by a lock of its own; once. */
  async run(): Promise<void> {
    const { keys, resources } = this.#plan;
    const order = [...keys.keys()].sort((a, b) => ((keys[a] ?? '') < (keys[b] ?? '') ? -1 : 1));
    this.#extendLater();
    for (const index of order) {
      const one = { keys: keys.slice(index, index + 1), resources: resources.slice(index, index + 1) };
      this.#loop = this.#loopFor({ ...this.#plan, ...one });
      const won = await this.#loop.wait('standing back', Number.POSITIVE_INFINITY);
      this.#loop.end('kept');
      this.#held.push(won);
      if (this.#over) {
        this.end();
        throw new Error('the call has ended');
      }
    }
  }

  /** Releases the keys without serving their lines: an attempt to take all of them follows in the same command. */
  handOver(): void {
    this.#stop();
    for (const { lease } of this.#held.splice(0)) void lease.release(this.#plan.nodeTimeout, true);
  }

  /** Gives back what it has, and waits for nothing any more. */
  end(): void {
    this.#stop();
    this.#loop?.end('unwanted');
    for (const { lease } of this.#held.splice(0)) lease.undo();
  }

  #stop(): void {
    this.#over = true;
    this.#cancelTimer();
  }

  /** The first keys are kept for as long as the last one is waited for. Should one be lost, the attempt to take all fails. */
  #extendLater(): void {
    const { ttl, nodeTimeout } = this.#plan;
    this.#cancelTimer = this.#context.clock.after(ttl / 3, () => {
      for (const { lease } of this.#held) void lease.extend(ttl, nodeTimeout);
      if (!this.#over) this.#extendLater();
    });
  }
}
