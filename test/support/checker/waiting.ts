import type { Report } from './checker.ts';
import { Facts, quorumOf, ROUNDING, share } from './facts.ts';
import type { Call, History, Pace, Vote } from './history.ts';

/** How long a waiter relies on being told, in ms, and what its timers and its shortest pauses may add. */
const LONGEST_SLEEP = 5_000;
const SLACK = 12;

/** For how many round trips an arbiter is waited for, and for what part of `nodeTimeout` at most. */
const HEDGE = { roundTrips: 3, mostTimeouts: 1 / 2 } as const;

const FOREVER = Number.POSITIVE_INFINITY;

/** Whether those who wait are woken, get their turn, and do not keep each other out. */
export function waiting(facts: Facts, report: Report): void {
  const calls = facts.history.calls.filter((call) => call.waits);
  inOrder(calls, report);
  discreet(facts, report);
  const { pace } = facts.history;
  if (!pace || calls.length === 0) return;
  const nodes = new Nodes(facts);
  calls.every((call) => woken(facts, pace, nodes, call, calls, report));
  progress(facts, pace, nodes, calls, report);
  shared(facts, pace, nodes, calls, report);
}

/** When a call stopped waiting. */
function endOf({ wonAt = FOREVER, settledAt }: Call): number {
  return Math.min(wonAt, settledAt);
}

/** Of calls of one process for one resource the first gets it first. */
function inOrder(calls: readonly Call[], report: Report): void {
  const lines = new Map<string, Call[]>();
  for (const call of calls) {
    if (call.resources.length > 1) continue;
    const line = `${call.client} ${call.resources[0]}`;
    const before = lines.get(line) ?? [];
    lines.set(line, [...before, call]);
    const { wonAt = FOREVER } = call;
    if (wonAt === FOREVER) continue;
    const passed = before.find((each) => endOf(each) > wonAt + ROUNDING);
    if (passed)
      report(
        'in turn',
        wonAt,
        `client ${line}: called at ${call.invokedAt}, it passed who called at ${passed.invokedAt}`,
      );
  }
}

/**
 * Nobody is told of the end of an attempt that was refused, unless so many had granted it that it was in the way of all;
 * or its process had just handed a lock on to it, and told nobody.
 */
function discreet(facts: Facts, report: Report): void {
  const { votes, nodes } = facts.history;
  const spare = nodes - quorumOf(nodes);
  for (const { token, announced, until } of votes) {
    if (!announced) continue;
    const exchanges = facts.exchangesOf(token);
    const grants = exchanges.filter(({ operation }) => operation === 'grant');
    const refusedAt = grants
      .flatMap(({ reply, answeredAt }) => (reply === 'denied' ? [answeredAt] : []))
      .sort((a, b) => a - b)[spare];
    const release = exchanges.find(({ operation }) => operation === 'release');
    if (refusedAt === undefined || release === undefined || refusedAt > release.sentAt) continue;
    if (grants.filter(({ reply }) => reply !== 'denied').length > spare) continue;
    if (isHeir(facts, token)) continue;
    report('discreet', until, `the end of ${token} was told, which was refused`);
    return;
  }
}

/** Whether an attempt began as a lock of the same process ended. */
function isHeir(facts: Facts, token: string): boolean {
  const client = facts.clientOf(token);
  const began = facts.askedAt(token);
  return facts.beliefs.some(({ section }) => {
    const { client: holder, releasedAt, abortedAt } = section;
    const over = Math.min(releasedAt, abortedAt);
    const passed = Math.abs(over - began) - facts.pausedBetween(client, over, began);
    return holder === client && passed < SLACK;
  });
}

/** For which clients which nodes are as they should be, and when. */
class Nodes {
  readonly #facts: Facts;
  readonly #gaps = new Map<string, (nodes: readonly number[]) => readonly Gap[]>();

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** The nodes that a client can do with what it wants, throughout; and, if `told`, that tell it of releases. */
  sound(client: number, from: number, to: number, told: boolean): number[] {
    const { nodes, disturbances, reordering } = this.#facts.history;
    const faulty = new Set(reordering);
    for (const each of disturbances) {
      if (each.client !== undefined && each.client !== client) continue;
      if (each.from < to && from <= (told ? Math.max(each.to, each.silentTo) : each.to))
        faulty.add(each.node);
    }
    return Array.from({ length: nodes }, (_, node) => node).filter((node) => !faulty.has(node));
  }

  /** The times between two instants in each of which nothing begins or ceases to be wrong. */
  *spans(from: number, to: number): Iterable<[number, number]> {
    const instants = this.#facts.history.disturbances
      .flatMap((each) => [each.from, each.to + ROUNDING, each.silentTo + ROUNDING])
      .filter((instant) => instant > from && instant < to);
    let last = from;
    for (const instant of [...instants.sort((a, b) => a - b), to]) {
      yield [last, instant];
      last = instant;
    }
  }

  /** The times in which a quorum of those nodes had none of the resources. */
  gaps(resources: readonly string[], nodes: readonly number[]): readonly Gap[] {
    const name = resources.join();
    let known = this.#gaps.get(name);
    if (!known) {
      const { votes, nodes: all } = this.#facts.history;
      const own = votes.filter(({ key }) => resources.includes(key));
      known = remembered((sound) => gaps(own, sound, quorumOf(all)));
      this.#gaps.set(name, known);
    }
    return known(nodes);
  }
}

function remembered<T>(compute: (nodes: readonly number[]) => T): (nodes: readonly number[]) => T {
  const known = new Map<string, T>();
  return (nodes) => {
    const name = nodes.join();
    const value = known.get(name) ?? compute(nodes);
    known.set(name, value);
    return value;
  };
}

/** A time in which enough nodes had nothing on the keys, and what its beginning was. */
interface Gap {
  readonly from: number;
  readonly to: number;
  /** What ended on the node that was the last to become free. */
  readonly last: Vote | undefined;
}

/** The times between two instants in which a quorum of those nodes had none of the votes, each of which ended at an instant. */
function gaps(votes: readonly Vote[], nodes: readonly number[], quorum: number): Gap[] {
  const changes = votes.flatMap((vote) =>
    nodes.includes(vote.node) && vote.until > vote.from
      ? [
          { at: vote.from, vote, by: 1 },
          { at: vote.until, vote, by: -1 },
        ]
      : [],
  );
  changes.sort((a, b) => a.at - b.at || a.by - b.by);
  const standing = new Map(nodes.map((node) => [node, 0]));
  const found: Gap[] = [];
  let free = nodes.length;
  let from = Number.NEGATIVE_INFINITY;
  let last: Vote | undefined;
  for (const { at, vote, by } of changes) {
    const before = standing.get(vote.node) ?? 0;
    standing.set(vote.node, before + by);
    if (before === 0) {
      if (free-- === quorum) found.push({ from, to: at, last });
    } else if (before + by === 0 && ++free === quorum) {
      from = at;
      last = vote;
    }
  }
  if (free >= quorum) found.push({ from, to: FOREVER, last });
  return found;
}

/** The parts of them between two instants. */
function* within(all: readonly Gap[], from: number, to: number): Iterable<Gap> {
  for (const gap of all) {
    if (gap.to <= from || gap.from >= to) continue;
    const last = gap.from < from ? undefined : gap.last;
    yield { from: Math.max(gap.from, from), to: Math.min(gap.to, to), last };
  }
}

/** Nobody sleeps while what it waits for is to be had. */
function woken(
  facts: Facts,
  pace: Pace,
  nodes: Nodes,
  call: Call,
  calls: readonly Call[],
  report: Report,
): boolean {
  const { history } = facts;
  const { client, resources, invokedAt } = call;
  const end = Math.min(endOf(call), facts.crashOf(client), history.healedAt);
  const start = Math.max(invokedAt, pace.from);
  if (end - start < SLACK) return true;
  // Whoever wants other keys as well waits for those.
  const isMixed = calls.some(
    (other) =>
      other.client === client &&
      share(other.resources, resources) &&
      !isSame(other.resources, resources) &&
      other.invokedAt < end &&
      other.settledAt > start,
  );
  if (isMixed) return true;
  const grants = facts.grantsOf(client).filter(({ keys = [] }) => isSame(keys, resources));
  const quorum = quorumOf(history.nodes);
  for (const [from, to] of nodes.spans(start, end)) {
    if (to - from < SLACK) continue;
    for (const told of [true, false]) {
      const sound = nodes.sound(client, from, to, told);
      if (sound.length < quorum) continue;
      for (const gap of within(nodes.gaps(resources, sound), from, to)) {
        const due = gap.from + boundOf(pace, history.maxTtl, gap, told);
        if (gap.to <= due) continue;
        const before = 2 * gap.from - due;
        if (facts.pausedBetween(client, before, due) > 0) continue;
        if (facts.holds(client, resources, before, due)) continue;
        const tried = grants.some(
          ({ sentAt, executedAt }) => sentAt <= due + ROUNDING && executedAt >= gap.from,
        );
        if (tried) continue;
        const why = gap.last
          ? `${gap.last.token} was ${gap.last.announced ? 'released' : gap.last.end}`
          : 'nobody had it';
        report('woken', due, `client ${client} slept from ${gap.from} on ${resources.join('+')}: ${why}`);
        return false;
      }
    }
  }
  return true;
}

/** How long it takes until a waiter tries that is as it should be, in ms. */
function boundOf(pace: Pace, maxTtl: number, { last }: Gap, told: boolean): number {
  const { latency, nodeTimeout, longestPause, drift } = pace;
  const usual = nodeTimeout + 6 * latency + SLACK;
  if (!told) return LONGEST_SLEEP + longestPause + usual;
  if (last?.end === 'deleted' && last.announced && !isSlow(pace)) return usual;
  // It is one of those who split the votes, or it knows the end by its own clock.
  return usual + longestPause + Math.min(drift * maxTtl, LONGEST_SLEEP);
}

/** Whether answers may come too late to count. */
function isSlow({ latency, nodeTimeout }: Pace): boolean {
  return 2 * latency + 1 > nodeTimeout;
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((resource) => other.includes(resource));
}

/** Where some want a lock and nobody has it, soon somebody has. */
function progress(facts: Facts, pace: Pace, nodes: Nodes, calls: readonly Call[], report: Report): void {
  if (isSlow(pace)) return;
  for (const { from, to, waiter, isHealthy, isByExpiry } of vacancies(facts, pace, nodes, calls)) {
    // A waiter knows by its own clock when keys expire.
    const drift = isByExpiry ? Math.min(pace.drift * facts.history.maxTtl, LONGEST_SLEEP) : 0;
    const bound = mostTimeWithoutHolder(pace, isHealthy) + drift;
    if (to - from <= bound) continue;
    report(
      'progress',
      from + bound,
      `nobody had what client ${waiter.client} waited for, from ${from} to ${to}`,
    );
    return;
  }
}

/**
 * How long it may take contenders until one of them holds, in ms: three times what was ever seen. An arbiter that is
 * far away is not waited for, and chance alone decides who wins; and while a node hangs, and nobody has found out, the
 * attempts of those who split the votes may wait for it.
 */
function mostTimeWithoutHolder(pace: Pace, isHealthy: boolean): number {
  const { latency, nodeTimeout, longestPause } = pace;
  const isNear = 2 * latency * HEDGE.roundTrips <= nodeTimeout * HEDGE.mostTimeouts;
  const soon = 25 * latency + 15;
  if (isNear && isHealthy) return soon;
  return (isNear ? 1 : 3) * (soon + 3 * nodeTimeout + longestPause);
}

/** How many times in a row a process may hand a lock on to itself, and how long others have then, in ms. */
const MOST_HAND_OVERS = 32;
const HEAD_START = 3;

/** No process keeps a lock to itself that others wait for, if they are near enough to be there in time. */
function shared(facts: Facts, pace: Pace, nodes: Nodes, calls: readonly Call[], report: Report): void {
  const { history } = facts;
  if (2 * pace.latency + 1 > HEAD_START) return;
  const most = 3 * (MOST_HAND_OVERS + 1);
  for (const call of calls) {
    const { client, resources, invokedAt } = call;
    const start = Math.max(invokedAt, pace.metAt);
    const end = Math.min(endOf(call), facts.crashOf(client));
    const meanwhile = history.sections.filter(
      ({ from, resources: held }) => from > start && from < end && share(held, resources),
    );
    if (meanwhile.length <= most || resources.length > 1) continue;
    if (nodes.sound(client, start, end, true).length < history.nodes) continue;
    if (facts.pausedBetween(client, start, end) > 0) continue;
    let inARow = 0;
    let last = -1;
    for (const section of meanwhile.sort((a, b) => a.from - b.from)) {
      inARow = section.client === last ? inARow + 1 : 1;
      last = section.client;
      if (inARow <= most) continue;
      report(
        'shared',
        section.from,
        `client ${last} kept ${resources[0]} to itself while client ${client} waited`,
      );
      return;
    }
  }
}

interface Vacancy {
  readonly from: number;
  readonly to: number;
  readonly waiter: Call;
  /** Whether nothing was wrong with any of the nodes. */
  readonly isHealthy: boolean;
  /** Whether it began as the last key in the way expired. */
  readonly isByExpiry: boolean;
}

/** The times in which a resource was to be had, somebody in good health waited for it, and nobody had it. */
function* vacancies(facts: Facts, pace: Pace, nodes: Nodes, calls: readonly Call[]): Iterable<Vacancy> {
  const { history } = facts;
  const resources = [
    ...new Set(calls.flatMap((call) => (call.resources.length === 1 ? call.resources : []))),
  ];
  for (const resource of resources) {
    const wanted = history.calls.filter((call) => call.resources.includes(resource));
    if (wanted.some((call) => call.resources.length > 1)) continue;
    const beliefs = facts.beliefs.filter(({ section }) => section.resources.includes(resource));
    const held = new Set(beliefs.map(({ section }) => section.token));
    // What is left of those who had it, or are no more, is in the way of all.
    const left = history.votes.filter(
      (vote) =>
        vote.key === resource &&
        (held.has(vote.token) || facts.crashOf(facts.clientOf(vote.token)) < FOREVER),
    );
    const gapsOf = remembered((sound) => gaps(left, sound, quorumOf(history.nodes)));
    for (const waiter of calls) {
      if (!waiter.resources.includes(resource)) continue;
      const start = Math.max(waiter.invokedAt, pace.metAt);
      const end = Math.min(endOf(waiter), facts.crashOf(waiter.client), history.healedAt);
      if (end <= start) continue;
      const sound = nodes.sound(waiter.client, start, end, true);
      for (const gap of within(gapsOf(sound), start, end)) {
        const busy = beliefs.filter(({ from, until }) => until >= gap.from && from <= gap.to);
        const from = Math.max(
          gap.from,
          ...busy.filter((each) => each.from <= gap.from).map(({ until }) => until),
        );
        const to = Math.min(gap.to, ...busy.filter((each) => each.from > gap.from).map((each) => each.from));
        // What one who is stopped has got of it is in the way of all others.
        if (to <= from || history.pauses.some((pause) => pause.from < to && pause.to > from)) continue;
        // A vote that its owner is not told of is in the way of all, too.
        const contenders = new Set(
          wanted.flatMap((call) => (call.invokedAt < to && call.settledAt > from ? [call.client] : [])),
        );
        const isHealthy =
          sound.length === history.nodes &&
          [...contenders].every((client) => nodes.sound(client, from, to, true).length === history.nodes);
        yield { from, to, waiter, isHealthy, isByExpiry: gap.last?.end === 'expired' };
      }
    }
  }
}

/** How long nobody had what somebody waited for, at most, in ms. */
export function longestVacancy(history: History): number {
  const facts = new Facts(history);
  const { pace } = history;
  if (!pace) return 0;
  const calls = history.calls.filter((call) => call.waits);
  let longest = 0;
  for (const { from, to } of vacancies(facts, pace, new Nodes(facts), calls))
    longest = Math.max(longest, to - from);
  return longest;
}
