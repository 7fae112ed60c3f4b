import type { RestartGuard } from '../../src/node/redis/quarantine.ts';
import {
  type Call,
  emptyHistory,
  type History,
  type Pause,
  type Section,
} from '../support/checker/history.ts';
import { allowForTime } from '../support/real-history/allowances.ts';
import type { ClientEvent, HarnessEvent, LogEvent } from './log.ts';

export interface MergeOptions {
  readonly nodes: number;
  readonly guard: RestartGuard;
  /** ms */
  readonly maxTtl: number;
}

/** How late a beat of a heartbeat may be so that it does not tell, in ms. */
const UNNOTICED = 3;
const NEVER = Number.POSITIVE_INFINITY;
/** States from which a node comes back without its memory. */
const DEAD = 'dead';

/** A section whose end is not known yet. */
interface OpenSection {
  readonly section: Section;
  readonly isScoped: boolean;
}

/**
 * What clients and harness have logged, as the checker reads it: calls, sections, pauses, crashes and restarts. Nobody
 * has logged what nodes did: there are no votes, exchanges and messages, and rules that need them are not judged.
 *
 * @param events in the order of time; see in-order.ts.
 */
export function merge(events: readonly LogEvent[], { nodes, guard, maxTtl }: MergeOptions): History {
  const history = emptyHistory(nodes, [], { guard, maxTtl });
  const merger = new Merger(history);
  for (const event of events) merger.add(event);
  allowForTime(history);
  return history;
}

class Merger {
  readonly #history: History;
  readonly #calls = new Map<string, Call>();
  readonly #sections = new Map<string, OpenSection>();
  readonly #dead = new Set<number>();
  /** Where the last pause of each client is among all. */
  readonly #lastPauses = new Map<number, number>();
  /** When each client last wrote something. */
  readonly #lastWords = new Map<number, number>();

  constructor(history: History) {
    this.#history = history;
  }

  add(event: LogEvent): void {
    if (isOfHarness(event)) this.#harness(event);
    else this.#client(event);
  }

  #client(event: ClientEvent): void {
    const { client, at } = event;
    const history = this.#history;
    this.#lastWords.set(client, at);
    switch (event.f) {
      case 'won': {
        const call = this.#callOf(event);
        if (call) call.wonAt = at;
        return;
      }
      case 'attempt':
        history.attempts.push({ client, token: event.token, at });
        return;
      case 'hold':
        this.#hold(event);
        return;
      case 'validity':
        this.#sections.get(event.token)?.section.validity.push({ at, until: event.until });
        return;
      case 'give back':
        this.#giveBack(event.token, at);
        return;
      case 'lost':
        this.#lose(event.token, at);
        return;
      case 'pause':
        this.#pause({ client, from: at, to: event.to, amid: event.amid });
        return;
      case 'leftover':
        return;
      default:
        if (event.type === 'invoke') this.#invoke(event);
        else this.#settle(event);
    }
  }

  #harness(event: HarnessEvent): void {
    const { at } = event;
    const history = this.#history;
    if (event.f === 'process') {
      if (event.state === 'killed') this.#kill(event.client, at);
    } else if (event.f === 'healed') {
      history.healedAt = at;
    } else if (event.f === 'node') {
      if (event.state !== DEAD && this.#dead.delete(event.node)) {
        // Counters are lost as well; but all clients have the machine's wall clock, which makes up for it.
        history.restarts.push({ node: event.node, at, isLossy: true });
      }
      if (event.state === DEAD) this.#dead.add(event.node);
    }
  }

  /** Its death is seen late, and nobody knows whether it ran after its last words: what was due then is not missed. */
  #kill(client: number, seenAt: number): void {
    const { crashes, pauses } = this.#history;
    const lastWords = this.#lastWords.get(client) ?? seenAt;
    const at = Math.max(seenAt, lastWords);
    crashes.push({ client, at });
    pauses.push({ client, from: lastWords, to: at, amid: false });
  }

  #invoke({
    client,
    at,
    f,
    call,
    resources,
    bound,
    once,
    waits,
    token,
  }: ClientEvent & { type: 'invoke' }): void {
    const known: Call = {
      client,
      verb: f,
      resources,
      invokedAt: at,
      bound,
      token,
      once,
      waits,
      mustSucceed: false,
      settledAt: NEVER,
      outcome: '',
      stale: [],
    };
    this.#calls.set(`${client} ${call}`, known);
    this.#history.calls.push(known);
  }

  #settle(event: ClientEvent & { call: number; outcome: string }): void {
    const call = this.#callOf(event);
    if (!call) return;
    const { at, outcome, extra, stale } = event as Extract<ClientEvent, { outcome: string }>;
    if (stale.length > 0) this.#wasAmid(event.client, at);
    call.settledAt = at;
    call.outcome = outcome === 'null' ? REFUSED : outcome;
    Object.assign(call, { bound: call.bound + extra, stale });
  }

  #callOf({ client, call }: { readonly client: number; readonly call: number }): Call | undefined {
    return this.#calls.get(`${client} ${call}`);
  }

  #hold({
    client,
    at,
    token,
    resources,
    fencingToken,
    until,
    worth,
    isScoped,
  }: ClientEvent & { f: 'hold' }): void {
    const section: Section = {
      client,
      token,
      resources,
      fencingToken,
      from: at,
      validity: [{ at, until }],
      worth,
      maxHoldTime: NEVER,
      releasedAt: NEVER,
      abortedAt: NEVER,
    };
    // It was in time as it was decided: only who was stopped right then gets it too late.
    if (until <= at) this.#wasAmid(client, at);
    this.#sections.set(token, { section, isScoped });
    this.#history.sections.push(section);
  }

  /** A heartbeat tells for how long a process did not run, but not how late the beat was that came before. */
  #pause(pause: Pause): void {
    const { pauses } = this.#history;
    const { client, from, to, amid } = pause;
    if (amid && this.#wasAmid(client, to)) return;
    const before = pauses[this.#lastPauses.get(client) ?? -1]?.to ?? 0;
    pauses.push(amid ? pause : { ...pause, from: Math.max(from - UNNOTICED, before) });
    this.#lastPauses.set(client, pauses.length - 1);
  }

  /** Whether a process had not run until then, or shortly before: if so, it was in the midst of its code. */
  #wasAmid(client: number, at: number): boolean {
    const { pauses } = this.#history;
    const index = this.#lastPauses.get(client) ?? -1;
    const known = pauses[index];
    if (!known || known.from >= at || at > known.to) return false;
    pauses[index] = { ...known, to: at, amid: true };
    pauses.push({ ...known, from: at });
    this.#lastPauses.set(client, pauses.length - 1);
    return true;
  }

  #giveBack(token: string, at: number): void {
    const known = this.#sections.get(token);
    if (known) known.section.releasedAt = Math.min(known.section.releasedAt, at);
  }

  #lose(token: string, at: number): void {
    const known = this.#sections.get(token);
    if (!known) return;
    known.section.abortedAt = at;
    // `using` found it lost as it was about to release it.
    if (known.isScoped) known.section.releasedAt = NEVER;
  }
}

/** Instead of `null`: whether somebody else had a vote is not known, so nobody can say whether it was honest. */
const REFUSED = 'refused';

function isOfHarness(event: LogEvent): event is HarnessEvent {
  return HARNESS.has(event.f);
}

const HARNESS: ReadonlySet<string> = new Set<HarnessEvent['f']>([
  'process',
  'node',
  'fault',
  'write',
  'residue',
  'healed',
]);
