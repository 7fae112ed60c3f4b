import { calls } from './calls.ts';
import { economy } from './economy.ts';
import { exclusion } from './exclusion.ts';
import { Facts } from './facts.ts';
import { fenced } from './fenced.ts';
import type { History } from './history.ts';
import { holders } from './holders.ts';
import { kept } from './kept.ts';
import { operated } from './operated.ts';
import { operations } from './operations.ts';
import { remembers } from './remembers.ts';
import { residue } from './residue.ts';
import { waiting } from './waiting.ts';

/** Something that must not have happened. */
export interface Violation {
  /** The name of the rule that it breaks; see `RULES`. */
  readonly rule: Rule;
  readonly at: number;
  readonly what: string;
}

export type Report = (rule: Rule, at: number, what: string) => void;

/**
 * What has to hold in every history, and under which assumptions. `forgiven`: what happens once a node has lost a
 * vote that was neither due nor deleted is not counted.
 */
export const RULES = {
  exclusion:
    'no two hold a resource at the same time (clocks within drift; lost votes forgiven, unless restarts are guarded)',
  remembers:
    'no node grants while locks may be valid that it has forgotten (guarded restarts; unless all nodes are new)',
  fenced:
    'fencing tokens are unique, and grow from each holder to the next (lost counters forgiven that clocks do not make up for)',
  support: 'who holds has a quorum of votes standing (clocks within drift; lost votes forgiven)',
  continuity:
    'no extension succeeds across the whole section of another holder (lost votes allowed; lost counters forgiven)',
  kept: 'no lock that extends itself is lost while a quorum that has had its keys without a break can be reached for two extensions',
  told: 'a signal aborts by the end of validity, or as soon as its client runs again',
  'told first': 'no call returns to a caller one of whose locks is over and has not said so',
  quiet: 'no signal aborts after a release',
  valid:
    'a lock that is handed out is held, for as long as its options promise, and does not come back once it is over',
  bounded: 'no validity beyond maxHoldTime',
  settled: 'every call settles within its bound',
  prompt: 'an attempt settles with the answer that decides it',
  honest: 'null, free, held and extended are said of what was so',
  paced:
    'no waiter tries within 5 ms of its last attempt, unless it was told something meanwhile; what nobody has called for slows down, and ends when keys have expired',
  served: 'no waiter sleeps while what it waits for is to be had, longer than a reservation lasts',
  fair: 'no waiter is passed by those of other processes that came after it, but once for each fault; none keeps a lock to itself',
  left: 'nothing of a waiter stays in a line when its calls have ended, and no reservation lasts for long',
  thrifty: 'each time that a lock changes hands costs only so many commands and messages',
  'in turn': 'of two calls of a process that wait for a resource, the first gets it first',
  progress: 'where contenders are in good health, one of them holds soon',
  ordered: 'extensions of a lock settle in the order of their calls',
  live: 'whoever waits with a quorum healthy gets the lock',
  owner: 'only an operation of the owner deletes a vote',
  'live votes': 'no release is executed while its lock is held',
  'sent in time': 'nothing is claimed for a token once it is being released',
  once: 'no grant is executed twice',
  atomic: 'an operation takes all its keys or none, and changes nothing that it does not say',
  'first in, first out': 'no vote is set after its release, except over a dead connection',
  revoked: 'what was taken away from its holder is extended no more (lost votes forgiven)',
  delayed: 'after a loss nobody else gets the lock for its lockDelay (lost votes forgiven)',
  residue: 'nothing stands once all is released and healed, except what a dead connection set',
  leftovers: 'no rejection is unhandled, and no timer outlives its Redlock',
} as const;

export type Rule = keyof typeof RULES;

export interface Leniency {
  /** Whether to forgive what follows from votes that nodes have lost; see {@link RULES}. */
  readonly forgive: boolean;
  /** How long what is to happen at once may take, in ms: nothing where time is virtual. @default 0 */
  readonly lateness?: number;
}

/** What a history does that it must not, in no order. */
export function violations(
  history: History,
  { forgive, lateness = 0 }: Leniency = { forgive: true },
): Violation[] {
  const found: Violation[] = [];
  const report: Report = (rule, at, what) => void found.push({ rule, at, what });
  const facts = new Facts(history, lateness);
  exclusion(facts, forgive, report);
  remembers(facts, report);
  fenced(facts, report);
  holders(facts, report);
  kept(facts, report);
  calls(facts, report);
  economy(facts, report);
  operations(facts, report);
  waiting(facts, report);
  operated(facts, report);
  residue(facts, report);
  for (const what of history.leftovers) report('leftovers', history.healedAt, what);
  return found;
}
