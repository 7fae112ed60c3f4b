import type { Clock } from '../../clock.ts';
import { inNeutralContext } from '../../context.ts';
import { concernsAll, isForbidden, ranNothing, replyTo } from '../failure.ts';
import type { NoAnswer } from '../lock-node.ts';
import type { Admissions } from './admissions.ts';
import { type Batch, type BatchRules, batchesOf, MOST_OPERATIONS } from './batches.ts';
import { decode } from './decode.ts';
import { type Detour, Detours, inVain } from './detours.ts';
import { type Encoder, ScriptInput } from './encode.ts';
import { ForbiddenKeys, isAboutKeys } from './forbidden-keys.ts';
import type { Form, Operation } from './operation.ts';
import { Pace } from './pace.ts';
import type { Master, RedisConnection } from './redis-connection.ts';
import { allButGrants } from './scripts/script.ts';
import type { ServerClocks } from './server-clocks.ts';

export interface CommandQueuePlan {
  readonly connection: RedisConnection;
  readonly admissions: Admissions;
  readonly clocks: ServerClocks;
  readonly clock: Clock;
  readonly encoder: Encoder;
  /** What all keys begin with. */
  readonly keyPrefix: string;
  /** How an error that a server answered counts as a reply. */
  readonly replyTo: (error: Error, maybeExecuted: boolean, key?: string) => NoAnswer;
  /** The server has granted or denied a lock on this key. */
  readonly voted: (key: string) => void;
  /** The nodes that keep this one from being recognised as new, if it may be. */
  readonly awaited: () => readonly string[] | undefined;
  /** Finds out which masters vote. */
  readonly look: () => Promise<void>;
  /** A master was found to vote, by a vote of its. */
  readonly votes: () => void;
  /** The server was demoted. */
  readonly readonly: (error: Error) => void;
  /** Nothing waits any more. */
  readonly idle: () => void;
}

/** How many operations may be without an answer before new grants are turned away. */
const MOST_UNANSWERED = 20_000;

/** How long an operation waits while its keys are moved, in ms. */
const NEXT_TRY = 20;

/** How many times in a row a missing script is loaded without a pause. */
const FREE_LOADS = 3;

/** What share of a measurement counts in the moving average. */
const DECAY = 1 / 8;

/** What a server in quarantine answers to a repair of keys that do not all exist. */
const NOT_REPAIRED = 'missing';
const UNSEEN = new Error('the server could not be looked at, or has lost its scripts again');
const LOST = new Error('the connection was lost before it could be sent');
const MISCOUNTED = new Error('the server answered another number of operations than it was asked for');
const UNWANTED = new Error('its round was decided before it could be sent');

/** Only a server that remembers may give or deny a lock, and say that a key is free. */
function isVote({ verb }: Operation): boolean {
  return verb === 'grant' || verb === 'inspect';
}

/**
 * The way of operations to one server: what is added in one tick leaves as one command, in order, and each
 * operation gets its own reply. Nothing that may have been executed is ever sent again.
 */
export class CommandQueue {
  readonly #plan: CommandQueuePlan;
  #queue: Operation[] = [];
  /** What did not run for want of the script, by the server that is being given it: goes again before anything newer. */
  readonly #again = new Map<Master, Operation[]>();
  /** Votes of masters that have to be looked at. */
  readonly #unsure: Operation[] = [];
  readonly #triedAgain = new WeakSet<Operation>();
  readonly #detours: Detours;
  readonly #forbidden: ForbiddenKeys;
  /** How often the masters are looked at because a script is missing, and how often it is loaded. */
  readonly #looks: Pace;
  readonly #loads: Pace;
  #held = true;
  /** How many operations wait while their keys are moved. */
  #delayed = 0;
  #looking = false;
  #flushPlanned = false;
  #unanswered = 0;
  #roundTrip: number | undefined;

  constructor(plan: CommandQueuePlan) {
    this.#plan = plan;
    const { clock, keyPrefix } = plan;
    this.#forbidden = new ForbiddenKeys({
      clock,
      keyPrefix,
      isForbidden: (sha, keys) => this.#isForbidden(sha, keys),
    });
    this.#detours = new Detours((error) => plan.connection.redirected(error));
    this.#looks = new Pace(plan.clock);
    this.#loads = new Pace(plan.clock, { free: FREE_LOADS });
  }

  /** Whether operations leave now; otherwise they would wait. */
  get isOpen(): boolean {
    return !this.#held;
  }

  get crowded(): boolean {
    return this.#unanswered >= MOST_UNANSWERED;
  }

  /** How long the server takes to answer, in ms: a moving average; undefined before the first answer. */
  get roundTrip(): number | undefined {
    return this.#roundTrip;
  }

  /** Nothing waits to be sent, and nothing for an answer. */
  get idle(): boolean {
    return this.#unanswered + this.#queue.length + this.#delayed === 0 && !this.#isLoading && !this.#looking;
  }

  get #isLoading(): boolean {
    return this.#again.size > 0;
  }

  /** Alone, an operation waits for nothing but the end of the tick. */
  add(operation: Operation): void {
    this.#queue.push(operation);
    // A full command leaves at once: the server begins while the rest of the tick is still being made. But a hand-over leaves with what follows.
    if (this.#queue.length >= MOST_OPERATIONS && operation.afterwards !== 'hand over') this.#flush();
    else if (!this.#flushPlanned) {
      this.#flushPlanned = true;
      inNeutralContext(this.#planFlush);
    }
  }

  /** Lets operations out from now on: `first`, then what has been waiting. */
  open(first: readonly Operation[]): void {
    this.#held = false;
    this.#queue.unshift(...first);
    this.#flush();
  }

  /** Keeps operations in from now on, and gives up on those that wait. */
  shut(reply: NoAnswer): void {
    this.#held = true;
    for (const each of this.#queue.splice(0)) each.deliver(reply);
  }

  readonly #planFlush = (): void => process.nextTick(this.#onTickEnd);

  readonly #onTickEnd = (): void => {
    this.#flushPlanned = false;
    this.#flush();
  };

  #flush(): void {
    // One master of a Redis Cluster does not wait for another.
    if (this.#held || (this.#isLoading && !this.#plan.connection.reorders)) return;
    const ready = this.#queue;
    this.#queue = [];
    for (const batch of this.#batches(ready)) this.#dispatch(batch);
    if (this.idle) this.#plan.idle();
  }

  /** What is still wanted, as commands. */
  #batches(operations: readonly Operation[]): Batch[] {
    const wanted = operations.filter((each) => {
      const { isWanted } = each;
      if (!isWanted) each.deliver(replyTo(UNWANTED, false));
      return isWanted;
    });
    return batchesOf(wanted, this.#rules());
  }

  #rules(): BatchRules {
    const { connection, admissions } = this.#plan;
    let master: Master | Error | undefined;
    let limit = 0;
    return {
      slotOf: (key) => connection.slotOf(key),
      isAlone: (key) => this.#forbidden.has(key),
      formOf: ({ firstKey, form, fence = 0 }) => {
        const itsMaster = connection.masterOf(firstKey);
        // Operations in a row mostly go to the same one.
        if (itsMaster !== master) {
          master = itsMaster;
          limit = master instanceof Error ? Number.NEGATIVE_INFINITY : admissions.briefLimit(master);
        }
        return fence < limit ? form : 'general';
      },
    };
  }

  #dispatch({ operations, form }: Batch): void {
    const master = this.#plan.connection.masterOf(operations[0]?.firstKey ?? '');
    // In the next turn of the event loop: a caller that tries again at once must not keep it from reading.
    if (master instanceof Error) setImmediate(() => this.#refuse(operations, master));
    else this.#dispatchTo(master, operations, form);
  }

  /** All of it under the script that grants, if the master is known to remember. `asking`: see {@link Master.evalsha}. */
  #dispatchTo(master: Master, batch: readonly Operation[], form: Form, asking = false): void {
    // What it did not run for want of the script goes first.
    const loading = this.#again.get(master);
    if (loading) {
      loading.push(...batch);
      return;
    }
    const admission = this.#plan.admissions.of(master);
    if (admission?.kind === 'admitted') {
      this.#send(batch, form, admission.sha, master, asking);
      return;
    }
    const others = batch.filter((each) => !isVote(each));
    if (others.length > 0) this.#send(others, form, allButGrants.sha, master, asking);
    const votes = batch.filter(isVote);
    if (votes.length === 0) return;
    if (!admission) this.#lookFirst(votes, master);
    else if (admission.replaced) this.#quarantined(votes, master);
    // Somebody else may have admitted it meanwhile.
    else this.#send(votes, form, admission.sha, master, asking);
  }

  #send(batch: readonly Operation[], form: Form, sha: string, master: Master, asking = false): void {
    const { connection, clock, clocks, encoder, idle } = this.#plan;
    this.#unanswered += batch.length;
    const sentAt = clock.now();
    master.evalsha(
      sha,
      encoder.encode(batch, form, connection.isSharded),
      (error, reply) => {
        if (!error) this.#measured(clock.now() - sentAt);
        this.#unanswered -= batch.length;
        if (!error) this.#answered(batch, form, reply, sha, master);
        else if (error.message.startsWith('NOSCRIPT')) this.#unknown(batch, sha, master, error);
        else this.#failed(batch, sha, master, error);
        if (this.idle) idle();
      },
      asking,
    );
    clocks.commandSent(sentAt);
  }

  #measured(ms: number): void {
    this.#roundTrip = this.#roundTrip === undefined ? ms : this.#roundTrip + (ms - this.#roundTrip) * DECAY;
  }

  #answered(batch: readonly Operation[], form: Form, reply: unknown, sha: string, master: Master): void {
    const { admissions, votes } = this.#plan;
    if (sha !== allButGrants.sha && admissions.granted(master)) votes();
    const pace = sha === allButGrants.sha ? this.#loads : this.#looks;
    // What was sent again has run, so the repetition has helped.
    if (pace.isSlowed && batch.some((each) => this.#triedAgain.has(each))) pace.helped();
    this.#forbidden.allowed(batch[0]?.firstKey ?? '');
    // A brief command whose operations were all done just as asked says how many there were.
    const isDone = form !== 'general' && reply === batch.length;
    const replies: unknown[] | undefined = isDone ? undefined : Array.isArray(reply) ? reply : [];
    if (replies && replies.length !== batch.length) {
      // Whose each of them is cannot be known.
      for (const each of batch) each.deliver(this.#noAnswer(master, MISCOUNTED, true));
      return;
    }
    for (let i = 0; i < batch.length; i++)
      this.#deliver(batch[i] as Operation, replies ? replies[i] : 1, master);
  }

  #deliver(operation: Operation, reply: unknown, master: Master): void {
    if (operation.verb === 'repair' && reply === NOT_REPAIRED) {
      this.#quarantined([operation], master);
      return;
    }
    const decoded = decode(operation, reply);
    if (decoded instanceof Error) {
      operation.deliver(this.#noAnswer(master, decoded, true, operation.firstKey));
      return;
    }
    if (decoded.kind === 'granted' || decoded.kind === 'denied') this.#plan.voted(operation.firstKey);
    operation.deliver(decoded);
  }

  #failed(batch: readonly Operation[], sha: string, master: Master, error: Error): void {
    const detour = this.#detours.of(error);
    if (detour) {
      this.#takeDetour(batch, detour, error);
      return;
    }
    const isOfSome = ranNothing(error) && !concernsAll(error);
    if (isOfSome && batch.length > 1) {
      // One operation may have keys that this user must not touch; the others shall not suffer for it.
      const middle = batch.length >> 1;
      for (const half of [batch.slice(0, middle), batch.slice(middle)])
        for (const part of this.#batches(half)) this.#send(part.operations, part.form, sha, master);
    } else if (isOfSome && isAboutKeys(error) && batch[0]) {
      this.#forbidden.refused(batch[0].firstKey);
      void this.#explain(batch[0], sha, master, error);
    } else {
      if (isOfSome) this.#forbidden.refused(batch[0]?.firstKey ?? '');
      this.#refuse(batch, this.#plan.connection.reorders ? inVain(error) : error, !ranNothing(error), master);
    }
  }

  #refuse(batch: readonly Operation[], error: Error, maybeExecuted = false, master?: Master): void {
    const reply = this.#noAnswer(master, error, maybeExecuted);
    for (const each of batch) each.deliver(reply);
  }

  #takeDetour(batch: readonly Operation[], detour: Detour, error: Error): void {
    const tired = batch.filter((each) => !this.#detours.take(each, detour));
    this.#refuse(tired, inVain(error));
    const others = batch.filter((each) => !tired.includes(each));
    if (others.length === 0) return;
    if (detour.kind === 'later') this.#delay(others);
    else if (detour.kind === 'asking') this.#dispatchTo(detour.master, others, 'general', true);
    else for (const part of this.#batches(others)) this.#dispatch(part);
  }

  #delay(operations: readonly Operation[]): void {
    this.#delayed += operations.length;
    this.#plan.clock.after(NEXT_TRY, () => {
      this.#delayed -= operations.length;
      this.#resume(operations);
    });
  }

  async #explain(operation: Operation, sha: string, master: Master, error: Error): Promise<void> {
    const cause = await this.#forbidden.explain(operation, sha, error);
    operation.deliver(this.#noAnswer(master, cause, false, operation.firstKey));
    if (this.idle) this.#plan.idle();
  }

  /** Finds out by a command that does nothing. */
  #isForbidden(sha: string, keys: readonly string[]): Promise<boolean> {
    const master = this.#plan.connection.masterOf(keys[0] ?? '');
    if (master instanceof Error) return Promise.resolve(false);
    this.#unanswered++;
    return new Promise((resolve) => {
      master.evalsha(sha, new ScriptInput(keys, [0]), (error) => {
        this.#unanswered--;
        resolve(error !== null && isAboutKeys(error));
      });
    });
  }

  /** The script was not there, and nothing ran. A SCRIPT FLUSH, a restart, or a new master may be the reason. */
  #unknown(batch: readonly Operation[], sha: string, master: Master, error: Error): void {
    const { admissions } = this.#plan;
    if (sha === allButGrants.sha) {
      this.#load(batch, master, error);
    } else if (admissions.of(master)?.kind === 'quarantined') {
      this.#quarantined(batch, master);
    } else if (!this.#looking && this.#looks.wait > 0) {
      // It had the script a moment ago: the script is deleted again and again.
      for (const vote of batch.filter(isVote)) vote.deliver(replyTo(UNSEEN, false));
      const others = batch.filter((each) => !isVote(each));
      for (const { operations, form } of this.#batches(others))
        this.#send(operations, form, allButGrants.sha, master);
    } else {
      admissions.missing(master);
      this.#queue.unshift(...batch);
      this.#flush();
    }
  }

  #quarantined(batch: readonly Operation[], master: Master): void {
    const { admissions, clock, awaited } = this.#plan;
    const found = admissions.of(master);
    const admission = found?.kind === 'quarantined' ? found : undefined;
    const remaining = Math.max(0, (admission?.until ?? 0) - clock.now());
    const awaiting = admission?.blank ? awaited() : undefined;
    for (const each of batch)
      each.deliver({ kind: 'quarantined', remaining, ...(awaiting?.length ? { awaiting } : {}) });
  }

  /** Votes wait until the masters have been looked at. Once, and only if that has not just been in vain. */
  #lookFirst(votes: readonly Operation[], master: Master): void {
    const { admissions, look } = this.#plan;
    const isNew = !admissions.knows(master);
    const mayLook = this.#looking || this.#looks.take();
    for (const each of votes) {
      if (!mayLook || this.#triedAgain.has(each)) {
        each.deliver(replyTo(UNSEEN, false));
      } else {
        this.#triedAgain.add(each);
        this.#unsure.push(each);
      }
    }
    if (this.#looking || this.#unsure.length === 0) return;
    this.#looking = true;
    void look().then(() => {
      this.#looking = false;
      // Each connection has to be looked at once, however many are made.
      if (isNew && admissions.of(master)) this.#looks.helped();
      this.#resume(this.#unsure.splice(0));
    });
  }

  /** Loads the script that any server may have, and sends what did not run. Once, and only if that has not just been in vain. */
  #load(batch: readonly Operation[], master: Master, error: Error): void {
    const loading = this.#again.get(master);
    const mayLoad = loading !== undefined || this.#loads.take();
    const again = batch.filter((each) => mayLoad && !this.#triedAgain.has(each));
    this.#refuse(
      batch.filter((each) => !again.includes(each)),
      error,
    );
    for (const each of again) this.#triedAgain.add(each);
    if (loading) loading.push(...again);
    if (loading || again.length === 0) return;
    this.#again.set(master, again);
    const loaded = (): void => {
      this.#again.delete(master);
      this.#resume(again);
    };
    master.load(allButGrants.text).then(loaded, (cause: Error) => {
      this.#refuse(again.splice(0), cause);
      loaded();
    });
  }

  #resume(operations: readonly Operation[]): void {
    if (this.#held) for (const each of operations) each.deliver(replyTo(LOST, false));
    else this.#queue.unshift(...operations);
    this.#flush();
    if (this.idle) this.#plan.idle();
  }

  #noAnswer(master: Master | undefined, error: Error, maybeExecuted: boolean, key?: string): NoAnswer {
    if (error.message.startsWith('READONLY')) this.#plan.readonly(error);
    if (master && isForbidden(error)) this.#plan.admissions.refused(master);
    return this.#plan.replyTo(error, maybeExecuted, key);
  }
}
