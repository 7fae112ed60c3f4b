import type { Report } from './checker.ts';
import { type Belief, type Facts, isDropped, quorumOf, ROUNDING, share } from './facts.ts';
import type { Exchange, Vote } from './history.ts';

/** Whether holders were alone, and rightly so. */
export function exclusion(facts: Facts, forgive: boolean, report: Report): void {
  facts.beliefs.forEach((one, index) => {
    for (const other of facts.beliefs.slice(index + 1)) overlap(facts, one, other, forgive, report);
    support(facts, one, forgive, report);
    continuity(facts, one, report);
  });
}

function overlap(facts: Facts, one: Belief, other: Belief, forgive: boolean, report: Report): void {
  const from = Math.max(one.from, other.from);
  const until = Math.min(one.until, other.until);
  if (from >= until - ROUNDING || !share(one.section.resources, other.section.resources)) return;
  const tokens = [one.section.token, other.section.token];
  if (forgive && !isGuarded(facts, from) && tokens.some((token) => facts.wasDropped(token, from))) return;
  report('exclusion', from, `${tokens.join(' and ')} held ${one.section.resources.join('+')} until ${until}`);
}

/** Whether only restarts cost votes, of a minority, and nobody took all nodes for new: then nothing needs to be forgiven. */
function isGuarded({ history }: Facts, time: number): boolean {
  const { guard, restarts, votes, nodes, blankAt } = history;
  if (guard === 'off' || (guard === 'auto' && blankAt <= time)) return false;
  const lossy = restarts.filter(({ isLossy }) => isLossy);
  const inRestart = ({ node, until, end }: Vote): boolean =>
    end === 'forgotten' && lossy.some((each) => each.node === node && Math.abs(each.at - until) < ROUNDING);
  return (
    new Set(lossy.map(({ node }) => node)).size <= nodes - quorumOf(nodes) &&
    !votes.some((vote) => isDropped(vote) && !inRestart(vote))
  );
}

/** Votes only go as time passes, so it is enough to count them at the start and after each end of one. */
function support(facts: Facts, belief: Belief, forgive: boolean, report: Report): void {
  const { section, from, until } = belief;
  const votes = facts.votesOf(section.token);
  const tombstones = facts.history.votes.filter(({ by }) => by === 'revoke');
  const instants = [from, ...votes.map((vote) => endOf(vote, tombstones) + ROUNDING)];
  for (const instant of instants) {
    if (instant < from || instant >= until - ROUNDING) continue;
    const standing = nodesAt(votes, tombstones, section.resources, instant, forgive);
    if (standing >= quorumOf(facts.history.nodes)) continue;
    report('support', instant, `${section.token} held with ${standing} votes until ${until}`);
    return;
  }
}

/** A tombstone keeps others out as the vote does that it replaces. */
function endOf({ node, key, until }: Vote, tombstones: readonly Vote[]): number {
  const tombstone = tombstones.find(
    (each) => each.node === node && each.key === key && Math.abs(each.from - until) < ROUNDING,
  );
  return tombstone?.until ?? until;
}

function nodesAt(
  votes: readonly Vote[],
  tombstones: readonly Vote[],
  keys: readonly string[],
  instant: number,
  forgive: boolean,
): number {
  const nodes = new Set(votes.map(({ node }) => node));
  let standing = 0;
  for (const node of nodes) {
    const stands = keys.every((key) =>
      votes.some(
        (vote) =>
          vote.node === node &&
          vote.key === key &&
          vote.from <= instant &&
          (instant < endOf(vote, tombstones) || (forgive && isDropped(vote))),
      ),
    );
    if (stands) standing++;
  }
  return standing;
}

/** A section between two successful rounds of another holder lies whole between the end of one and the start of the next. */
function continuity(facts: Facts, { section }: Belief, report: Report): void {
  const { token, resources, validity } = section;
  const exchanges = facts.exchangesOf(token);
  for (let i = 1; i < validity.length; i++) {
    const last = validity[i - 1]?.at ?? section.from;
    const success = validity[i]?.at ?? 0;
    const extensions = exchanges.filter(
      ({ operation, answeredAt }) =>
        (operation === 'extend' || operation === 'repair') && answeredAt <= success,
    );
    const began = Math.max(...extensions.map(({ sentAt }) => sentAt));
    for (const other of facts.beliefs) {
      if (other.section === section || !share(resources, other.section.resources)) continue;
      const asked = facts.askedAt(other.section.token);
      if (asked < last || other.until > began) continue;
      // Without counters a grant of the winning fan-out counts from the start, however late it was executed.
      const isCounted = section.fencingToken !== undefined && other.section.fencingToken !== undefined;
      const isTold = isCounted && !facts.lostCountersBefore(success);
      const isLate = ({ operation, executedAt }: Exchange): boolean =>
        operation === 'grant' && isBetween(asked, executedAt, success);
      if (!isTold && exchanges.some(isLate)) continue;
      report('continuity', success, `${token} was extended across the section of ${other.section.token}`);
    }
  }
}

function isBetween(from: number, instant: number, to: number): boolean {
  return from <= instant && instant <= to;
}
