import * as fc from 'fast-check';

/** What a counter may stand at: from zero, from the µs since 1970 when the history began, or from the last number there is. */
export interface Count {
  readonly from: 'zero' | 'now' | 'end';
  readonly offset: number;
}

/** A request through the port; data, so that a counterexample can be read. */
export type Request =
  | {
      readonly verb: 'grant';
      readonly keys: string[];
      readonly ownerToken: string;
      readonly ttl: number;
      readonly hint?: Count | undefined;
    }
  | {
      readonly verb: 'extend';
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
  | { readonly verb: 'release'; readonly keys: string[]; readonly ownerToken: string }
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
 * Every ttl and every step of time is a whole number of these. So what a key has left, and with it whether it
 * outlives a step, never hangs on the few ms that a run really takes.
 */
const MINUTE = 60_000;

/** All that are ever locked. */
export const KEYS: readonly string[] = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom(...KEYS);
const keys = fc.shuffledSubarray([...KEYS], { minLength: 1, maxLength: 3 });
/** The empty one is no lock's, but a key that a stranger has set may hold it. */
const ownerToken = fc.constantFrom('x', 'y', '');
const minutes = (...lengths: number[]): fc.Arbitrary<number> =>
  fc.constantFrom(...lengths.map((length) => length * MINUTE));
const ttl = minutes(1, 2, 5, 10);

const IN_A_MINUTE = 60_000_000;

/**
 * Counts that meet each other: close ones, and ones that are not within an hour of each other, or of an hour from now.
 * None is just an hour from another: there the server's clock, which goes on, would make the difference.
 */
const count: fc.Arbitrary<Count> = fc.oneof(
  fc.record({ from: fc.constant('zero'), offset: fc.integer({ min: 1, max: 4 }) }),
  fc.record({
    from: fc.constant('now'),
    offset: fc
      .tuple(fc.constantFrom(0, 7, 50, 95, 200, 600), fc.nat(2))
      .map(([length, more]) => length * IN_A_MINUTE + more),
  }),
  fc.record({ from: fc.constant('end'), offset: fc.integer({ min: -4, max: -1 }) }),
);
const fencingToken = fc.oneof(count, fc.constant<Count>({ from: 'end', offset: 0 }));
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 3 });

const request: fc.Arbitrary<Request> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ verb: fc.constant('grant'), keys, ownerToken, ttl, hint: maybe(count) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      verb: fc.constant('extend'),
      keys,
      ownerToken,
      ttl,
      fencingToken: maybe(fencingToken),
    }),
  },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('confirm'), keys, ownerToken, fencingToken }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('release'), keys, ownerToken }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('inspect'), key }) },
);

/** As a server that has forgotten its scripts gets them: what may be executed on every server need not wait. */
export function votesLast(asked: readonly Request[]): Request[] {
  const isVote = ({ verb }: Request): boolean => verb === 'grant' || verb === 'inspect';
  return [...asked.filter((each) => !isVote(each)), ...asked.filter(isVote)];
}

const requests = (most: number): fc.Arbitrary<Request[]> =>
  fc.array(request, { minLength: 1, maxLength: most, size: 'max' });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ what: fc.constant('ask'), requests: requests(5), awaited: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('pass'), ms: minutes(1, 2, 4, 50, 60) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('lose', 'persist'), key }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('forget') }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constant('ask scriptless'), requests: requests(5).map(votesLast) }),
  },
);

/** What happens to a node and its server, one thing after the other. */
export const history: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });

/** So many requests that, together, they leave as several commands. */
export const crowd: fc.Arbitrary<Request[]> = requests(150);

/** The number itself, given the µs since 1970. */
export function numberOf({ from, offset }: Count, now: number): number {
  return { zero: 0, now, end: Number.MAX_SAFE_INTEGER }[from] + offset;
}
