import { type Rule, violations } from '../support/checker/checker.ts';
import type { History, Section } from '../support/checker/history.ts';
import type { LogEvent } from './log.ts';
import { LATENESS, type MergeOptions, merge } from './merge.ts';
import type { ViolationMark } from './report/report.ts';

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
 * - prompt, paced, woken, progress, shared: exchanges, or what waiters were told.
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
  'leftovers',
]);

/** What may happen while a majority of the nodes is faulty. */
const ALLOWED_WHEN_BROKEN: ReadonlySet<string> = new Set<Rule>(['exclusion']);

/** How soon after healing somebody has to get a lock, in ms. */
const SOON = 1_000;
/** The checker compares each with each; so it gets no more than what happened within so many ms at once. */
const SLICE = 2_000;

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
    ...byHealing(history, firstAfterHealing),
    ...byProcesses(events),
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
  for (const slice of slices(history)) {
    const clients = new Map(slice.sections.map(({ token, client }) => [token, client]));
    for (const { rule, at, what } of violations(slice, { forgive: false, lateness: LATENESS })) {
      if (!JUDGED.has(rule)) continue;
      const named = [...clients].filter(([token]) => what.includes(token)).map(([, client]) => client);
      const called = [...what.matchAll(/client (\d+)/g)].map(([, client]) => Number(client));
      const lanes = [...new Set([...named, ...called].map(laneOf))];
      found.set(`${rule} ${what}`, { rule, at: Number.isFinite(at) ? at : history.healedAt, what, lanes });
    }
  }
  return [...found.values()];
}

/**
 * Parts of a history that say together what the whole says: what touches a span of time, and for each resource its last
 * holder before that, so that the order of holders has no gap.
 */
function* slices(history: History): Iterable<History> {
  const sections = [...history.sections].sort((a, b) => a.from - b.from);
  const attempts = new Map(history.attempts.map((attempt) => [attempt.token, attempt]));
  const end = Math.max(
    0,
    ...last(sections.map(({ from }) => from)),
    ...last(history.calls.map(({ invokedAt }) => invokedAt)),
  );
  const before = new Map<string, Section>();
  let next = 0;
  let open: Section[] = [];
  let calls = [...history.calls].sort((a, b) => a.invokedAt - b.invokedAt);
  for (let from = 0; from <= end; from += SLICE) {
    const to = from + SLICE;
    open = open.filter((section) => endOf(section) >= from);
    const carried = [...before.values()];
    for (let section = sections[next]; section && section.from < to; section = sections[++next]) {
      open.push(section);
      for (const resource of section.resources) before.set(resource, section);
    }
    calls = calls.filter(({ settledAt }) => settledAt >= from);
    const own = [...new Set([...carried, ...open])];
    const ownCalls = calls.filter(({ invokedAt }) => invokedAt < to);
    const earliest = Math.min(
      from,
      ...own.map((each) => each.from),
      ...ownCalls.map((each) => each.invokedAt),
    );
    const latest = Math.max(
      to,
      ...own.map(endOf),
      ...ownCalls.map(({ settledAt, invokedAt, bound }) => Math.min(settledAt, invokedAt + 2 * bound)),
    );
    yield {
      ...history,
      sections: own,
      calls: ownCalls,
      attempts: own.flatMap(({ token }) => attempts.get(token) ?? []),
      pauses: history.pauses.filter((pause) => pause.from <= latest + SLICE && pause.to >= earliest - SLICE),
      leftovers: from === 0 ? history.leftovers : [],
    };
  }
}

/** The largest of many numbers, which are too many for the arguments of a function. */
function last(values: readonly number[]): number[] {
  return values.length === 0 ? [] : [values.reduce((a, b) => Math.max(a, b))];
}

function endOf({ from, validity }: Section): number {
  return validity.at(-1)?.until ?? from;
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

function byProcesses(events: readonly LogEvent[]): ViolationMark[] {
  return events.flatMap((event) =>
    event.f === 'process' && event.state === 'died'
      ? [{ rule: 'leftovers', at: event.at, what: 'its process died', lanes: [clientLane(event.lane)] }]
      : [],
  );
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
