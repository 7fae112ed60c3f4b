/** What a worker tells the referee, with the time in ms of a clock that all workers share. */
export type WorkerEvent = { readonly worker: number; readonly at: number } & (
  | { readonly kind: 'asks' }
  | { readonly kind: 'enters'; readonly ownerToken: string | undefined }
  | { readonly kind: 'leaves'; readonly wrote: boolean }
  /** It did not get the lock, or lost it. */
  | { readonly kind: 'fails'; readonly why: string }
  | { readonly kind: 'finishes' }
  | { readonly kind: 'dies'; readonly why: string }
);

/** One critical section: from after the lock was had until before it was let go. */
export interface Section {
  readonly from: number;
  readonly to: number;
  readonly wrote: boolean;
}

export interface Contender {
  readonly worker: number;
  readonly state: 'rests' | 'waits' | 'inside' | 'finished' | 'dead';
  /** When it came into this state. */
  readonly since: number;
  readonly done: number;
  readonly ownerToken?: string | undefined;
}

export interface Score {
  readonly done: number;
  readonly overlaps: number;
  readonly lost: number;
  readonly wait: { readonly p50: number; readonly p99: number; readonly max: number };
  readonly failures: readonly string[];
  /** Everything that is wrong; nothing is, if it is empty. */
  readonly objections: readonly string[];
}

/** Believes no lock: judges by when workers were inside, and by what became of the counter. */
export class Referee {
  readonly #contenders: Contender[];
  readonly #sections: Section[] = [];
  readonly #waits: number[] = [];
  readonly #failures: string[] = [];
  readonly #deaths: string[] = [];

  constructor(workers: number) {
    this.#contenders = Array.from({ length: workers }, (_, index) => ({
      worker: index + 1,
      state: 'rests',
      since: 0,
      done: 0,
    }));
  }

  get contenders(): readonly Contender[] {
    return this.#contenders;
  }

  see(event: WorkerEvent): void {
    const { worker, at } = event;
    const { state, since, done, ownerToken } = this.#contenders[worker - 1] as Contender;
    const becomes = (state: Contender['state'], more: Partial<Contender> = {}): void => {
      this.#contenders[worker - 1] = { worker, state, since: at, done, ...more };
    };
    switch (event.kind) {
      case 'asks':
        return becomes('waits');
      case 'enters':
        this.#waits.push(at - since);
        return becomes('inside', { ownerToken: event.ownerToken });
      case 'leaves':
        this.#sections.push({ from: since, to: at, wrote: event.wrote });
        return becomes('rests', { done: event.wrote ? done + 1 : done, ownerToken });
      case 'fails':
        this.#failures.push(event.why);
        return becomes('rests');
      case 'finishes':
        return becomes('finished');
      case 'dies':
        if (state === 'inside') this.#sections.push({ from: since, to: at, wrote: false });
        this.#deaths.push(`worker ${worker} died: ${event.why}`);
        return becomes('dead');
    }
  }

  /** @param counter its value now */
  score(counter: number): Score {
    const done = this.#sections.filter(({ wrote }) => wrote).length;
    const overlaps = countOverlaps(this.#sections);
    const lost = done - counter;
    const [p50, p99, max] = [0.5, 0.99, 1].map((share) => percentile(this.#waits, share)) as [
      number,
      number,
      number,
    ];
    const stalled = this.#contenders.filter(({ state }) => state !== 'finished' && state !== 'dead');
    const objections = [
      ...(overlaps === 0 ? [] : [`${overlaps} overlaps`]),
      ...(lost === 0 ? [] : [`${lost} updates lost`]),
      ...(done > 0 ? [] : ['no critical section done']),
      ...this.#deaths,
      ...stalled.map(({ worker }) => `worker ${worker} stalled`),
    ];
    return { done, overlaps, lost, wait: { p50, p99, max }, failures: this.#failures, objections };
  }
}

/** How many sections began while an earlier one was not over. */
export function countOverlaps(sections: readonly Section[]): number {
  let overlaps = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { from, to } of [...sections].sort((a, b) => a.from - b.from)) {
    if (from < until) overlaps++;
    until = Math.max(until, to);
  }
  return overlaps;
}

/** The least of the values that is not exceeded by `share` of them, from 0 to 1; 0 if there are none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
