import type { Violation } from './checker.ts';
import type { Exchange, History } from './history.ts';

interface Line {
  readonly at: number;
  readonly who: string;
  readonly what: string;
}

/** A history as a table, in the order of true time: when, who, what. */
export function trace(history: History, found: readonly Violation[] = []): string {
  const lines: Line[] = [];
  const add = (at: number, who: string, what: string): void => {
    if (Number.isFinite(at)) lines.push({ at, who, what });
  };
  for (const call of history.calls) {
    const { client, verb, resources, token = '', invokedAt, settledAt, outcome } = call;
    const name = [verb, resources.join('+'), token].filter(Boolean).join(' ');
    add(invokedAt, `client ${client}`, `calls ${name}`);
    add(settledAt, `client ${client}`, `${name}: ${outcome}`);
    if (settledAt === Number.POSITIVE_INFINITY) add(invokedAt, `client ${client}`, `${name} never settled`);
  }
  for (const { client, token, from, validity, releasedAt, abortedAt } of history.sections) {
    validity.forEach(({ at, until }, index) => {
      add(at, `client ${client}`, `${index === 0 ? 'HOLDS' : 'extends'} ${token} until ${until.toFixed(3)}`);
    });
    add(releasedAt, `client ${client}`, `gives ${token} back`);
    add(abortedAt, `client ${client}`, `is told that ${token} is lost (held since ${from.toFixed(3)})`);
  }
  for (const each of history.exchanges) {
    const { client, node, sentAt, executedAt, answeredAt, reply } = each;
    add(sentAt, `client ${client}`, `-> node ${node}: ${nameOf(each)}`);
    add(
      executedAt,
      `node ${node}`,
      `${nameOf(each)}: ${reply}${each.overDead ? ' (over a dead connection)' : ''}`,
    );
    add(answeredAt, `client ${client}`, `<- node ${node}: ${nameOf(each)}: ${reply}`);
  }
  for (const { client, node, key, what, publishedAt, arrivedAt } of history.messages) {
    const news = what === 'turn' ? `it is its turn for ${key}` : `it is the next for ${key}`;
    add(
      publishedAt,
      `node ${node}`,
      `tells client ${client}: ${news}${arrivedAt.length === 0 ? ' (lost)' : ''}`,
    );
    for (const at of arrivedAt) add(at, `client ${client}`, `<- node ${node}: ${news}`);
  }
  for (const { client, node, at } of history.subscriptions)
    add(at, `client ${client}`, `hears node ${node} from now on`);
  for (const { client, node, key, from, until, end } of history.entries) {
    add(from, `node ${node}`, `client ${client} stands in the line for ${key}`);
    add(until, `node ${node}`, `client ${client} stands no more in the line for ${key} (${end})`);
  }
  for (const { client, node, key, from, until, end } of history.reservations) {
    add(from, `node ${node}`, `keeps ${key} for client ${client}`);
    add(until, `node ${node}`, `keeps ${key} for client ${client} no more (${end})`);
  }
  for (const { node, at } of history.forgeries) add(at, `node ${node}`, 'is deceived');
  for (const { node, key, token, until, end } of history.votes) {
    if (end !== 'deleted') add(until, `node ${node}`, `${key} of ${token} is gone (${end})`);
  }
  for (const { client, from, to } of history.pauses) {
    add(from, `client ${client}`, 'stops');
    add(to, `client ${client}`, 'runs again');
  }
  for (const { client, at } of history.crashes) add(at, `client ${client}`, 'is killed');
  add(history.healedAt, 'world', 'is healed');
  const last = lines.reduce((latest, { at }) => Math.max(latest, at), 0);
  for (const { rule, at, what } of found)
    add(Number.isFinite(at) ? at : last, 'checker', `VIOLATION of "${rule}": ${what}`);
  // Sorting is stable: what happened at one instant stays in the order in which it was written down.
  lines.sort((a, b) => a.at - b.at);
  return lines
    .map(({ at, who, what }) => `${at.toFixed(3).padStart(12)}  ${who.padEnd(8)}  ${what}`)
    .join('\n');
}

function nameOf({ operation, token, waits, afterwards = 'serve' }: Exchange): string {
  if (operation === 'grant' && waits) return `stand ${token}`;
  if (operation !== 'release' || (afterwards === 'serve' && !waits)) return `${operation} ${token}`.trim();
  return `${afterwards === 'serve' ? 'leave' : afterwards} ${token}`;
}
