import { clientLane, lanesOf, nodeLane, type Verdict } from './judge.ts';
import type { ClientEvent, LogEvent } from './log.ts';
import type {
  ClientLane,
  ClientState,
  FaultMark,
  NodeLane,
  NodeState,
  Report,
  Span,
  Summary,
} from './report/report.ts';

type Known = Pick<Summary, 'driver' | 'seed' | 'seconds' | 'limits' | 'command' | 'startedAt'>;

export interface ReportOptions {
  readonly known: Known;
  readonly nodes: number;
  readonly clients: number;
  readonly verdict: Verdict;
}

/** All that a run has to say, out of what was logged, in the order of time. */
export function reportOf(events: readonly LogEvent[], options: ReportOptions): Report {
  const { known, nodes, clients, verdict } = options;
  const end = events.at(-1)?.at ?? 0;
  return {
    summary: summaryOf(events, known, verdict, end),
    nodes: Array.from({ length: nodes }, (_, node) => nodeLaneOf(events, node, end)),
    clients: clientLanes(events, clients, end),
    faults: faultsOf(events),
    violations: verdict.violations,
  };
}

function summaryOf(events: readonly LogEvent[], known: Known, verdict: Verdict, end: number): Summary {
  const outcomes: Record<string, Record<string, number>> = {};
  const invoked = new Map<string, number>();
  const waits: number[] = [];
  const writes = { accepted: 0, refused: 0, lostUnguarded: 0 };
  let operations = 0;
  for (const event of events) {
    if (event.f === 'write') {
      if (event.isAccepted) writes.accepted++;
      else writes.refused++;
      writes.lostUnguarded += event.lost.unguarded;
    }
    if (!('call' in event)) continue;
    const call = `${event.client} ${event.call}`;
    if (event.type === 'invoke') {
      invoked.set(call, event.at);
      operations++;
      continue;
    }
    if (event.f === 'won') {
      waits.push(event.at - (invoked.get(call) ?? event.at));
      continue;
    }
    const ofVerb = (outcomes[event.f] ??= {});
    ofVerb[event.outcome] = (ofVerb[event.outcome] ?? 0) + 1;
  }
  return {
    ...known,
    duration: end,
    operations,
    faults: events.filter(({ f }) => f === 'fault').length,
    violations: verdict.violations.length,
    outcomes,
    wait: quantiles(waits),
    firstAfterHealing: verdict.firstAfterHealing,
    writes,
  };
}

function quantiles(values: number[]): Summary['wait'] {
  if (values.length === 0) return undefined;
  values.sort((a, b) => a - b);
  const at = (share: number): number => values[Math.max(0, Math.ceil(share * values.length) - 1)] as number;
  return { p50: at(0.5), p99: at(0.99), longest: at(1) };
}

function nodeLaneOf(events: readonly LogEvent[], node: number, end: number): NodeLane {
  const spans: Span<NodeState>[] = [];
  const add = (state: NodeState, from: number, to: number): void => {
    if (to > from) spans.push({ state, from, to, details: [] });
  };
  let state: NodeState = 'up';
  let from = 0;
  let until = Number.POSITIVE_INFINITY;
  for (const event of events) {
    if (event.f !== 'node' || event.node !== node) continue;
    add(state, from, Math.min(until, event.at));
    if (until < event.at) add('up', until, event.at);
    ({ state, at: from, until = Number.POSITIVE_INFINITY } = event);
  }
  add(state, from, Math.min(until, end));
  if (until < end) add('up', until, end);
  return { name: nodeLane(node), spans };
}

function clientLanes(events: readonly LogEvent[], clients: number, end: number): ClientLane[] {
  const laneOf = lanesOf(events);
  const lanes = new Map(Array.from({ length: clients }, (_, lane) => [clientLane(lane), new Lane()]));
  const line = new CallsInLine(laneOf);
  for (const event of events) {
    if (event.f === 'process') lanes.get(clientLane(event.lane))?.process(event);
    else if ('client' in event && event.f !== 'write')
      lanes.get(laneOf(event.client))?.client(event, line.add(event));
  }
  return [...lanes].map(([name, lane]) => ({ name, spans: lane.spans(end) }));
}

/** Who waits for what: the line, as far as calls tell it. */
class CallsInLine {
  readonly #laneOf: (client: number) => string;
  readonly #calls = new Map<string, { readonly lane: string; readonly resources: readonly string[] }>();

  constructor(laneOf: (client: number) => string) {
    this.#laneOf = laneOf;
  }

  /** Returns who waits already for what a call wants that begins, a line of text each. */
  add(event: ClientEvent): string[] {
    if (!('call' in event)) return [];
    const name = `${event.client} ${event.call}`;
    if (event.type !== 'invoke') {
      this.#calls.delete(name);
      return [];
    }
    const { resources, waits, client } = event;
    if (!waits) return [];
    const before = [...this.#calls.values()].filter((call) =>
      call.resources.some((resource) => resources.includes(resource)),
    );
    this.#calls.set(name, { lane: this.#laneOf(client), resources });
    return before.map(({ lane }) => `behind ${lane}`);
  }
}

interface Open {
  readonly state: ClientState;
  readonly from: number;
  readonly details: readonly string[];
}

/** What happens in the lane of one client. */
class Lane {
  readonly #spans: Span<ClientState>[] = [];
  readonly #open = new Map<string, Open>();

  process({ at, state, client }: Extract<LogEvent, { f: 'process' }>): void {
    if (state === 'stopped') this.#begin('process', { state: 'stopped', from: at, details: [] });
    else if (state === 'started' || state === 'resumed') this.#end('process', at);
    else {
      for (const name of this.#open.keys()) this.#end(name, at);
      const details = [`process ${client} ${state}`];
      if (state !== 'finished') this.#begin('process', { state: 'dead', from: at, details });
    }
  }

  /** `line`: who waits already for what a call wants that begins. */
  client(event: ClientEvent, line: readonly string[]): void {
    const { at } = event;
    if (event.type === 'invoke') {
      if (event.f === 'release' || event.f === 'extend' || event.f === 'close') return;
      const details = [`${event.f} ${event.resources.join(' + ')}`, ...line];
      this.#begin(`call ${event.call}`, { state: 'waiting', from: at, details });
    } else if ('call' in event) {
      this.#end(`call ${event.call}`, at, [event.f === 'won' ? 'won' : event.outcome]);
    } else if (event.f === 'hold') {
      const { token, resources, fencingToken } = event;
      const details = [resources.join(' + '), `fencing token ${fencingToken}`, `owner token ${token}`];
      this.#begin(token, { state: 'holding', from: at, details });
    } else if (event.f === 'give back') {
      this.#end(event.token, at, ['given back']);
    } else if (event.f === 'lost') {
      const held = this.#open.get(event.token);
      this.#end(event.token, at, [`lost: ${event.why}`]);
      // A mark of no length: from then on it knows.
      if (held) this.#spans.push({ ...held, state: 'lost', from: at, to: at });
    }
  }

  spans(end: number): Span<ClientState>[] {
    for (const name of this.#open.keys()) this.#end(name, end);
    return this.#spans.sort((a, b) => a.from - b.from);
  }

  #begin(name: string, open: Open): void {
    this.#open.set(name, open);
  }

  #end(name: string, to: number, more: readonly string[] = []): void {
    const open = this.#open.get(name);
    this.#open.delete(name);
    if (open) this.#spans.push({ ...open, to: Math.max(open.from, to), details: [...open.details, ...more] });
  }
}

function faultsOf(events: readonly LogEvent[]): FaultMark[] {
  return events.flatMap((event) => {
    if (event.f !== 'fault') return [];
    const { kind, nodes, lane, at, until } = event;
    const lanes = [...nodes.map(nodeLane), ...(lane === undefined ? [] : [clientLane(lane)])];
    return [{ kind, lanes, from: at, to: until }];
  });
}
