import type { RestartGuard } from '../../../src/node/redis/quarantine.ts';
import { type Leniency, type Rule, violations } from './checker.ts';
import {
  type Call,
  type Entry,
  type Exchange,
  type Extra,
  emptyHistory,
  type History,
  type Message,
  type Operation,
  type Pace,
  type Reservation,
  type Section,
  type Verb,
  type Vote,
} from './history.ts';

const NEVER = Number.POSITIVE_INFINITY;
const NEVER_YET = Number.NEGATIVE_INFINITY;

const GOOD_REPLY = {
  grant: 'granted',
  confirm: 'confirmed',
  extend: 'extended',
  repair: 'repaired',
  release: 'released',
  revoke: 'revoked',
  inspect: 'free',
} as const;

/**
 * A history told in a few lines: what a line leaves out is as it is when all is well. Everything is about the
 * resource `r` unless it says otherwise, and the first letter of a token is the name of its client: `a` and `a2` are
 * two locks of client 0, `b` is one of client 1.
 */
export class Story {
  readonly history: History;

  constructor(nodes: number, reordering: readonly number[], guard: RestartGuard, pace?: Pace) {
    this.history = emptyHistory(nodes, reordering, { guard, maxTtl: 100, ...(pace ? { pace } : {}) });
  }

  /** Every node takes the lock and keeps it until its end, when its holder gives it back. */
  locks(token: string, from: number, until: number, also: Partial<Section> = {}): this {
    const nodes = Array.from({ length: this.history.nodes }, (_, node) => node);
    for (const key of also.resources ?? ['r']) this.stands(token, nodes, from, until, { key });
    return this.asks('grant', token, nodes, from).holds(token, from, until, also);
  }

  /** Nodes have a vote. */
  stands(
    token: string,
    nodes: readonly number[],
    from: number,
    until: number,
    also: Partial<Vote> = {},
  ): this {
    for (const node of nodes) {
      this.history.votes.push({
        node,
        key: 'r',
        token,
        from,
        until,
        end: 'expired',
        by: 'grant',
        overDead: false,
        raisedOverDead: false,
        ...also,
      });
    }
    return this;
  }

  /** A holder believes that it holds the lock, and gives it back at the end. */
  holds(token: string, from: number, until: number, also: Partial<Section> = {}): this {
    this.history.sections.push({
      client: clientOf(token),
      token,
      resources: ['r'],
      from,
      validity: [{ at: from, until }],
      worth: 0,
      maxHoldTime: NEVER,
      releasedAt: until,
      abortedAt: NEVER,
      ...also,
    });
    return this;
  }

  /** An operation is sent to nodes, executed and answered, all at one instant. */
  asks(
    operation: Operation,
    token: string,
    nodes: readonly number[],
    at: number,
    also: Partial<Exchange> = {},
  ): this {
    for (const node of nodes) {
      this.history.exchanges.push({
        client: clientOf(token),
        node,
        operation,
        token,
        sentAt: at,
        executedAt: at,
        reply: GOOD_REPLY[operation],
        answeredAt: at,
        overDead: false,
        torn: false,
        ...also,
      });
    }
    return this;
  }

  /** A call that is about the lock of that token, or just of its client; it takes no longer than it may. */
  calls(verb: Verb, token: string, invokedAt: number, settledAt: number, also: Partial<Call> = {}): this {
    this.history.calls.push({
      client: clientOf(token),
      verb,
      resources: ['r'],
      invokedAt,
      bound: settledAt - invokedAt,
      token,
      once: false,
      waits: (verb === 'acquire' || verb === 'using') && also.once !== true,
      mustSucceed: false,
      settledAt,
      outcome: 'ok',
      stale: [],
      ...also,
    });
    return this;
  }

  /** A client draws a token for an attempt, so many times at one instant. */
  tries(token: string, at: number, times = 1): this {
    for (let i = 0; i < times; i++) this.history.attempts.push({ client: clientOf(token), token, at });
    return this;
  }

  /** A client sends a node what no call has asked for, so many times at one instant. */
  sends(what: Extra['what'], client: string, node: number, at: number, times = 1): this {
    for (let i = 0; i < times; i++) this.history.extras.push({ client: clientOf(client), node, at, what });
    return this;
  }

  /** Nodes tell a client that it is its turn, or that it is the next; `arrivals`: when it reads that, if not at once. */
  tells(
    what: Message['what'],
    client: string,
    nodes: readonly number[],
    at: number,
    arrivals: number[] = [at],
  ): this {
    for (const node of nodes) {
      this.history.messages.push({
        client: clientOf(client),
        node,
        key: 'r',
        what,
        publishedAt: at,
        arrivedAt: arrivals,
      });
    }
    return this;
  }

  /** A client knows that it hears what nodes tell it from now on. */
  listens(client: string, nodes: readonly number[], at: number): this {
    for (const node of nodes) this.history.subscriptions.push({ client: clientOf(client), node, at });
    return this;
  }

  /** A client stands in the line of a node. */
  queues(client: string, node: number, from: number, until: number, also: Partial<Entry> = {}): this {
    this.history.entries.push({
      client: clientOf(client),
      node,
      key: 'r',
      since: from,
      isStray: false,
      from,
      until,
      end: 'served',
      ...also,
    });
    return this;
  }

  /** A node keeps the lock for a client. */
  keeps(client: string, node: number, from: number, until: number, also: Partial<Reservation> = {}): this {
    this.history.reservations.push({
      client: clientOf(client),
      node,
      key: 'r',
      from,
      until,
      end: 'expired',
      ...also,
    });
    return this;
  }

  /** Somebody forges what is in the line of a node, or what it tells. */
  forges(node: number, at: number): this {
    this.history.forgeries.push({ node, at });
    return this;
  }

  /** Something is wrong between nodes and clients, with all that they say or only with what nodes publish. */
  disturbs(nodes: readonly number[], from: number, to: number, what: 'all' | 'messages' = 'all'): this {
    for (const node of nodes) {
      this.history.disturbances.push({
        node,
        client: undefined,
        from,
        to: what === 'all' ? to : NEVER_YET,
        backAt: what === 'all' ? to : NEVER_YET,
        silentTo: to,
      });
    }
    return this;
  }

  /** A client stops between two events, or in the midst of its code. */
  stops(token: string, from: number, to: number, where: 'between' | 'amid' = 'between'): this {
    this.history.pauses.push({ client: clientOf(token), from, to, amid: where === 'amid' });
    return this;
  }

  isKilled(token: string, at: number): this {
    this.history.crashes.push({ client: clientOf(token), at });
    return this;
  }

  /** A server comes back, with what it knew or without. */
  restarts(node: number, at: number, isLossy = true): this {
    this.history.restarts.push({ node, at, isLossy });
    return this;
  }

  /** A node loses its counters. */
  losesCounters(at: number, isMadeUpFor: boolean): this {
    this.history.counterLosses.push({ at, isMadeUpFor });
    return this;
  }

  /** All nodes seem to be new. */
  seemsNew(at: number): this {
    this.history.blankAt = at;
    return this;
  }

  /** All locks were given back, and all faults are over. */
  heals(at: number): this {
    this.history.healedAt = at;
    return this;
  }

  leaves(what: string): this {
    this.history.leftovers.push(what);
    return this;
  }
}

/** Messages take 1 ms, and nobody has to pause for long. */
export const BRISK: Pace = { from: 0, metAt: 0, latency: 1, nodeTimeout: 12, longestPause: 20, drift: 0 };

/** Three nodes, on which no lock is longer than 100 ms, and nothing has happened yet. */
export function story({
  nodes = 3,
  reordering = [],
  guard = 'off',
  pace,
}: {
  nodes?: number;
  reordering?: readonly number[];
  guard?: RestartGuard;
  pace?: Pace;
} = {}): Story {
  return new Story(nodes, reordering, guard, pace);
}

/** Which rules a history breaks, each of them once, by name. */
export function broken({ history }: Pick<Story, 'history'>, leniency?: Leniency): Rule[] {
  return [...new Set(violations(history, leniency).map(({ rule }) => rule))].sort();
}

function clientOf(token: string): number {
  return token.charCodeAt(0) - 'a'.charCodeAt(0);
}
