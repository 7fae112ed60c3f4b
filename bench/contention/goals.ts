import { figure, type Outcome } from '../support/outcome.ts';
import type { Verdict } from '../support/verdict.ts';
import * as verdict from '../support/verdict.ts';

export interface Outcomes {
  readonly handOver: Outcome;
  readonly together: Outcome;
  readonly apart: Outcome;
  readonly crowd: Outcome;
  readonly storm: Outcome;
  readonly death: Outcome;
  readonly idle: Outcome;
}

/** What is promised of quorlock, and what has come of it; only what was measured. */
export function judge({
  handOver,
  together,
  apart,
  crowd,
  storm,
  death,
  idle,
}: Partial<Outcomes>): Verdict[] {
  const fair = 3 * own(crowd, 'p50') + 50;
  return [
    ...atMost(handOver, 'p50', 'hand-over p50, ms', 2),
    ...atMost(handOver, 'ratio', 'hand-over p50 to an acquire alone', 4),
    ...atMost(handOver, 'p99', 'hand-over p99, ms', 10),
    ...atLeast(together, 'perSecond', '1 × 32: acquisitions/s', 340),
    ...atMost(together, 'commands', '1 × 32: commands per acquisition', 15),
    ...atMost(together, 'p99', '1 × 32: wait p99, ms', 130),
    ...atMost(together, 'overlaps', '1 × 32: overlaps', 0),
    ...atLeast(apart, 'perSecond', '4 × 2: acquisitions/s', 300),
    ...atMost(apart, 'max', '4 × 2: longest wait, ms', 80),
    ...atMost(apart, 'overlaps', '4 × 2: overlaps', 0),
    ...atMost(crowd, 'max', '8 × 4: longest wait, ms (3 × the median + 50)', fair),
    ...atMost(crowd, 'overlaps', '8 × 4: overlaps', 0),
    ...atMost(storm, 'most', 'storm: attempts per waiter and release, most', 1),
    ...atMost(death, 'max', 'death: held after expiry, longest, ms', 20),
    ...atMost(idle, 'rate', 'idle: commands per s and node', 1),
  ];
}

function own(outcome: Outcome | undefined, key: string): number {
  return figure(outcome, 'quorlock', key);
}

function atMost(outcome: Outcome | undefined, key: string, what: string, limit: number): Verdict[] {
  return outcome ? [verdict.atMost(what, own(outcome, key), Math.round(limit))] : [];
}

function atLeast(outcome: Outcome | undefined, key: string, what: string, limit: number): Verdict[] {
  return outcome ? [verdict.atLeast(what, own(outcome, key), Math.round(limit))] : [];
}
