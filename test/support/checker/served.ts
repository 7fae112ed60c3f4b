import type { Report } from './checker.ts';
import { Facts, quorumOf, ROUNDING, share } from './facts.ts';
import type { Call, Entry, Exchange, History, Pace } from './history.ts';
import { gaps, Nodes, remembered, within } from './nodes.ts';
import { isForbidden } from './residue.ts';

/** How long a waiter relies on notifications at most, in ms, and what its timers and its shortest pauses may add. */
const LONGEST_SLEEP = 5_000;
const SLACK = 12;

/** The longest pause after a turn that was given back, in ms. */
const LONGEST_YIELD = 250;

/** The shortest and the longest reservation, in ms, and how many round trips it lasts otherwise. */
const RESERVATION = { least: 30, most: 1_000, roundTrips: 3 } as const;

/** For how many round trips an arbiter is waited for, and for what part of `nodeTimeout` at most. */
const HEDGE = { roundTrips: 3, mostTimeouts: 1 / 2 } as const;

const FOREVER = Number.POSITIVE_INFINITY;

/** When a call stopped waiting. */
export function endOf({ wonAt = FOREVER, settledAt }: Call): number {
  return Math.min(wonAt, settledAt);
}

/** For how long a node keeps a key for a waiter at most, in ms of its own clock: it depends on the longest answer. */
export function longestReservation({ longestAnswer }: Facts): number {
  const { least, most, roundTrips } = RESERVATION;
  const needed = Math.max(least, Math.ceil(roundTrips * longestAnswer));
  // A line knows it to a factor of 2.
  return Math.min(most, least * 2 ** Math.ceil(Math.log2(needed / least)));
}

/** Whether answers may come too late to count. */
function isSlow({ latency, nodeTimeout }: Pace): boolean {
  return 2 * latency + 1 > nodeTimeout;
}

/** Whether an arbiter that is as it should be answers before others are asked; if not, chance alone decides who wins. */
export function isNear({ latency, nodeTimeout }: Pace): boolean {
  // A pause may be half as long by chance.
  return 2 * latency * HEDGE.roundTrips <= nodeTimeout * HEDGE.mostTimeouts;
}

/** Whether waiters are served: nobody sleeps on while what it waits for is to be had. */
export function served(facts: Facts, pace: Pace, nodes: Nodes, calls: readonly Call[], report: Report): void {
  const grants = grantsByKey(facts);
  const isServed = facts.history.entries.every((entry) =>
    heeded(facts, pace, nodes, entry, calls, grants, report),
  );
  if (isServed) calls.every((call) => woken(facts, pace, nodes, call, calls, grants, report));
}

type Grants = ReadonlyMap<string, readonly Exchange[]>;

function grantsByKey({ history }: Facts): Grants {
  const grants = new Map<string, Exchange[]>();
  for (const exchange of history.exchanges) {
    if (exchange.operation !== 'grant') continue;
    for (const key of exchange.keys ?? []) {
      const known = grants.get(key);
      if (known) known.push(exchange);
      else grants.set(key, [exchange]);
    }
  }
  return grants;
}

/** A node whose key is free, and whose line is not empty, is soon asked for it. */
function heeded(
  facts: Facts,
  pace: Pace,
  nodes: Nodes,
  { node, key, client, since, from, until }: Entry,
  calls: readonly Call[],
  grants: Grants,
  report: Report,
): boolean {
  const { votes, reservations, entries, exchanges, maxTtl } = facts.history;
  const drift = Math.min(pace.drift * maxTtl, LONGEST_SLEEP);
  const usual = longestReservation(facts) + pace.nodeTimeout / 2 + 6 * pace.latency + SLACK + drift;
  if (client < 0 || isSlow(pace) || until - from < usual) return true;
  const kept = [...votes, ...reservations].filter((each) => each.node === node && each.key === key);
  const asked = (grants.get(key) ?? []).flatMap((each) => (each.node === node ? [each.executedAt] : []));
  const instants = [...kept.flatMap((each) => [each.from, each.until]), ...asked]
    .filter((instant) => instant > from && instant < until)
    .sort((a, b) => a - b);
  let last = Math.max(from, pace.metAt);
  for (const instant of [...instants, until]) {
    const start = last;
    last = Math.max(last, instant);
    if (last - start <= usual) continue;
    // Whoever has just given its turn back tries again at its own pace; and the next in line, if it can, before.
    const others = entries.filter(
      (each) => each.node === node && each.key === key && each.from < last && each.until > start,
    );
    const isYielded = exchanges.some(
      (each) =>
        each.afterwards === 'yield' &&
        each.node === node &&
        each.executedAt > start - 2 * LONGEST_YIELD &&
        each.executedAt < last &&
        (each.client === client ||
          others.some((other) => other.client !== client && other.client !== each.client)),
    );
    const bound = usual + (isYielded ? LONGEST_YIELD : 0);
    if (last - start <= bound) continue;
    const due = start + bound;
    // The next in line watches the first; nobody watches the next, in case both do not run any more.
    const isWatched = others.every(
      (other) =>
        other.since > since ||
        (facts.crashOf(other.client) > due && facts.pausedBetween(other.client, start - bound, due) === 0),
    );
    if (!isWatched) continue;
    if (kept.some((each) => each.from <= start + ROUNDING && each.until > start + ROUNDING)) continue;
    if (due > Math.min(facts.crashOf(client), facts.history.healedAt)) continue;
    // Whoever has not reached a quorum tries again at its own pace.
    const sound = nodes.sound(client, start - bound - pace.longestPause, due, true);
    if (sound.length < quorumOf(facts.history.nodes) || !sound.includes(node)) continue;
    if (facts.pausedBetween(client, start - bound, due) > 0) continue;
    const isWaiting = calls.some(
      (call) =>
        call.client === client && call.resources.includes(key) && call.invokedAt < start && endOf(call) > due,
    );
    // Where another node was the arbiter for a while, it may have stayed in the line there.
    const isElsewhere = entries.some(
      (other) =>
        other.client === client &&
        other.key === key &&
        other.node !== node &&
        other.from < due &&
        other.until > start,
    );
    if (!isWaiting || isElsewhere) continue;
    report(
      'served',
      due,
      `client ${client} slept in the line of node ${node}, where ${key} was free from ${start} on`,
    );
    return false;
  }
  return true;
}

/** Somebody tries what some wait for while a quorum has it. */
function woken(
  facts: Facts,
  pace: Pace,
  nodes: Nodes,
  call: Call,
  calls: readonly Call[],
  grants: Grants,
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
  const own = resources.flatMap((key) => grants.get(key) ?? []);
  const quorum = quorumOf(history.nodes);
  for (const [from, to] of nodes.spans(start, end)) {
    if (to - from < SLACK) continue;
    for (const told of [true, false]) {
      const sound = nodes.sound(client, from, to, told);
      if (sound.length < quorum) continue;
      // Only nodes in whose lines a client stands tell it anything.
      if (told && !standsOnly(facts, client, resources, from, to, sound)) continue;
      for (const gap of within(nodes.gaps(resources, sound), from, to)) {
        const bound = boundOf(facts, pace, told);
        if (gap.to <= gap.from + bound) continue;
        const due = gap.from + bound + missedTurns(facts, gap.from, gap.to);
        if (gap.to <= due) continue;
        const before = 2 * gap.from - due;
        if (facts.pausedBetween(client, before, due) > 0) continue;
        if (facts.holds(client, resources, before, due)) continue;
        if (told && resources.some((key) => deadInLine(facts, key, gap.from, due) > 1)) continue;
        const tried = own.some(
          ({ sentAt, executedAt }) => sentAt <= due + ROUNDING && executedAt >= gap.from,
        );
        if (tried) continue;
        const why = gap.last ? `${gap.last.token} was ${gap.last.end}` : 'nobody had it';
        report('served', due, `client ${client} slept from ${gap.from} on ${resources.join('+')}: ${why}`);
        return false;
      }
    }
  }
  return true;
}

/** Whether a client stood in the lines of none but those nodes. */
function standsOnly(
  { history }: Facts,
  client: number,
  keys: readonly string[],
  from: number,
  to: number,
  nodes: readonly number[],
): boolean {
  return history.entries.every(
    (each) =>
      each.client !== client ||
      !keys.includes(each.key) ||
      each.from > to ||
      each.until < from ||
      nodes.includes(each.node),
  );
}

/** How long it takes until a waiter tries that is as it should be, in ms. */
function boundOf(facts: Facts, pace: Pace, told: boolean): number {
  const { latency, nodeTimeout, longestPause, drift } = pace;
  const usual = nodeTimeout + 6 * latency + SLACK + longestReservation(facts);
  if (!told) return LONGEST_SLEEP + longestPause + usual;
  // What ends by itself, waiters know by their own clocks.
  return (
    usual + Math.max(LONGEST_YIELD, longestPause) + Math.min(drift * facts.history.maxTtl, LONGEST_SLEEP)
  );
}

/** How long nodes kept keys in vain, in ms: those before it in the line may not run any more, or may have no use for it. */
function missedTurns({ history }: Facts, from: number, to: number): number {
  const missed = history.reservations.filter(
    (each) => each.end === 'expired' && each.from < to && each.until > from,
  );
  return missed.reduce((sum, each) => sum + each.until - each.from + SLACK, 0);
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((resource) => other.includes(resource));
}

/** Where some want a lock and nobody has it, soon somebody has. */
export function progress(
  facts: Facts,
  pace: Pace,
  nodes: Nodes,
  calls: readonly Call[],
  report: Report,
): void {
  if (isSlow(pace)) return;
  const least = mostTimeWithoutHolder(pace, true);
  for (const { from, to, waiter, isHealthy, isByExpiry, isYielded } of vacancies(
    facts,
    pace,
    nodes,
    calls,
    () => least,
  )) {
    // A waiter knows by its own clock when keys expire.
    const drift = isByExpiry ? Math.min(pace.drift * facts.history.maxTtl, LONGEST_SLEEP) : 0;
    // A waiter that has just given its turn back pauses. The next in line waits until a reservation would have ended.
    const pause = isYielded ? longestReservation(facts) + SLACK : 0;
    const bound = mostTimeWithoutHolder(pace, isHealthy) + drift + pause;
    if (to - from <= bound || to - from <= bound + missedTurns(facts, from, to)) continue;
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
  const soon = 25 * latency + 15;
  if (isNear(pace) && isHealthy) return soon;
  return (isNear(pace) ? 1 : 3) * (soon + 3 * nodeTimeout + longestPause);
}

interface Vacancy {
  readonly from: number;
  readonly to: number;
  readonly waiter: Call;
  /** Whether nothing was wrong with any of the nodes. */
  readonly isHealthy: boolean;
  /** Whether it began as the last key in the way expired. */
  readonly isByExpiry: boolean;
  /** Whether a turn was given back shortly before, or meanwhile. */
  readonly isYielded: boolean;
}

/**
 * The times in which a resource was to be had, somebody in good health waited for it, and nobody had it, as far as they are longer than
 * `longerThan`.
 */
function* vacancies(
  facts: Facts,
  pace: Pace,
  nodes: Nodes,
  calls: readonly Call[],
  longerThan: () => number,
): Iterable<Vacancy> {
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
        (held.has(vote.token) || vote.by === 'revoke' || facts.crashOf(facts.clientOf(vote.token)) < FOREVER),
    );
    const gapsOf = remembered((sound) => gaps(left, sound, quorumOf(history.nodes)));
    for (const waiter of calls) {
      if (!waiter.resources.includes(resource)) continue;
      const start = Math.max(waiter.invokedAt, pace.metAt);
      const end = Math.min(endOf(waiter), facts.crashOf(waiter.client), history.healedAt);
      if (end <= start) continue;
      const sound = nodes.sound(waiter.client, start, end, true);
      for (const gap of within(gapsOf(sound), start, end)) {
        if (gap.to - gap.from <= longerThan()) continue;
        const busy = beliefs.filter(({ from, until }) => until >= gap.from && from <= gap.to);
        const from = Math.max(
          gap.from,
          ...busy.filter((each) => each.from <= gap.from).map(({ until }) => until),
        );
        const to = Math.min(gap.to, ...busy.filter((each) => each.from > gap.from).map((each) => each.from));
        // What one who is stopped has got of it is in the way of all others; and of several who have died in a line.
        if (to <= from || history.pauses.some((pause) => pause.from < to && pause.to > from)) continue;
        if (deadInLine(facts, resource, from, to) > 1) continue;
        // What may not be deleted is in the way until it expires, or a waiter finds out.
        if (history.exchanges.some((each) => isForbidden(each) && each.keys?.includes(resource))) continue;
        // Those who were forged get their turns like others.
        if (isForgedInLine(history, resource, from, to)) continue;
        // A vote that its owner is not told of is in the way of all, too.
        const contenders = new Set(
          wanted.flatMap((call) => (call.invokedAt < to && call.settledAt > from ? [call.client] : [])),
        );
        const isHealthy =
          sound.length === history.nodes &&
          [...contenders].every((client) => nodes.sound(client, from, to, true).length === history.nodes);
        const isYielded = history.exchanges.some(
          (each) =>
            each.afterwards === 'yield' &&
            each.keys?.includes(resource) === true &&
            each.executedAt > from - LONGEST_YIELD &&
            each.executedAt < to,
        );
        yield { from, to, waiter, isHealthy, isByExpiry: gap.last?.end === 'expired', isYielded };
      }
    }
  }
}

function isForgedInLine({ entries }: History, key: string, from: number, to: number): boolean {
  return entries.some(
    (each) =>
      each.client < 0 && each.key === key && each.from < to && each.until > from && each.end !== 'unheard',
  );
}

/** How many had died that stood in a line, or whose turn it was, between two instants. */
function deadInLine(facts: Facts, key: string, from: number, to: number): number {
  const { entries, reservations, crashes } = facts.history;
  if (crashes.length < 2) return 0;
  const there = [...entries, ...reservations].filter(
    (each) => each.key === key && each.from < to && each.until > from && facts.crashOf(each.client) < to,
  );
  return new Set(there.map(({ client }) => client)).size;
}

/** How long nobody had what somebody waited for, at most, in ms. */
export function longestVacancy(history: History): number {
  const facts = new Facts(history);
  const { pace } = history;
  if (!pace) return 0;
  const calls = history.calls.filter((call) => call.waits);
  let longest = 0;
  for (const { from, to } of vacancies(facts, pace, new Nodes(facts), calls, () => longest))
    longest = Math.max(longest, to - from);
  return longest;
}
