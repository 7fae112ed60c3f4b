import type { Report } from './checker.ts';
import { type Facts, share } from './facts.ts';
import type { Call, Operation, Pace } from './history.ts';
import type { Nodes } from './nodes.ts';
import { isNear } from './served.ts';

/** For how long costs are counted, in ms: what one section costs may be due to another. */
const LENGTH = 200;

/** What the line costs each time: a stand and two messages; and how often a call that comes stands there, or leaves. */
const LINE = { perSection: 3, perCall: 2 } as const;
/** What else each section costs, in rounds of grants and releases: some are confirmed, some have to be asked again. */
const ROUNDS = { perSection: 3, perCall: 2 } as const;
/** How often a waiter looks for itself, in ms: expiries, and notifications that do not come. */
const LOOKS = 100;
/** How often turns are given back while something is in the way elsewhere, in ms. */
const YIELDS = 10;

interface Window {
  readonly resource: string;
  readonly from: number;
  readonly to: number;
  /** How many sections began. */
  readonly sections: number;
}

/** Whether locks that change hands cost no more commands and messages than they have to, if nothing is wrong. */
export function thrifty(
  facts: Facts,
  pace: Pace,
  nodes: Nodes,
  calls: readonly Call[],
  report: Report,
): void {
  if (!isNear(pace)) return;
  const resources = new Set(calls.flatMap((call) => call.resources));
  for (const resource of resources) {
    if (facts.history.calls.some((call) => call.resources.length > 1 && call.resources.includes(resource)))
      continue;
    for (const window of windowsOf(facts, calls, resource)) {
      if (window.from < pace.metAt || !isCalm(facts, nodes, window)) continue;
      const [found] = excesses(facts, window);
      if (found === undefined) continue;
      report('thrifty', window.to, `on ${resource}, from ${window.from} on: ${found}`);
      return;
    }
  }
}

function* windowsOf({ history }: Facts, calls: readonly Call[], resource: string): Iterable<Window> {
  const own = calls.filter((call) => call.resources.includes(resource));
  const end = Math.min(
    history.healedAt,
    own.reduce((last, { settledAt }) => Math.max(last, settledAt), 0),
  );
  const sections = history.sections.flatMap(({ resources, from }) =>
    resources.includes(resource) ? [from] : [],
  );
  for (let from = 0; from < end; from += LENGTH) {
    const to = from + LENGTH;
    if (!own.some(({ invokedAt, settledAt }) => invokedAt < to && settledAt > from)) continue;
    yield { resource, from, to, sections: sections.filter((at) => at > from && at <= to).length };
  }
}

function isCalm({ history }: Facts, nodes: Nodes, { from, to }: Window): boolean {
  const isWhole = ({ at }: { at: number }): boolean => at > to;
  if (!history.crashes.every(isWhole) || !history.forgeries.every(isWhole)) return false;
  if (history.pauses.some((pause) => pause.from < to && pause.to > from)) return false;
  const isThere = ({ waits, invokedAt, settledAt }: Call): boolean =>
    waits && invokedAt < to && settledAt > from;
  const clients = new Set(history.calls.flatMap((call) => (isThere(call) ? [call.client] : [])));
  return [...clients].every((client) => nodes.sound(client, from, to, true).length === history.nodes);
}

/** What was more than it had to be. */
function excesses({ history }: Facts, { resource, from, to, sections }: Window): string[] {
  const { nodes } = history;
  const isIn = (at: number): boolean => at > from && at <= to;
  const commands = history.exchanges.filter(
    ({ operation, keys, sentAt }) => isIn(sentAt) && COUNTED.has(operation) && keys?.includes(resource),
  );
  const messages = history.messages.filter(({ key, publishedAt }) => key === resource && isIn(publishedAt));
  const calls = history.calls.filter(
    (each) =>
      (each.waits || each.once) &&
      share(each.resources, [resource]) &&
      each.invokedAt <= to &&
      each.settledAt > from,
  );
  const came = calls.filter(({ invokedAt }) => invokedAt > from).length;
  const waiters = new Set(calls.map(({ client }) => client)).size;
  const looks = waiters * (1 + (to - from) / LOOKS) + (2 * (to - from)) / YIELDS;
  const line = (1 + sections) * LINE.perSection + came * LINE.perCall + looks;
  const rounds =
    nodes * ((1 + sections) * ROUNDS.perSection + came * ROUNDS.perCall + (2 * (to - from)) / YIELDS);
  const stood = commands.filter(({ waits }) => waits).length + messages.length;
  return [
    ...(stood > line ? [`${stood} messages and commands for places in lines, of ${Math.floor(line)}`] : []),
    ...(commands.length > rounds + line
      ? [`${commands.length} commands, of ${Math.floor(rounds + line)}`]
      : []),
  ];
}

const COUNTED: ReadonlySet<Operation> = new Set<Operation>(['grant', 'confirm', 'release']);
