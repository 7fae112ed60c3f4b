import type { Cancel, Clock } from '../../clock.ts';
import { inNeutralContext } from '../../context.ts';
import { quote } from '../../quote.ts';
import type { SystemLookups } from './system-lookups.ts';
import { type Addresses, type Family, isInHosts, isSilence, type SystemNames } from './system-names.ts';

/** Name servers that answer within so many ms are responsive. */
const QUICK = 500;
/** Name servers that have not answered after so many ms are silent. */
const LONGEST_SILENCE = 30_000;
/** For how many ms `dns.lookup` may take longer than the name servers, whose addresses are as good if it hangs. */
const GRACE = 250;

/** What the name servers say about the addresses of one family; `error` is undefined until they have answered. */
interface Reply {
  readonly family: 4 | 6;
  error?: Error | null;
  addresses?: readonly string[];
}

export interface SearchPlan {
  readonly name: string;
  readonly family: Family;
  readonly services: SystemNames;
  readonly lookups: SystemLookups;
  readonly clock: Clock;
  /** The search is no longer to be joined; called once. */
  readonly ended: () => void;
}

/** The look-up of one name, for all that wait for it. */
export class NameSearch {
  readonly #plan: SearchPlan;
  readonly #waiting = new Set<Addresses>();
  /** End what is being done. */
  readonly #cancels: Cancel[] = [];
  #isOver = false;

  constructor(plan: SearchPlan) {
    this.#plan = plan;
  }

  /** To be called before {@link start}, or while the search goes on. It ends when the last one cancels. */
  add(found: Addresses): Cancel {
    // The same function may wait twice.
    const waiter: Addresses = (error, addresses) => found(error, addresses);
    this.#waiting.add(waiter);
    return () => {
      this.#waiting.delete(waiter);
      if (this.#waiting.size === 0) this.#end();
    };
  }

  start(): void {
    const { name, services } = this.#plan;
    if (name.toLowerCase() === 'localhost' || isInHosts(services.hosts(), name)) this.#askSystem();
    else this.#askNameServers();
  }

  #askNameServers(): void {
    const { name, family, services, clock } = this.#plan;
    const asked = clock.now();
    // The system, too, waits for the answers about both families.
    const replies = (family === 0 ? ([4, 6] as const) : [family]).map((one): Reply => ({ family: one }));
    let isDecided = false;
    const decide = (): void => {
      if (isDecided || this.#isOver) return;
      isDecided = this.#decide(replies, clock.now() - asked < QUICK);
    };
    for (const reply of replies) {
      this.#untilEnd(
        services.resolve(name, reply.family, (error, addresses) => {
          reply.error = error;
          reply.addresses = addresses;
          decide();
        }),
      );
    }
    this.#after(QUICK, decide);
    this.#after(LONGEST_SILENCE, () => {
      if (!isDecided) this.#settle(silence(), []);
    });
  }

  /** Returns whether the replies so far were enough to decide on. */
  #decide(replies: readonly Reply[], isQuick: boolean): boolean {
    const { name, lookups } = this.#plan;
    const areAll = replies.every(({ error }) => error !== undefined);
    const known = replies.flatMap(({ addresses = [] }) => addresses);
    if (!isQuick && known.length > 0) this.#settle(null, known);
    else if (!areAll) return false;
    else if (known.length === 0 && replies.some(({ error }) => error && isSilence(error)))
      this.#settle(silence(), []);
    else {
      // A slow "no" may become a "yes" with the machine's search domains, but just as slowly.
      if (!isQuick) lookups.expectSlow(name);
      if (known.length > 0) this.#after(GRACE, () => this.#settle(null, known));
      this.#askSystem();
    }
    return true;
  }

  #askSystem(): void {
    const { name, family, lookups } = this.#plan;
    this.#untilEnd(lookups.ask(name, family, (error, addresses) => this.#settle(error, addresses)));
  }

  #after(ms: number, act: () => void): void {
    this.#untilEnd(this.#plan.clock.after(ms, act, 'background'));
  }

  /** The search may have ended already: name services may answer before they return. */
  #untilEnd(cancel: Cancel): void {
    if (this.#isOver) cancel();
    else this.#cancels.push(cancel);
  }

  #settle(error: Error | null, addresses: readonly string[]): void {
    if (this.#isOver) return;
    this.#end();
    const failure = error && cannotResolve(this.#plan.name, error);
    for (const waiter of this.#waiting) {
      inNeutralContext(() =>
        // Never before the call that asked for it returns; and what one throws is not the others' concern.
        queueMicrotask(() => {
          if (this.#waiting.delete(waiter)) waiter(failure, addresses);
        }),
      );
    }
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const cancel of this.#cancels.splice(0)) cancel();
    this.#plan.ended();
  }
}

function silence(): Error {
  return Object.assign(new Error('the name servers do not answer for this name'), { code: 'ETIMEOUT' });
}

export function cannotResolve(name: string, error: NodeJS.ErrnoException): Error {
  const { code } = error;
  const failure = new Error(`cannot resolve ${quote(name)}: ${error.message}`);
  return code === undefined ? failure : Object.assign(failure, { code });
}
