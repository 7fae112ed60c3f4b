import * as fc from 'fast-check';
import { LAST_NUMBER } from '../../src/node/counter.ts';
import { tokenOf } from './token.ts';

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
/** Of quorlock's form and not; the empty one is no lock's, but a key that a stranger has set may hold it. */
const ownerToken = fc.constantFrom('x', tokenOf(0, 1), `${tokenOf(0, 1)}@x`, '');
const minutes = (...lengths: number[]): fc.Arbitrary<number> =>
  fc.constantFrom(...lengths.map((length) => length * MINUTE));
const ttl = minutes(1, 2, 5, 10);

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

function requestWith(count: fc.Arbitrary<Count>): fc.Arbitrary<Request> {
  const lock = { keys, ownerToken };
  const grant = fc.record({ verb: fc.constant('grant'), ...lock, ttl, hint: maybe(count.map(hintOf)) });
  const extend = fc.record({
    verb: fc.constantFrom('extend' as const, 'repair' as const),
    ...lock,
    ttl,
    fencingToken: maybe(count),
  });
  return fc.oneof(
    { weight: 4, arbitrary: grant },
    { weight: 4, arbitrary: extend },
    {
      weight: 2,
      arbitrary: fc.record({ verb: fc.constant('confirm'), ...lock, fencingToken: count }),
    },
    { weight: 3, arbitrary: fc.record({ verb: fc.constant('release'), ...lock }) },
    { weight: 2, arbitrary: fc.record({ verb: fc.constant('inspect'), key }) },
  );
}

/**
 * As a server that has forgotten its scripts executes them: what any server may do need not wait. Without repairs,
 * which set nothing there that is missing.
 */
export function withoutScripts(asked: readonly Request[]): Request[] {
  const first = asked.filter(({ verb }) => verb === 'release' || verb === 'confirm' || verb === 'extend');
  return [...first, ...asked.filter(({ verb }) => verb === 'grant' || verb === 'inspect')];
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
  eachWith(stepWith(usualCount, minutes(1, 2, 4, 50, 60))),
  eachWith(stepWith(fc.oneof(usualCount, lastCount), minutes(1, 2, 4, 60))),
);

/** So many requests that, together, they leave as several commands. */
export const crowd: fc.Arbitrary<Request[]> = requests(fc.oneof(usualCount, lastCount), 150);

/** The number itself, given the µs since 1970. */
export function numberOf({ from, offset }: Count, now: number): number {
  return { zero: 0, now, end: LAST_NUMBER }[from] + offset;
}
