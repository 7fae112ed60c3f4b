import type { Appointment } from '../agenda.ts';
import type { Cancel } from '../clock.ts';
import { type Context, currentContext } from '../context.ts';
import { RedlockError, ResourceHeldError } from '../errors.ts';
import { list } from '../resources.ts';
import type { AcquireContext } from './acquire-context.ts';
import { AcquireLoop, type AcquirePlan, timeout } from './acquire-loop.ts';
import type { AttemptOutcome, Won } from './attempt.ts';
import type { Lead, LocalQueue, Queued } from './local-queue.ts';

/** What the calls of one process share. */
export interface WaitingRoom {
  readonly queue: LocalQueue;
  /** For how many ms a lock of this Redlock on the key is still valid; 0 if there is none. */
  heldFor(key: string): number;
}

/** A call that waits for a lock: first behind other calls of its process, then in line with other processes. */
export class PendingAcquire implements Queued, Appointment {
  /** Settles as soon as the call ends, even if an attempt is still in flight. The queue counts the keys of a lock as held then. */
  readonly result: Promise<Won>;
  readonly keys: readonly string[];
  /** When it gives up, in ms of the clock. */
  readonly due: number;
  leads = false;
  place = -1;
  readonly #shared: AcquireContext;
  readonly #room: WaitingRoom;
  readonly #plan: AcquirePlan;
  readonly #isSingle: boolean;
  /** The context of the call, if another call will let it lead. */
  #context: Context | undefined;
  #loop: AcquireLoop | undefined;
  #cancelDeadline: Cancel | undefined;
  #resolve!: (won: Won) => void;
  #reject!: (reason: unknown) => void;
  #over = false;

  constructor(shared: AcquireContext, room: WaitingRoom, plan: AcquirePlan) {
    const { keys, acquireTimeout, deadline, retry } = plan;
    this.keys = keys;
    this.due = deadline;
    this.#shared = shared;
    this.#room = room;
    this.#plan = plan;
    this.#isSingle = acquireTimeout === 0 || retry.retries === 0;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Waits for its turn in this process, and asks the nodes; called once. */
  start(): void {
    if (this.#isSingle) this.lead('afresh');
    else this.#room.queue.enter(this);
    if (this.#loop || this.#over) return;
    this.#context = currentContext();
    this.#plan.trace?.local();
    this.#cancelDeadline = this.#shared.clock.after(this.#plan.acquireTimeout, () => this.#giveUp());
  }

  /** Ends the waiting with `reason`; a lock that is being won at this moment is released again. */
  cancel(reason: unknown): void {
    if (this.#over) return;
    this.#reject(reason);
    this.#end('unwanted');
  }

  lead(how: Lead): void {
    this.#cancelDeadline?.();
    if (this.#context) this.#context.runInAsyncScope(() => this.#contend(how));
    else this.#contend(how);
  }

  #contend(how: Lead): void {
    const loop = new AcquireLoop(this.#shared, this.#plan);
    this.#loop = loop;
    try {
      if (this.#isSingle) loop.beginOnce((first) => this.#tried(loop, first));
      else loop.begin(how, (first) => this.#tried(loop, first));
    } catch (error) {
      this.cancel(error);
    }
  }

  #tried(loop: AcquireLoop, first: AttemptOutcome): void {
    if (first === 'abandoned') return;
    if (!(first instanceof RedlockError)) {
      this.#won(first);
      return;
    }
    const goesOn = this.#isSingle ? loop.insist(first) : loop.wait(first, this.#plan.retry.retries);
    goesOn.then(
      (won) => this.#won(won),
      (error: Error) => this.cancel(error),
    );
  }

  freed(): void {
    this.#loop?.call();
  }

  /** A node has begun to vote. */
  nodeVotes(): void {
    this.#loop?.nodeVotes();
  }

  #won(won: Won): void {
    if (this.#over) {
      won.lease.undo();
      return;
    }
    this.#room.queue.hold(this.keys);
    this.#resolve(won);
    this.#end('kept');
  }

  /** The time is up before the nodes could be asked. */
  #giveUp(): void {
    const { resources, keys } = this.#plan;
    const remaining = keys.map((key) => this.#room.heldFor(key));
    const held = resources.filter((_, index) => remaining[index]);
    const longest = Math.max(...remaining);
    const why =
      longest > 0
        ? `this Redlock itself holds ${list(held)}, for ${Math.ceil(longest)} ms more unless it is extended or released`
        : 'other calls of this Redlock that came before did not get it either';
    const message = `cannot lock ${list(resources)}: ${why}`;
    const error = new ResourceHeldError(message, [], longest > 0 ? longest : Number.POSITIVE_INFINITY);
    this.cancel(timeout(this.#plan, this.#plan.acquireTimeout, error));
  }

  #end(lock: 'kept' | 'unwanted'): void {
    this.#over = true;
    this.#cancelDeadline?.();
    if (!this.#isSingle) this.#room.queue.leave(this);
    this.#loop?.end(lock);
  }
}
