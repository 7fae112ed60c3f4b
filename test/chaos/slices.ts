import type { Call, History, Pause, Section } from '../support/checker/history.ts';

/** The checker compares each with each; so it gets no more at once than what touches so many ms. */
const SLICE = 4_000;

/**
 * Parts of a history that say together what the whole says of holders of the same resource: what touches a span of time,
 * and for each resource its last holder before that, so that the order of holders has no gap.
 */
export function* acrossClients(history: History): Iterable<History> {
  const attempts = byName(history.attempts, ({ token }) => token);
  const before = new Map<string, Section>();
  for (const sections of touching(history.sections, startOf, endOf)) {
    // In one order in all slices, so that a violation reads the same in each.
    const own = [...new Set([...before.values(), ...sections])].sort((a, b) => a.from - b.from);
    yield {
      ...history,
      sections: own,
      attempts: own.flatMap(({ token }) => attempts.get(token) ?? []),
      calls: [],
      pauses: [],
      leftovers: [],
    };
    for (const section of sections) for (const resource of section.resources) before.set(resource, section);
  }
}

/** Parts of a history that say together what the whole says of each client by itself. */
export function* ofEachClient(history: History): Iterable<History> {
  const attempts = byName(history.attempts, ({ client }) => client);
  const sections = byName(history.sections, ({ client }) => client);
  const calls = byName(history.calls, ({ client }) => client);
  const pauses = byName(history.pauses, ({ client }) => client);
  for (const client of new Set([...sections.keys(), ...calls.keys()])) {
    const own = { ...history, attempts: attempts.get(client) ?? [], leftovers: [] };
    yield* ofOneClient(own, sections.get(client) ?? [], calls.get(client) ?? [], pauses.get(client) ?? []);
  }
}

function* ofOneClient(
  history: History,
  sections: readonly Section[],
  calls: readonly Call[],
  pauses: readonly Pause[],
): Iterable<History> {
  // Whatever touches a slice, its pauses do: those of calls that never settle do not matter.
  const lengths = [
    ...sections.map((section) => endOf(section) - startOf(section)),
    ...calls.map(({ invokedAt, settledAt }) => settledAt - invokedAt),
  ].filter(Number.isFinite);
  const margin = lengths.reduce((a, b) => Math.max(a, b), 0) + SLICE;
  const attempts = byName(history.attempts, ({ token }) => token);
  const next = {
    sections: touching(sections, startOf, endOf),
    calls: touching(
      calls,
      ({ invokedAt }) => invokedAt,
      ({ settledAt }) => settledAt,
    ),
    pauses: touching(
      pauses,
      ({ from }) => from - margin,
      ({ to }) => to + margin,
    ),
  };
  for (;;) {
    const held = next.sections.next().value;
    const own = next.calls.next().value;
    const paused = next.pauses.next().value;
    if (!held && !own) return;
    yield {
      ...history,
      sections: held ?? [],
      calls: own ?? [],
      attempts: (held ?? []).flatMap(({ token }) => attempts.get(token) ?? []),
      pauses: paused ?? [],
    };
  }
}

/** For one slice of time after the other, from 0 on: what touches it, in the order in which it began. */
function* touching<T>(
  all: readonly T[],
  from: (each: T) => number,
  to: (each: T) => number,
): Generator<T[], undefined> {
  const sorted = [...all].sort((a, b) => from(a) - from(b));
  let next = 0;
  let open: T[] = [];
  for (let start = 0; next < sorted.length || open.length > 0; start += SLICE) {
    for (let each = sorted[next]; each && from(each) < start + SLICE; each = sorted[++next]) open.push(each);
    yield [...open];
    const isLast = next === sorted.length;
    open = open.filter(
      (each) => to(each) >= start + SLICE && !(isLast && to(each) === Number.POSITIVE_INFINITY),
    );
  }
}

function startOf({ from }: Section): number {
  return from;
}

function endOf({ from, validity, releasedAt, abortedAt }: Section): number {
  const until = validity.at(-1)?.until ?? from;
  const over = Math.min(releasedAt, abortedAt);
  return Math.max(until, Number.isFinite(over) ? over : until);
}

function byName<T, Name>(all: readonly T[], nameOf: (each: T) => Name): Map<Name, T[]> {
  const map = new Map<Name, T[]>();
  for (const each of all) {
    const known = map.get(nameOf(each));
    if (known) known.push(each);
    else map.set(nameOf(each), [each]);
  }
  return map;
}
