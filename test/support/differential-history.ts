import * as fc from 'fast-check';
import { LAST_NUMBER } from '../../src/node/counter.ts';
import type { ReleaseRequest, Waiter } from '../../src/node/lock-node.ts';
import { tombstoneOf } from '../../src/node/owner.ts';
import { tokenOf } from './token.ts';

/** What a counter may stand at: from zero, from the µs since 1970 when the history began, or from the last number there is. */
export interface Count {
  readonly from: 'zero' | 'now' | 'end';
  readonly offset: number;
}

/** Somebody in line. */
export interface Waiting {
  /** Its number in {@link WAITERS}. */
  readonly who: number;
  readonly key: string;
  /** In µs since 1970, as if it had been told so; undefined if it has waited for a time of its own. */
  readonly since?: number | undefined;
}

/** A request through the port; data, so that a counterexample can be read. */
export type Request =
  | {
      readonly verb: 'grant';
      readonly keys: string[];
      readonly ownerToken: string;
      readonly ttl: number;
      readonly hint?: Count | undefined;
      readonly waiter?: Waiting | undefined;
      readonly reservation: number;
    }
  | {
      readonly verb: 'extend' | 'repair';
      readonly keys: string[];
      readonly ownerToken: string;
      readonly ttl: number;
      readonly fencingToken?: Count | undefined;
    }
  | {
      readonly verb: 'confirm';
      readonly keys: string[];
      readonly ownerToken: string;
      readonly fencingToken: Count;
    }
  | {
      readonly verb: 'release';
      readonly keys: string[];
      readonly ownerToken: string;
      readonly afterwards: ReleaseRequest['afterwards'];
      readonly waiter?: Waiting | undefined;
      readonly reservation: number;
    }
  | { readonly verb: 'revoke'; readonly key: string; readonly tombstone: string; readonly ttl: number }
  | { readonly verb: 'inspect'; readonly key: string };

export type Step =
  /** Requests of one tick. Unless they are awaited, what comes next may be sent before they are answered. */
  | { readonly what: 'ask'; readonly requests: Request[]; readonly awaited: boolean }
  /** The same, awaited, on a server that has just forgotten its scripts. */
  | { readonly what: 'ask scriptless'; readonly requests: Request[] }
  | { readonly what: 'pass'; readonly ms: number }
  | { readonly what: 'lose' | 'persist'; readonly key: string }
  | { readonly what: 'forget' };

/**
 * Every ttl and every step of time is a whole number of quarters of these. So what a key has left, and with it whether it
 * outlives a step, never hangs on the few ms that a run really takes.
 */
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** All that are ever locked. */
export const KEYS: readonly string[] = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom(...KEYS);
/** All that ever wait; the last one is not heard for. */
export const WAITERS: readonly string[] = [tokenOf(5, 0), tokenOf(6, 0), tokenOf(7, 0)];
export const HEARD: readonly string[] = WAITERS.slice(0, -1);
const keys = fc.shuffledSubarray([...KEYS], { minLength: 1, maxLength: 3 });
/** Of quorlock's form and not; the empty one is no lock's, but a key that a stranger has set may hold it. */
const ownerToken = fc.constantFrom('x', tokenOf(0, 1), `${tokenOf(0, 1)}@x`, '');
const minutes = (...lengths: number[]): fc.Arbitrary<number> =>
  fc.constantFrom(...lengths.map((length) => length * MINUTE));
const ttl = minutes(0.5, 1, 2, 5, 10);

const IN_A_MINUTE = 60_000_000;

/**
 * Counts that meet each other: close ones, and ones that are not within an hour of each other, or of an hour from now.
 * None is just an hour from another: there the server's clock, which goes on, would make the difference.
 */
const usualCount: fc.Arbitrary<Count> = fc.oneof(
  fc.record({ from: fc.constant('zero'), offset: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    from: fc.constant('now'),
    offset: fc
      .tuple(fc.constantFrom(0, 7, 50, 95, 200, 600), fc.nat(2))
      .map(([length, more]) => length * IN_A_MINUTE + more),
  }),
);
const lastCount: fc.Arbitrary<Count> = fc.record({
  from: fc.constant('end'),
  offset: fc.integer({ min: -4, max: 0 }),
});

/** A hint leaves room for the token. */
function hintOf({ from, offset }: Count): Count {
  return { from, offset: from === 'end' ? offset - 1 : offset };
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 3 });

/** Each waiter has a time of its own that it has waited for: those of two never come close. */
export function waiterOf({ who, key, since }: Waiting): Waiter {
  return { name: WAITERS[who] as string, key, since: since ?? -(who + 1) * HOUR * 1_000 };
}

/** When somebody in line began to wait: as it was told, or how many hours before `now`, in µs. */
export function sinceOf(since: number, now: number): string {
  return since < HOUR ? String(since) : `${Math.round((now - since) / (HOUR * 1_000))} h`;
}

interface Lock {
  readonly keys: string[];
  readonly ownerToken: string;
}

const lock: fc.Arbitrary<Lock> = fc.record({ keys, ownerToken });
const reservation = minutes(0.5, 1, 2);
const waitingLock: fc.Arbitrary<Lock & { waiter: Waiting }> = fc
  .record({
    lock,
    who: fc.nat(WAITERS.length - 1),
    which: fc.nat(2),
    since: fc.constantFrom(undefined, undefined, 1_000, 2_000),
  })
  .map(({ lock: { keys, ownerToken }, who, which, since }) => ({
    keys,
    ownerToken,
    waiter: { who, key: keys[which % keys.length] as string, since },
  }));

const release: fc.Arbitrary<Request> = fc
  .oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(
        lock,
        fc.constantFrom<ReleaseRequest['afterwards'][]>('serve', 'serve', 'hand over'),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.tuple(
        waitingLock,
        fc.constantFrom<ReleaseRequest['afterwards'][]>('serve', 'yield', 'hand over'),
      ),
    },
  )
  .chain(([lock, afterwards]) =>
    reservation.map((reservation): Request => ({ verb: 'release', ...lock, afterwards, reservation })),
  );

function grantOf([lock, ttl, hint, reservation]: [Lock, number, Count | undefined, number]): Request {
  return { verb: 'grant', ...lock, ttl, hint, reservation };
}

function requestWith(count: fc.Arbitrary<Count>): fc.Arbitrary<Request> {
  const grantFor = (lock: fc.Arbitrary<Lock>): fc.Arbitrary<Request> =>
    fc.tuple(lock, ttl, maybe(count.map(hintOf)), reservation).map(grantOf);
  const extend = fc.record({
    verb: fc.constantFrom('extend' as const, 'repair' as const),
    keys,
    ownerToken,
    ttl,
    fencingToken: maybe(count),
  });
  return fc.oneof(
    { weight: 3, arbitrary: grantFor(lock) },
    { weight: 5, arbitrary: grantFor(waitingLock) },
    { weight: 4, arbitrary: extend },
    {
      weight: 2,
      arbitrary: fc.record({ verb: fc.constant('confirm'), keys, ownerToken, fencingToken: count }),
    },
    { weight: 5, arbitrary: release },
    {
      weight: 2,
      arbitrary: fc.record({
        verb: fc.constant('revoke'),
        key,
        tombstone: fc.constantFrom(tombstoneOf(undefined), tombstoneOf('ops')),
        ttl: fc.oneof(fc.constant(0), ttl),
      }),
    },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant('inspect'), key }) },
  );
}

/**
 * As a server that has forgotten its scripts executes them: what any server may do need not wait. Without repairs,
 * which set nothing there that is missing, and releases that serve: they reserve nothing there.
 */
export function withoutScripts(asked: readonly Request[]): Request[] {
  const all = asked.map((each) =>
    each.verb === 'release' ? { ...each, afterwards: 'hand over' as const } : each,
  );
  const first = all.filter(
    ({ verb }) => verb === 'release' || verb === 'confirm' || verb === 'extend' || verb === 'revoke',
  );
  return [...first, ...all.filter(({ verb }) => verb === 'grant' || verb === 'inspect')];
}

function requests(count: fc.Arbitrary<Count>, most: number): fc.Arbitrary<Request[]> {
  return fc.array(requestWith(count), { minLength: 1, maxLength: most, size: 'max' });
}

function stepWith(count: fc.Arbitrary<Count>, ms: fc.Arbitrary<number>): fc.Arbitrary<Step> {
  const asked = requests(count, 5);
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({ what: fc.constant('ask'), requests: asked, awaited: fc.boolean() }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        what: fc.constant('ask scriptless'),
        requests: asked.map(withoutScripts),
      }),
    },
    { weight: 4, arbitrary: fc.record({ what: fc.constant('pass'), ms }) },
    { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('lose', 'persist'), key }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('forget') }) },
  );
}

const eachWith = (step: fc.Arbitrary<Step>): fc.Arbitrary<Step[]> =>
  fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });

/**
 * What happens to a node and its server, one thing after the other. Counters are kept for an hour; but a server goes on
 * keeping one that is at its end for as long as somebody asks for more.
 */
export const history: fc.Arbitrary<Step[]> = fc.oneof(
  eachWith(stepWith(usualCount, minutes(0.75, 1, 2, 4, 50, 60))),
  eachWith(stepWith(fc.oneof(usualCount, lastCount), minutes(0.75, 1, 2, 4, 60))),
);

/** So many requests that, together, they leave as several commands. */
export const crowd: fc.Arbitrary<Request[]> = requests(fc.oneof(usualCount, lastCount), 150);

/** The number itself, given the µs since 1970. */
export function numberOf({ from, offset }: Count, now: number): number {
  return { zero: 0, now, end: LAST_NUMBER }[from] + offset;
}
