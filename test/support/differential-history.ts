import * as fc from 'fast-check';

/** A request through the port; data, so that a counterexample can be read. */
export type Request =
  | {
      readonly verb: 'grant' | 'extend';
      readonly keys: string[];
      readonly ownerToken: string;
      readonly ttl: number;
    }
  | { readonly verb: 'release'; readonly keys: string[]; readonly ownerToken: string }
  | { readonly verb: 'inspect'; readonly key: string };

export type Step =
  /** Requests of one tick. Unless they are awaited, what comes next may be sent before they are answered. */
  | { readonly what: 'ask'; readonly requests: Request[]; readonly awaited: boolean }
  | { readonly what: 'pass'; readonly ms: number }
  | { readonly what: 'lose' | 'persist'; readonly key: string }
  | { readonly what: 'forget' | 'forgetScripts' };

/**
 * Every ttl and every step of time is a whole number of these. So what a key has left, and with it whether it
 * outlives a step, never hangs on the few ms that a run really takes.
 */
const MINUTE = 60_000;

const KEYS = ['a', 'b', 'c', 'd'];
const key = fc.constantFrom(...KEYS);
const keys = fc.shuffledSubarray(KEYS, { minLength: 1, maxLength: 3 });
/** The empty one is no lock's, but a key that a stranger has set may hold it. */
const ownerToken = fc.constantFrom('x', 'y', '');
const minutes = (...lengths: number[]): fc.Arbitrary<number> =>
  fc.constantFrom(...lengths.map((length) => length * MINUTE));
const ttl = minutes(1, 2, 5, 10);

const request: fc.Arbitrary<Request> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('grant'), keys, ownerToken, ttl }) },
  { weight: 4, arbitrary: fc.record({ verb: fc.constant('extend'), keys, ownerToken, ttl }) },
  { weight: 3, arbitrary: fc.record({ verb: fc.constant('release'), keys, ownerToken }) },
  { weight: 2, arbitrary: fc.record({ verb: fc.constant('inspect'), key }) },
);

const requests = (most: number): fc.Arbitrary<Request[]> =>
  fc.array(request, { minLength: 1, maxLength: most, size: 'max' });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ what: fc.constant('ask'), requests: requests(5), awaited: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('pass'), ms: minutes(1, 2, 4) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('lose', 'persist'), key }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constantFrom('forget', 'forgetScripts') }) },
);

/** What happens to a node and its server, one thing after the other. */
export const history: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 1, maxLength: 30, size: 'max' });

/** So many requests that, together, they leave as several commands. */
export const crowd: fc.Arbitrary<Request[]> = requests(150);
