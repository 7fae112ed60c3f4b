import type { Exchange, History, Pause, Section, Vote } from './history.ts';

/** How far two computations of one instant may differ, in ms. */
export const ROUNDING = 1e-5;

export function quorumOf(nodes: number): number {
  return Math.floor(nodes / 2) + 1;
}

/** When a holder believed to hold: from the moment it got the lock. */
export interface Belief {
  readonly section: Section;
  readonly from: number;
  readonly until: number;
}

/** A history, looked up by owner token. */
export class Facts {
  readonly history: History;
  /** How long what is to happen at once may take, in ms. */
  readonly lateness: number;
  readonly beliefs: readonly Belief[];
  readonly #votes: Map<string, Vote[]>;
  readonly #exchanges: Map<string, Exchange[]>;
  readonly #attempts: Map<string, number>;
  readonly #crashes: Map<number, number>;
  readonly #wakeUps = new Map<number, readonly number[]>();
  #longestAnswer: number | undefined;

  constructor(history: History, lateness = 0) {
    this.history = history;
    this.lateness = lateness;
    this.#votes = byToken(history.votes);
    // A revocation is nobody's: all have the same token.
    this.#exchanges = byToken(history.exchanges.filter(({ operation }) => operation !== 'revoke'));
    this.#attempts = new Map(history.attempts.map(({ token, at }) => [token, at]));
    this.#crashes = new Map(history.crashes.map(({ client, at }) => [client, at]));
    this.beliefs = history.sections.map((section) => ({
      section,
      from: section.from,
      until: Math.min(
        section.validity.at(-1)?.until ?? section.from,
        section.releasedAt,
        section.abortedAt,
        this.crashOf(section.client),
      ),
    }));
  }

  /** When a client was told something that makes another attempt worth while. */
  wakeUpsOf(client: number): readonly number[] {
    let wakeUps = this.#wakeUps.get(client);
    if (!wakeUps) {
      const { messages, subscriptions } = this.history;
      wakeUps = [
        ...messages.filter((each) => each.client === client).flatMap(({ arrivedAt }) => arrivedAt),
        ...subscriptions.filter((each) => each.client === client).map(({ at }) => at),
        // Whoever waits for any of its resources may try.
        ...this.beliefs
          .filter(({ section }) => section.client === client)
          .flatMap(({ section, until }) => section.resources.map(() => until)),
      ];
      this.#wakeUps.set(client, wakeUps);
    }
    return wakeUps;
  }

  /** How long it took at most until a client had the answer to a grant, in ms. */
  get longestAnswer(): number {
    if (this.#longestAnswer === undefined) {
      this.#longestAnswer = 0;
      for (const { operation, token, answeredAt } of this.history.exchanges) {
        if (operation !== 'grant' || answeredAt === Number.POSITIVE_INFINITY) continue;
        this.#longestAnswer = Math.max(this.#longestAnswer, answeredAt - this.askedAt(token));
      }
    }
    return this.#longestAnswer;
  }

  /** Whether a client held any of the resources between two instants. */
  holds(client: number, resources: readonly string[], from: number, to: number): boolean {
    return this.beliefs.some(
      (each) =>
        each.section.client === client &&
        each.from <= to &&
        each.until >= from &&
        share(each.section.resources, resources),
    );
  }

  /** Who drew a token. */
  clientOf(token: string): number {
    return this.exchangesOf(token)[0]?.client ?? -1;
  }

  votesOf(token: string): readonly Vote[] {
    return this.#votes.get(token) ?? [];
  }

  /** In the order in which they were sent. */
  exchangesOf(token: string): readonly Exchange[] {
    return this.#exchanges.get(token) ?? [];
  }

  *tokens(): Iterable<[string, readonly Exchange[]]> {
    yield* this.#exchanges;
  }

  /** When a client was killed; Infinity if it was not. */
  crashOf(client: number): number {
    return this.#crashes.get(client) ?? Number.POSITIVE_INFINITY;
  }

  /** For how long a client did not run between two instants; or only, for how long it was stopped in the midst of its code. */
  pausedBetween(client: number, from: number, to: number, which: 'all' | 'amid' = 'all'): number {
    let paused = 0;
    for (const pause of this.history.pauses) {
      if (pause.client !== client || (which === 'amid' && !pause.amid)) continue;
      paused += Math.max(0, Math.min(to, pause.to) - Math.max(from, pause.from));
    }
    return paused;
  }

  /** When a client stopped that ran again at this very instant; the instant itself if it did not. */
  stoppedBefore(client: number, time: number): number {
    return this.#pauseUntil(client, time)?.from ?? time;
  }

  /** Whether a client had just been stopped in the midst of what it did at that instant. */
  stoppedAmid(client: number, time: number): boolean {
    return this.#pauseUntil(client, time)?.amid ?? false;
  }

  #pauseUntil(client: number, time: number): Pause | undefined {
    return this.history.pauses.find(
      (pause) => pause.client === client && Math.abs(pause.to - time) < ROUNDING,
    );
  }

  /** When the attempt of a token began. */
  askedAt(token: string): number {
    return this.#attempts.get(token) ?? this.exchangesOf(token)[0]?.sentAt ?? Number.NEGATIVE_INFINITY;
  }

  /** Whether a counter was gone before that time, and clocks do not make up for it. */
  lostCountersBefore(time: number): boolean {
    const { counterLosses, guard, blankAt } = this.history;
    return (
      (guard === 'auto' && blankAt <= time) ||
      counterLosses.some(({ at, isMadeUpFor }) => at <= time && !isMadeUpFor)
    );
  }

  /** Whether a node lost a vote for this token before that time, though nobody had deleted it, and it was not due. */
  wasDropped(token: string, time: number): boolean {
    return this.votesOf(token).some((vote) => isDropped(vote) && vote.until <= time + ROUNDING);
  }
}

export function isDropped({ end }: Vote): boolean {
  return end === 'forgotten' || end === 'early';
}

export function share(one: readonly string[], other: readonly string[]): boolean {
  return one.some((resource) => other.includes(resource));
}

function byToken<T extends { readonly token: string }>(all: readonly T[]): Map<string, T[]> {
  const map = new Map<string, T[]>();
  for (const each of all) {
    const known = map.get(each.token);
    if (known) known.push(each);
    else map.set(each.token, [each]);
  }
  return map;
}
