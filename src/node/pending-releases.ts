import type { Clock } from '../clock.ts';
import type { ReleaseRequest, Waiter } from './lock-node.ts';

/** How many releases may be pending for a node. Beyond that the oldest are dropped, and their keys expire by themselves. */
const MOST_PENDING = 10_000;

/** So few may have expired without being dropped. */
const FEW = 64;

/** By how much a server's clock may be slower than the local one, as a share; and the resolution of an expiry, in ms. */
const SLOWEST = { share: 0.1, resolution: 2 } as const;

/** One release that a server has not answered, as it is to be repeated. */
export interface PendingRelease {
  request: ReleaseRequest;
  /** When the last of its keys has expired by itself, in ms of the clock. */
  readonly until: number;
}

/** The releases that a server has not answered yet. They are repeated until it does, or until nothing is left to delete. */
export class PendingReleases {
  readonly #clock: Clock;
  readonly #owed = new Map<string, PendingRelease>();
  /** Those that the server has refused: they are to be repeated. */
  readonly #refused = new Set<PendingRelease>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** If the release was pending before, answers to the earlier request do not settle this one. */
  add(request: ReleaseRequest): PendingRelease {
    const { share, resolution } = SLOWEST;
    const now = this.#clock.now();
    const release = {
      request: repetitionOf(request),
      until: now + request.longestTtl * (1 + share) + resolution,
    };
    this.#drop(this.#owed.get(request.ownerToken));
    this.#owed.set(request.ownerToken, release);
    this.#dropOldest(now);
    return release;
  }

  /** To be called before each grant to a waiter: a release owed from an earlier wait must not take it out of the line again. */
  stands({ name }: Waiter, keys: readonly string[]): void {
    for (const release of this.#owed.values()) {
      const { request } = release;
      if (request.waiter?.name !== name || !request.keys.some((key) => keys.includes(key))) continue;
      release.request = { ...request, waiter: undefined };
    }
  }

  settle(release: PendingRelease): void {
    this.#refused.delete(release);
    if (this.#owed.get(release.request.ownerToken) === release) this.#drop(release);
  }

  /** Notes that the server has refused it. */
  refused(release: PendingRelease): void {
    if (this.#owed.get(release.request.ownerToken) === release) this.#refused.add(release);
  }

  get none(): boolean {
    return this.list().length === 0;
  }

  /** What is owed, oldest first. */
  list(): PendingRelease[] {
    for (const release of this.#owed.values()) if (release.until <= this.#clock.now()) this.#drop(release);
    return [...this.#owed.values()];
  }

  /** Takes so many of those that the server has refused, or all: the ones that have waited longest for a repetition. */
  takeRefused(most: number = Number.POSITIVE_INFINITY): PendingRelease[] {
    const taken: PendingRelease[] = [];
    for (const release of this.#refused) {
      if (taken.length === most) break;
      this.#refused.delete(release);
      if (release.until > this.#clock.now()) taken.push(release);
      else this.#drop(release);
    }
    return taken;
  }

  #drop(release: PendingRelease | undefined): void {
    if (!release) return;
    this.#refused.delete(release);
    this.#owed.delete(release.request.ownerToken);
  }

  /** Drops the oldest ones that have expired, and those beyond the limit. */
  #dropOldest(now: number): void {
    if (this.#owed.size <= FEW) return;
    for (const oldest of this.#owed.values()) {
      if (this.#owed.size <= MOST_PENDING && oldest.until > now) return;
      this.#drop(oldest);
    }
  }
}

/**
 * A repeated release only serves. The grant that a hand-over made room for has failed with the same connection, and a waiter that yielded has
 * stood again, or has left.
 */
function repetitionOf(request: ReleaseRequest): ReleaseRequest {
  if (request.afterwards === 'yield') return { ...request, afterwards: 'serve', waiter: undefined };
  return request.afterwards === 'hand over' ? { ...request, afterwards: 'serve' } : request;
}
