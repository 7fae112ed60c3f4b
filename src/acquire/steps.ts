import type { Cancel } from '../clock.ts';
import { RedlockError } from '../errors.ts';
import type { AcquireContext } from './acquire-context.ts';
import type { AcquireLoop, AcquirePlan } from './acquire-loop.ts';
import type { AttemptOutcome, Won } from './attempt.ts';

/** For how long a key may stay with one owner while others are held, in ms. */
const PATIENCE = 1_000;

/**
 * Takes the keys of one call one after the other, for a call that has lost its turn too often: it wants several keys, and others that want
 * only one of them are always faster. As all such calls take keys in the order of their names, none of them waits for another that waits for
 * it. But somebody may hold one of the keys, and acquire another in a call of its own: whoever waits for a key that does not change hands
 * gives back what it has.
 */
export class Steps {
  readonly #context: AcquireContext;
  readonly #plan: AcquirePlan;
  readonly #loopFor: (plan: AcquirePlan) => AcquireLoop;
  readonly #held: Won[] = [];
  /** Those whose extension is under way: there is one at a time for each. */
  readonly #extending = new Set<Won>();
  #loop: AcquireLoop | undefined;
  #cancelTimer: Cancel = () => {};
  #cancelWatch: Cancel = () => {};
  #isStuck = false;
  #over = false;

  constructor(context: AcquireContext, plan: AcquirePlan, loopFor: (plan: AcquirePlan) => AcquireLoop) {
    this.#context = context;
    this.#plan = plan;
    this.#loopFor = loopFor;
  }

  /** Whether it has given up, as a key did not change hands while it held others. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Resolves when each key is locked, by a lock of its own; once. Rejects if it is stuck. */
  async run(): Promise<void> {
    const { keys, resources } = this.#plan;
    const order = [...keys.keys()].sort((a, b) => ((keys[a] ?? '') < (keys[b] ?? '') ? -1 : 1));
    this.#extendLater();
    for (const index of order) {
      const one = { keys: keys.slice(index, index + 1), resources: resources.slice(index, index + 1) };
      this.#loop = this.#loopFor({ ...this.#plan, ...one });
      if (this.#held.length > 0) this.#watch(this.#loop);
      const won = await this.#take(this.#loop);
      this.#loop.end('kept');
      this.#held.push(won);
      if (this.#over) {
        this.end();
        throw new Error('the call has ended');
      }
    }
  }

  async #take(loop: AcquireLoop): Promise<Won> {
    const first = await new Promise<AttemptOutcome>((done) => loop.begin('standing back', done));
    if (first === 'abandoned') throw new Error('the call has ended');
    return first instanceof RedlockError ? await loop.wait(first, Number.POSITIVE_INFINITY) : first;
  }

  /** Releases the keys without serving their lines: an attempt to take all of them follows in the same command. */
  handOver(): void {
    this.#stop();
    for (const { lease } of this.#held.splice(0)) lease.release(this.#plan.nodeTimeout, true);
  }

  /** Gives back what it has, and waits for nothing any more. */
  end(): void {
    this.#stop();
    this.#loop?.end('unwanted');
    for (const { lease } of this.#held.splice(0)) lease.undo();
  }

  /** What was in the way may be gone. */
  call(): void {
    this.#loop?.call();
  }

  /** A node has begun to vote. */
  nodeVotes(): void {
    this.#loop?.nodeVotes();
  }

  #stop(): void {
    this.#over = true;
    this.#cancelTimer();
    this.#cancelWatch();
  }

  /** Looks from time to time whether the key changes hands, or the place in line. */
  #watch(loop: AcquireLoop): void {
    this.#cancelWatch();
    this.#cancelWatch = this.#context.clock.after(PATIENCE / 2, () => {
      if (loop !== this.#loop || this.#over) return;
      this.#isStuck = loop.unchangedFor >= PATIENCE;
      if (this.#isStuck) {
        loop.end('unwanted');
      } else {
        loop.call();
        this.#watch(loop);
      }
    });
  }

  /** The first keys are kept for as long as the last one is waited for. Should one be lost, the attempt to take all fails. */
  #extendLater(): void {
    const { ttl } = this.#plan;
    this.#cancelTimer = this.#context.clock.after(ttl / 3, () => {
      for (const won of this.#held) void this.#extend(won);
      if (!this.#over) this.#extendLater();
    });
  }

  async #extend(won: Won): Promise<void> {
    if (this.#extending.has(won)) return;
    this.#extending.add(won);
    await won.lease.extend(this.#plan.ttl, this.#plan.nodeTimeout).outcome;
    this.#extending.delete(won);
  }
}
