import type { Report } from './checker.ts';
import { type Facts, ROUNDING, share } from './facts.ts';
import type { Call, Entry, Pace, Section } from './history.ts';
import type { Nodes } from './nodes.ts';
import { endOf, isNear } from './served.ts';

/** How many times in a row a process may hand a lock on to itself before others get their turn. */
const MOST_HAND_OVERS = 32;

/** Whether those who wait are served in the order in which they came. */
export function fair(facts: Facts, pace: Pace, nodes: Nodes, calls: readonly Call[], report: Report): void {
  if (!isNear(pace)) return;
  inTurn(facts, pace, calls, report);
  shared(facts, pace, nodes, calls, report);
}

/** One wait of a client in the line of a node, over all turns that it gave back. */
interface Wait {
  readonly node: number;
  readonly key: string;
  readonly client: number;
  /** Its score. */
  readonly since: number;
  readonly from: number;
  until: number;
  /** When it did not stand there, as it had missed its turn. */
  readonly missed: { readonly from: number; to: number }[];
}

/** No waiter is passed by another that came to the line after it, but once for each thing that went wrong. */
function inTurn(facts: Facts, pace: Pace, calls: readonly Call[], report: Report): void {
  const { history } = facts;
  const waits = waitsOf(facts);
  const passed = new Map<Wait, number>();
  for (const section of [...history.sections].sort((a, b) => a.from - b.from)) {
    const [key, another] = section.resources;
    if (key === undefined || another !== undefined || section.from < pace.metAt) continue;
    for (const grant of facts.exchangesOf(section.token)) {
      const { node, operation, waits: stands, reply, since } = grant;
      if (operation !== 'grant' || !stands || reply !== 'granted' || since === undefined) continue;
      if (history.reordering.includes(node)) continue;
      const own = waits.findLast(
        (each) =>
          isOf(each, section.client, node, key) &&
          each.from <= grant.executedAt &&
          each.until >= section.from - ROUNDING,
      );
      const score = own?.since ?? since;
      const came = own?.from ?? grant.executedAt;
      for (const other of waits) {
        if (other.node !== node || other.key !== key || other.client === section.client) continue;
        if (other.since >= score || other.from >= came || other.until <= section.from) continue;
        if (other.missed.some(({ from, to }) => from < section.from && to > grant.executedAt)) continue;
        if (facts.crashOf(other.client) <= section.from) continue;
        if (!waitsThroughout(calls, other, came, section.from)) continue;
        const times = (passed.get(other) ?? 0) + 1;
        passed.set(other, times);
        if (times <= faultsIn(facts, other, section.from)) continue;
        report(
          'fair',
          section.from,
          `client ${section.client} passed client ${other.client}, which had been in the line of node ${node} for ${key} since ${other.from}`,
        );
        return;
      }
    }
  }
}

function isOf(wait: Wait, client: number, node: number, key: string): boolean {
  return wait.client === client && wait.node === node && wait.key === key;
}

/** Whether a client has a call that only wants that key, and waits from before one instant until after another. */
function waitsThroughout(calls: readonly Call[], { client, key }: Wait, from: number, to: number): boolean {
  return calls.some(
    (call) =>
      call.client === client &&
      call.resources.length === 1 &&
      call.resources[0] === key &&
      call.invokedAt <= from &&
      endOf(call) > to,
  );
}

/** A client that was served, and has not got the lock, waits on when it stands again. */
function waitsOf({ history }: Facts): Wait[] {
  const waits: Wait[] = [];
  const last = new Map<string, { wait: Wait; entry: Entry }>();
  const wins = new Map<string, number[]>();
  for (const { client, resources, from } of history.sections) {
    for (const key of resources) {
      const name = `${client} ${key}`;
      const known = wins.get(name);
      if (known) known.push(from);
      else wins.set(name, [from]);
    }
  }
  for (const entry of history.entries) {
    const { node, key, client, since, from, until, isStray } = entry;
    if (client < 0 || isStray) continue;
    const won = wins.get(`${client} ${key}`) ?? [];
    const name = `${client} ${node} ${key}`;
    const before = last.get(name);
    const goesOn =
      before !== undefined &&
      (before.entry.end === 'served' || before.entry.end === 'granted') &&
      !won.some((at) => at > before.entry.from && at <= from);
    const wait: Wait = goesOn ? before.wait : { node, key, client, since, from, until, missed: [] };
    if (!goesOn) waits.push(wait);
    const absence = wait.missed.at(-1);
    if (absence) absence.to = Math.min(absence.to, from);
    const turn = history.reservations.find(
      (each) => each.from === until && each.client === client && each.node === node && each.key === key,
    );
    if (entry.end === 'served' && turn?.end !== 'taken')
      wait.missed.push({ from: turn?.until ?? until, to: Number.POSITIVE_INFINITY });
    const isOver = entry.end !== 'served' && entry.end !== 'granted';
    wait.until = isOver ? until : (won.find((at) => at >= until) ?? history.healedAt);
    last.set(name, { wait, entry });
  }
  return waits;
}

/** How many things went wrong, for whomever, while a client waited. */
function faultsIn({ history }: Facts, { from }: Wait, to: number): number {
  const { disturbances, pauses, crashes, forgeries, restarts } = history;
  return (
    disturbances.filter((each) => each.from <= to && Math.max(each.to, each.silentTo, each.backAt) >= from)
      .length +
    pauses.filter((pause) => pause.from <= to && pause.to >= from).length +
    crashes.filter(({ at }) => at <= to).length +
    [...forgeries, ...restarts].filter(({ at }) => at <= to && at >= from).length
  );
}

/** No process keeps a lock to itself that others wait for. */
function shared(facts: Facts, pace: Pace, nodes: Nodes, calls: readonly Call[], report: Report): void {
  const { history } = facts;
  for (const call of calls) {
    const { client, resources, invokedAt } = call;
    const start = Math.max(invokedAt, pace.metAt);
    const end = Math.min(endOf(call), facts.crashOf(client));
    if (resources.length > 1) continue;
    const meanwhile = history.sections.filter(
      ({ from, resources: held }) => from > start && from < end && share(held, resources),
    );
    if (meanwhile.length <= MOST_HAND_OVERS + 1) continue;
    if (nodes.sound(client, start, end, true).length < history.nodes) continue;
    if (facts.pausedBetween(client, start, end) > 0) continue;
    const kept = tooMany(meanwhile);
    if (!kept) continue;
    report(
      'fair',
      kept.from,
      `client ${kept.client} kept ${resources[0]} to itself while client ${client} waited`,
    );
    return;
  }
}

/** The first section that a client got after so many in a row. */
function tooMany(sections: readonly Section[]): Section | undefined {
  let inARow = 0;
  let last = -1;
  for (const section of [...sections].sort((a, b) => a.from - b.from)) {
    inARow = section.client === last ? inARow + 1 : 1;
    last = section.client;
    // The first of them was not handed on.
    if (inARow > MOST_HAND_OVERS + 1) return section;
  }
  return undefined;
}
