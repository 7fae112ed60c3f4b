import { type Rule, violations } from '../support/checker/checker.ts';
import type { History } from '../support/checker/history.ts';
import { LATENESS } from '../support/real-history/allowances.ts';
import { unfair } from './fairness.ts';
import type { LogEvent } from './log.ts';
import { type MergeOptions, merge } from './merge.ts';
import type { ViolationMark } from './report/report.ts';
import { acrossClients, ofEachClient } from './slices.ts';

export interface JudgeOptions extends MergeOptions {
  readonly limits: 'kept' | 'broken';
  /** Which of the two stores counts. `unguarded` shows what becomes of writes that nobody checks. */
  readonly store: 'guarded' | 'unguarded';
}

/**
 * The rules of the simulator's checker that can be judged by what clients have logged. The others need to know what
 * nodes did, which nobody logs here:
 *
 * - support, continuity, remembers, owner, live votes, sent in time, once, atomic, first in, first out, discreet, residue:
 *   votes and exchanges. What is left on nodes in the end is looked up there instead.
 * - prompt, paced, served, progress, left, thrifty: exchanges, lines, or what waiters were told.
 * - fair: lines. Instead it is judged who got a lock that had asked for it later; see fairness.ts.
 * - live: whether nothing stood in a call's way. How soon there is a lock after healing is measured instead.
 *
 * Of `honest` only what extensions say is judged: of a refusal nobody knows whether somebody else had a vote.
 */
const JUDGED: ReadonlySet<Rule> = new Set<Rule>([
  'exclusion',
  'fenced',
  'told',
  'told first',
  'quiet',
  'valid',
  'bounded',
  'settled',
  'honest',
  'in turn',
  'ordered',
]);

/** Those of them that are about what several clients hold. */
const BETWEEN_CLIENTS: ReadonlySet<Rule> = new Set<Rule>(['exclusion', 'fenced']);

/** What may happen while a majority of the nodes is faulty. */
const ALLOWED_WHEN_BROKEN: ReadonlySet<string> = new Set<Rule>(['exclusion']);

/** How soon after healing somebody has to get a lock, in ms. */
const SOON = 1_000;

export interface Verdict {
  readonly violations: readonly ViolationMark[];
  /** What would be violations if limits had been kept. */
  readonly allowed: readonly ViolationMark[];
  /** In ms; undefined if nobody got a lock after healing. */
  readonly firstAfterHealing: number | undefined;
}

/** Judges all that was logged, in the order of time. */
export function judge(events: readonly LogEvent[], options: JudgeOptions): Verdict {
  const history = merge(events, options);
  const laneOf = lanesOf(events);
  const firstAfterHealing = firstLockAfter(history);
  const found = [
    ...byRules(history, laneOf),
    ...byStore(events, laneOf, options.store),
    ...byResidue(events, history),
    ...byFairness(history, events, laneOf),
    ...byHealing(history, firstAfterHealing),
    ...byLeftovers(events, laneOf),
  ].sort((a, b) => a.at - b.at);
  const isAllowed = ({ rule }: ViolationMark): boolean =>
    options.limits === 'broken' && ALLOWED_WHEN_BROKEN.has(rule);
  return {
    violations: found.filter((each) => !isAllowed(each)),
    allowed: found.filter(isAllowed),
    firstAfterHealing,
  };
}

function byRules(history: History, laneOf: (client: number) => string): ViolationMark[] {
  const found = new Map<string, ViolationMark>();
  const check = (part: History, rules: (rule: Rule) => boolean): void => {
    for (const { rule, at, what } of violations(part, { forgive: false, lateness: LATENESS })) {
      if (!rules(rule)) continue;
      const holders = part.sections.filter(({ token }) => what.includes(token)).map(({ client }) => client);
      const callers = [...what.matchAll(/client (\d+)/g)].map(([, client]) => Number(client));
      const lanes = [...new Set([...holders, ...callers].map(laneOf))];
      found.set(`${rule} ${what}`, { rule, at, what, lanes });
    }
  };
  for (const part of acrossClients(history)) check(part, (rule) => BETWEEN_CLIENTS.has(rule));
  for (const part of ofEachClient(history))
    check(part, (rule) => JUDGED.has(rule) && !BETWEEN_CLIENTS.has(rule));
  return [...found.values()];
}

/** Whether the guard has let nothing through that came too late. */
function byStore(
  events: readonly LogEvent[],
  laneOf: (client: number) => string,
  store: 'guarded' | 'unguarded',
): ViolationMark[] {
  const found: ViolationMark[] = [];
  const newest = new Map<string, number>();
  for (const event of events) {
    if (event.f !== 'write') continue;
    const { at, client, resource, fencingToken, isAccepted, lost } = event;
    const who = `client ${client} wrote to ${resource} with the fencing token ${fencingToken}`;
    const report = (rule: string, what: string): void =>
      void found.push({ rule, at, what: `${who}, ${what}`, lanes: [laneOf(client)] });
    if (lost[store] > 0) report('lost write', `and ${lost[store]} writes of others were lost`);
    if (!isAccepted) continue;
    const largest = newest.get(resource) ?? 0;
    if (fencingToken < largest) report('stale write', `after one with ${largest}`);
    newest.set(resource, Math.max(largest, fencingToken));
  }
  return found;
}

function byFairness(
  history: History,
  events: readonly LogEvent[],
  laneOf: (client: number) => string,
): ViolationMark[] {
  return unfair(history, events).map(({ client, at, what }) => ({
    rule: 'fair',
    at,
    what,
    lanes: [laneOf(client)],
  }));
}

/** What stands on nodes in the end; a client that was killed can no more give anything back. */
function byResidue(events: readonly LogEvent[], { attempts, crashes }: History): ViolationMark[] {
  const killed = new Set(crashes.map(({ client }) => client));
  const owners = new Map(attempts.map(({ token, client }) => [token, client]));
  return events.flatMap((event) => {
    if (event.f !== 'residue' || killed.has(owners.get(event.token) ?? -1)) return [];
    const { at, node, key, token } = event;
    const what = `node ${node + 1} still had ${key} for ${token}`;
    return [{ rule: 'residue', at, what, lanes: [nodeLane(node)] }];
  });
}

function byHealing({ healedAt }: History, first: number | undefined): ViolationMark[] {
  if (!Number.isFinite(healedAt) || (first !== undefined && first <= SOON)) return [];
  const what = `after healing the first lock was got ${first === undefined ? 'never' : `after ${first} ms`}`;
  return [{ rule: 'healing', at: healedAt, what, lanes: [] }];
}

/** What nobody has caught, and which processes have ended by themselves. */
function byLeftovers(events: readonly LogEvent[], laneOf: (client: number) => string): ViolationMark[] {
  return events.flatMap((event) => {
    const died = event.f === 'process' && event.state === 'died' ? 'its process died' : undefined;
    const what = event.f === 'leftover' ? event.what : died;
    if (what === undefined || !('client' in event)) return [];
    return [{ rule: 'leftovers', at: event.at, what, lanes: [laneOf(event.client)] }];
  });
}

/** When the next lock was got after healing, in ms from then. */
function firstLockAfter({ sections, healedAt }: History): number | undefined {
  const after = sections.filter(({ from }) => from >= healedAt).map(({ from }) => from - healedAt);
  return after.length === 0 ? undefined : after.reduce((a, b) => Math.min(a, b));
}

export function lanesOf(events: readonly LogEvent[]): (client: number) => string {
  const lanes = new Map<number, number>();
  for (const event of events) if (event.f === 'process') lanes.set(event.client, event.lane);
  return (client) => clientLane(lanes.get(client) ?? client);
}

export function clientLane(lane: number): string {
  return `client ${lane + 1}`;
}

export function nodeLane(node: number): string {
  return `node ${node + 1}`;
}
