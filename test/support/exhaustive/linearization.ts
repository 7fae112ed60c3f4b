import type { History } from '../checker/history.ts';

/** What an event was, if the order of a client's own events is part of what happened. */
export interface Occurrence {
  /** Whom and what it concerned, one bit each. */
  readonly objects: number;
  /** Which earlier event made it possible; −1 if it has always been. */
  readonly after: number;
}

/**
 * The same trace in another order: whoever holds a lock keeps it for as long as nothing that comes of its release has
 * to happen. Holders that may overlap in any equivalent order overlap in this one, and what may happen to their votes
 * while they hold happens. undefined if that is the order it already has.
 */
export function withLateReleases(history: History, events: readonly Occurrence[]): History | undefined {
  const ends = new Set(
    history.sections.map(({ releasedAt, abortedAt }) => Math.min(releasedAt, abortedAt) - 1),
  );
  const isLate: boolean[] = [];
  events.forEach(({ objects, after }, at) => {
    const follows = (earlier: boolean, i: number): boolean =>
      earlier && (i === after || ((events[i]?.objects ?? 0) & objects) !== 0);
    isLate.push(ends.has(at) || isLate.some(follows));
  });
  const first = isLate.indexOf(true);
  if (first < 0 || !isLate.includes(false, first)) return undefined;
  const order = [...events.keys()].sort((a, b) => Number(isLate[a]) - Number(isLate[b]));
  const times = new Map(order.map((at, index) => [at + 1, index + 1]));
  return retimed(history, (time) => times.get(time) ?? time);
}

function retimed(history: History, at: (time: number) => number): History {
  return {
    ...history,
    calls: history.calls.map((call) => ({
      ...call,
      invokedAt: at(call.invokedAt),
      settledAt: at(call.settledAt),
    })),
    sections: history.sections.map((section) => ({
      ...section,
      from: at(section.from),
      validity: section.validity.map(({ at: since, until }) => ({ at: at(since), until })),
      releasedAt: at(section.releasedAt),
      abortedAt: at(section.abortedAt),
    })),
    votes: history.votes.map((vote) => ({ ...vote, from: at(vote.from), until: at(vote.until) })),
    exchanges: history.exchanges
      .map((each) => ({
        ...each,
        sentAt: at(each.sentAt),
        executedAt: at(each.executedAt),
        answeredAt: at(each.answeredAt),
      }))
      .sort((a, b) => a.sentAt - b.sentAt),
  };
}
