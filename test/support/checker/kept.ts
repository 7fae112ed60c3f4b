import type { Report } from './checker.ts';
import { type Belief, type Facts, quorumOf, ROUNDING } from './facts.ts';
import type { Call, Pace, Section } from './history.ts';

/** How late timers may come in all while a lock is extended twice, in ms. */
const SLACK = 12;

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * No lock that extends itself is lost for want of extensions if, after an extension was due and before the end of validity, there
 * was a time long enough for two extensions in which a quorum of nodes could be reached and had had its keys without a break.
 * And no extension says that nodes were without them if a quorum has answered that was not.
 */
export function kept(facts: Facts, report: Report): void {
  const { pace, calls } = facts.history;
  for (const { section } of facts.beliefs) {
    for (const call of calls)
      if (call.verb === 'extend' && call.token === section.token) slandered(facts, section, call, report);
  }
  if (!pace) return;
  for (const belief of facts.beliefs) {
    const { section } = belief;
    const isLost = section.abortedAt < section.releasedAt && section.maxHoldTime === Number.POSITIVE_INFINITY;
    if (section.extendsTo === undefined || !isLost) continue;
    const chance = chanceOf(facts, pace, belief, section.extendsTo);
    if (chance === undefined) continue;
    const { token, abortedAt } = section;
    report('kept', abortedAt, `${token} was lost though a quorum was there from ${chance} on`);
  }
}

function slandered(facts: Facts, section: Section, { outcome, settledAt }: Call, report: Report): void {
  if (outcome !== 'RESOURCE_HELD') return;
  const { token } = section;
  const answered = facts
    .exchangesOf(token)
    .filter(
      ({ operation, answeredAt }) =>
        (operation === 'extend' || operation === 'repair') && answeredAt <= settledAt,
    );
  const sentAt = Math.max(...answered.map((each) => each.sentAt));
  const whole = answered.filter(
    (each) =>
      each.sentAt > sentAt - ROUNDING &&
      each.reply === 'extended' &&
      breaksOf(facts, section, each.node).every(({ from, to }) => to <= sentAt || from >= each.executedAt),
  );
  if (whole.length >= quorumOf(facts.history.nodes))
    report('kept', settledAt, `an extension of ${token} failed though a quorum had held it without a break`);
}

/** When a time began in which the lock should have been extended, if there was one. */
function chanceOf(facts: Facts, pace: Pace, { section }: Belief, ttl: number): number | undefined {
  const { nodes, pauses, disturbances } = facts.history;
  const { latency, nodeTimeout, drift } = pace;
  const roundTrip = 2 * latency + 1;
  // Nodes whose answers come too late are as good as none.
  if (roundTrip >= nodeTimeout) return undefined;
  const end = section.validity.at(-1)?.until ?? section.from;
  const dueAt = end - ((ttl * (1 - drift) - 3 - (section.lockDelay ?? 0)) * 2) / 3 / (1 + drift);
  // An extension waits for a third of what is left at most.
  const last = Math.min(end, section.abortedAt) - 4 * roundTrip - SLACK;
  const length = 2 * Math.max(5, ttl / 10, nodeTimeout) + 2 * roundTrip + SLACK;
  const gaps = Array.from({ length: nodes }, (_, node): Span[] => [
    ...breaksOf(facts, section, node),
    ...pauses.filter(({ client }) => client === section.client),
    ...disturbances
      .filter((each) => each.node === node && (each.client ?? section.client) === section.client)
      .map(({ from, backAt }) => ({ from, to: backAt })),
  ]);
  return [dueAt, ...gaps.flat().map(({ to }) => to + ROUNDING)].find((from) => {
    const to = from + length;
    if (from < dueAt || to > last) return false;
    const there = gaps.filter((spans) => spans.every((gap) => gap.to <= from || gap.from >= to));
    return there.length >= quorumOf(nodes);
  });
}

/** When a node may not have counted for an extension of the lock. */
function breaksOf(facts: Facts, section: Section, node: number): Span[] {
  const { token, resources, fencingToken = Number.POSITIVE_INFINITY } = section;
  const never = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];
  if (facts.history.reordering.includes(node)) return never;
  const grant = facts
    .exchangesOf(token)
    .find((each) => each.node === node && each.operation === 'grant' && each.reply === 'granted');
  // One that is reported after the win counts only if no other holder can have been there before.
  const isLate = grant && grant.answeredAt > section.from && (grant.counter ?? 0) > fencingToken;
  if (!grant || isLate) return never;
  const ends = resources.map((key) => {
    const votes = facts.votesOf(token).filter((vote) => vote.node === node && vote.key === key);
    return votes.find(({ by, from }) => by === 'grant' && from <= grant.executedAt + ROUNDING)?.until ?? 0;
  });
  return [
    { from: Number.NEGATIVE_INFINITY, to: grant.answeredAt },
    { from: Math.min(...ends), to: Number.POSITIVE_INFINITY },
  ];
}
