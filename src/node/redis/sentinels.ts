import type { Cancel, Clock } from '../../clock.ts';
import type { OpenLink } from '../../link/link.ts';
import { cut, quote } from '../../quote.ts';
import type { Locate, Target } from './locate.ts';
import { SentinelQuery } from './sentinel-query.ts';

export interface SentinelPlan {
  readonly sentinels: readonly Target[];
  /** The name by which the Sentinels know the master. */
  readonly group: string;
  readonly openSentinel: OpenLink;
  /** Where a master is reached that the Sentinels know by this address; undefined: there. */
  readonly natMap: (host: string, port: number) => Target | undefined;
  /** Finds the addresses of a Sentinel, and of a master. */
  readonly locate: (target: Target) => Locate;
  readonly clock: Clock;
  /** How long a Sentinel may take to answer before the others are asked too, in ms. @default 700 */
  readonly patience?: number;
  /** Removes credentials from an error. */
  readonly clean: (error: Error) => Error;
}

const PATIENCE = 700;
/** How many Sentinels a message names at most. */
const MOST_REASONS = 5;

/**
 * Finds the master of a group. The Sentinels are asked one after the other, the last one that answered well first. Once one is silent
 * for too long, all the others are asked at the same time: so hung Sentinels cost the same, however many they are.
 */
export function locateBySentinel(plan: SentinelPlan): Locate {
  let order = [...plan.sentinels];
  return (found) => {
    const search = new SentinelSearch(plan, order, found, (best) => {
      order = [best, ...order.filter((other) => other !== best)];
    });
    search.start();
    return () => search.stop();
  };
}

/** Why a Sentinel names no master. */
interface Refusal {
  readonly cause: NodeJS.ErrnoException;
  /** Whether it was reached: its own words tell more than the silence of others. */
  readonly isAnswer: boolean;
}

class SentinelSearch {
  readonly #plan: SentinelPlan;
  readonly #order: readonly Target[];
  readonly #found: Parameters<Locate>[0];
  readonly #answeredWell: (sentinel: Target) => void;
  readonly #patience: number;
  readonly #running = new Set<SentinelQuery>();
  readonly #refusals: Refusal[] = [];
  #asked = 0;
  #asksAll = false;
  #cancelPatience: Cancel = () => {};
  /** Ends the look-up of the master's name. */
  #cancelLast: Cancel = () => {};

  constructor(
    plan: SentinelPlan,
    order: readonly Target[],
    found: Parameters<Locate>[0],
    answeredWell: (sentinel: Target) => void,
  ) {
    this.#plan = plan;
    this.#order = order;
    this.#found = found;
    this.#answeredWell = answeredWell;
    this.#patience = plan.patience ?? PATIENCE;
  }

  start(): void {
    // With nobody to ask, the answer must not come before this returns.
    const isEmpty = this.#order.length === 0;
    this.#cancelPatience = this.#plan.clock.after(
      isEmpty ? 0 : this.#patience,
      () => {
        this.#asksAll = true;
        this.#askNext();
      },
      'background',
    );
    if (!isEmpty) this.#askNext();
  }

  stop(): void {
    this.#cancelPatience();
    this.#cancelLast();
    for (const query of this.#running) query.stop();
    this.#running.clear();
  }

  #askNext(): void {
    while (this.#asked < this.#order.length && (this.#asksAll || this.#running.size === 0)) {
      this.#ask(this.#order[this.#asked++] as Target);
    }
    if (this.#running.size > 0) return;
    this.stop();
    this.#found(this.#failure(), []);
  }

  #ask(sentinel: Target): void {
    const { group, openSentinel, locate, clock, clean } = this.#plan;
    const plan = { sentinel, group, openSentinel, locate, clock, patience: this.#patience };
    const query = new SentinelQuery(plan, {
      master: (host, port) => {
        this.#answeredWell(sentinel);
        this.#locateMaster(host, port);
      },
      failed: (error, isAnswer) => {
        this.#running.delete(query);
        this.#refusals.push({ cause: clean(error), isAnswer });
        this.#askNext();
      },
    });
    this.#running.add(query);
    query.start();
  }

  #locateMaster(host: string, port: number): void {
    this.stop();
    const { natMap, locate } = this.#plan;
    this.#cancelLast = locate(natMap(host, port) ?? { host, port })(this.#found);
  }

  #failure(): Error {
    const { group } = this.#plan;
    const refusals = [...this.#refusals].sort((a, b) => Number(b.isAnswer) - Number(a.isAnswer));
    const reasons = refusals.slice(0, MOST_REASONS).map(({ cause }) => cut(cause.message));
    const more = refusals.length - reasons.length;
    if (more > 0) reasons.push(`… and ${more} more`);
    const failure = new Error(
      `no Sentinel names a master ${quote(group)}: ${reasons.join('; ') || 'none is known'}`,
    );
    const code = refusals[0]?.cause.code;
    return code === undefined ? failure : Object.assign(failure, { code });
  }
}
