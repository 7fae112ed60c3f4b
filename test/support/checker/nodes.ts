import { type Facts, quorumOf, ROUNDING } from './facts.ts';
import type { Entry, Vote } from './history.ts';

const FOREVER = Number.POSITIVE_INFINITY;

/** For which clients which nodes are as they should be, and when. */
export class Nodes {
  readonly #facts: Facts;
  /** Those who were forged get their turns like others. */
  readonly #forged: readonly Entry[];
  readonly #gaps = new Map<string, (nodes: readonly number[]) => readonly Gap[]>();

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#forged = facts.history.entries.filter(({ client }) => client < 0);
  }

  /** The nodes that a client can do with what it wants, throughout; and, if `told`, whose messages it gets. */
  sound(client: number, from: number, to: number, told: boolean): number[] {
    const { nodes, disturbances, reordering } = this.#facts.history;
    const faulty = new Set(reordering);
    if (told)
      for (const each of this.#forged) if (each.from < to && from <= each.until) faulty.add(each.node);
    for (const each of disturbances) {
      if (each.client !== undefined && each.client !== client) continue;
      if (each.from < to && from <= (told ? Math.max(each.to, each.silentTo) : each.to))
        faulty.add(each.node);
    }
    return Array.from({ length: nodes }, (_, node) => node).filter((node) => !faulty.has(node));
  }

  /** When it ended that a node was not as it should be for a client, as far as that was so between two instants. */
  faultyUntil(client: number, node: number, from: number, to: number): number {
    const { disturbances, reordering } = this.#facts.history;
    if (reordering.includes(node)) return FOREVER;
    const own = disturbances.filter(
      (each) => each.node === node && (each.client ?? client) === client && each.from < to && each.to >= from,
    );
    return own.reduce((last, each) => Math.max(last, each.to), Number.NEGATIVE_INFINITY);
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

export function remembered<T>(compute: (nodes: readonly number[]) => T): (nodes: readonly number[]) => T {
  const known = new Map<string, T>();
  return (nodes) => {
    const name = nodes.join();
    const value = known.get(name) ?? compute(nodes);
    known.set(name, value);
    return value;
  };
}

/** A time in which enough nodes had nothing on the keys, and what its beginning was. */
export interface Gap {
  readonly from: number;
  readonly to: number;
  /** What ended on the node that was the last to become free. */
  readonly last: Vote | undefined;
}

/** The times between two instants in which a quorum of those nodes had none of the votes, each of which ended at an instant. */
export function gaps(votes: readonly Vote[], nodes: readonly number[], quorum: number): Gap[] {
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
export function* within(all: readonly Gap[], from: number, to: number): Iterable<Gap> {
  for (const gap of all) {
    if (gap.to <= from || gap.from >= to) continue;
    const last = gap.from < from ? undefined : gap.last;
    yield { from: Math.max(gap.from, from), to: Math.min(gap.to, to), last };
  }
}
