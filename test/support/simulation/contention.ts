import type { History } from '../checker/history.ts';
import { longestVacancy } from '../checker/served.ts';
import type { Fault, Schedule } from './schedule.ts';
import { scheduleOf } from './schedule-of.ts';

/** How nodes are down: their machines refuse connections, or say nothing; or they stop while clients are connected. */
export const OUTAGES = ['refusing', 'silent', 'hanging'] as const;

type Outage = (typeof OUTAGES)[number];

export interface Contention {
  readonly seed: number;
  /** Each in a process of its own. */
  readonly contenders: number;
  readonly nodes: number;
  /** How many of them are down, and how. */
  readonly down: number;
  readonly outage: Outage;
  /** How long each holds the lock at most, and how long it then thinks, in ms. */
  readonly hold?: number;
  readonly think?: number;
  readonly callers?: number;
}

/** For how long contenders begin again, in ms. */
const DURATION = 900;
/** When nodes begin to hang that do, in ms; and from when on everybody knows. */
const HANGS_AT = 300;
/** Incurable nodes are not back before all is over. */
const LASTING = 1;

/** Contenders that all want the same lock, again and again, on a network of one machine room. */
export function contention({
  seed,
  contenders,
  nodes,
  down,
  outage,
  hold = 2,
  think = 5,
  callers = 1,
}: Contention): Schedule {
  const hit = Array.from({ length: down }, (_, index) => (seed + index) % nodes);
  return scheduleOf({
    seed,
    nodes,
    ttl: 10_000,
    nodeTimeout: 500,
    connectTimeout: 100,
    latency: { least: 0.05, span: 0.2 },
    retry: { minTimeout: 50, maxTimeout: 1_000, retries: Number.POSITIVE_INFINITY },
    clients: Array.from({ length: contenders }, () => [
      { gap: 0, do: 'contend', for: DURATION, hold, think, callers, patience: 5_000 },
    ]),
    faults: hit.map((node) => faultOf(outage, node)),
    incurable: hit,
  });
}

function faultOf(outage: Outage, node: number): Fault {
  if (outage === 'hanging') return { what: 'pause', at: HANGS_AT, for: LASTING, node };
  return { what: 'crash', at: 0, for: LASTING, node, refuses: outage === 'refusing', memory: 'kept' };
}

/** How a lock that many want went round. */
export interface Round {
  /** For how long it was free while somebody waited, at most, in ms. */
  readonly longestVacancy: number;
  /** How many times others got it while one waited, at most. */
  readonly passed: number;
  /** How many attempts it took each time. */
  readonly attemptsPerTurn: number;
  /** How waiting ended, each way once. */
  readonly outcomes: readonly string[];
}

export function roundOf(history: History): Round {
  const { sections, attempts } = history;
  const calls = history.calls.filter((call) => call.waits);
  const passed = calls.map(({ client, invokedAt, wonAt = invokedAt }) => {
    const others = sections.filter(
      (each) => each.client !== client && each.from >= invokedAt && each.from < wonAt,
    );
    return others.length;
  });
  return {
    longestVacancy: longestVacancy(history),
    passed: Math.max(...passed),
    attemptsPerTurn: attempts.length / sections.length,
    outcomes: [...new Set(calls.map(({ outcome }) => outcome))],
  };
}
