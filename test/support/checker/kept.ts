import type { Report } from './checker.ts';
import { type Belief, type Facts, quorumOf, ROUNDING } from './facts.ts';
import type { Pace } from './history.ts';

/** How late timers may come in all while a lock is extended twice, in ms. */
const SLACK = 12;

interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * No lock that extends itself is lost for want of extensions if, after an extension was due and before the end of validity, there
 * was a time long enough for two extensions in which a quorum of nodes could be reached and had had its keys without a break.
 */
export function kept(facts: Facts, report: Report): void {
  const { pace } = facts.history;
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

/** When a time began in which the lock should have been extended, if there was one. */
function chanceOf(facts: Facts, pace: Pace, belief: Belief, ttl: number): number | undefined {
  const { nodes } = facts.history;
  const { section } = belief;
  const { latency, nodeTimeout, drift } = pace;
  const roundTrip = 2 * latency + 1;
  // Nodes whose answers come too late are as good as none.
  if (roundTrip >= nodeTimeout) return undefined;
  const end = Math.min(section.validity.at(-1)?.until ?? section.from, section.abortedAt);
  const reserve = ((ttl * (1 - drift) - 3) * 2) / 3 / (1 + drift);
  // An extension waits for a third of what is left at most.
  const last = end - 4 * roundTrip - SLACK;
  const length = 2 * Math.max(5, ttl / 10, nodeTimeout) + 2 * roundTrip + SLACK;
  const gaps = Array.from({ length: nodes }, (_, node) => gapsOf(facts, belief, node));
  const starts = [end - reserve, ...gaps.flat().map(({ to }) => to + ROUNDING)];
  return starts.find((from) => {
    const to = from + length;
    if (from < end - reserve || to > last) return false;
    const there = gaps.filter((spans) => spans.every((gap) => gap.to <= from || gap.from >= to));
    return there.length >= quorumOf(nodes);
  });
}

/** When a node may not have counted for an extension of the lock. */
function gapsOf(facts: Facts, { section }: Belief, node: number): Span[] {
  const { disturbances, pauses, reordering } = facts.history;
  const { client, token, resources, fencingToken } = section;
  const never = [{ from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }];
  if (reordering.includes(node)) return never;
  const grant = facts
    .exchangesOf(token)
    .find((each) => each.node === node && each.operation === 'grant' && each.reply === 'granted');
  // One that is reported after the win counts only if no other holder can have been there before.
  const isLate =
    grant && grant.answeredAt > section.from && (grant.counter ?? 0) > (fencingToken ?? Infinity);
  if (!grant || isLate) return never;
  const ends = resources.map((key) => {
    const votes = facts.votesOf(token).filter((vote) => vote.node === node && vote.key === key);
    return votes.find(({ by, from }) => by === 'grant' && from <= grant.executedAt + ROUNDING)?.until ?? 0;
  });
  return [
    { from: Number.NEGATIVE_INFINITY, to: grant.answeredAt },
    { from: Math.min(...ends), to: Number.POSITIVE_INFINITY },
    ...pauses.filter((pause) => pause.client === client),
    ...disturbances
      .filter((each) => each.node === node && (each.client === undefined || each.client === client))
      .map(({ from, backAt }) => ({ from, to: backAt })),
  ];
}
