import { describe, expect, it } from 'vitest';
import { judge } from '../../bench/speed/goals.ts';
import type { Findings } from '../../bench/speed/scenarios/scenarios.ts';
import type { Figures } from '../../bench/support/outcome.ts';

type Rows = Readonly<Record<string, Figures | string>>;

function finding(outcomes: Readonly<Record<string, Rows>>): NonNullable<Findings['throughput']> {
  const tables = Object.entries(outcomes).map(([name, rows]) => [
    name,
    { title: '', notes: [], columns: [], rows },
  ]);
  return { outcomes: Object.fromEntries(tables), raw: undefined };
}

function verdicts(findings: Findings): string[] {
  return judge(findings).map(({ goal, met }) => `${goal}: ${met ? 'met' : 'missed'}`);
}

describe('goals of the speed bench', () => {
  it('judges the ratios to raw with and without fencing', () => {
    const ratios: Rows = {
      '1 in flight: p50': { quorlock: 1.25, 'quorlock, no fencing': 1.16 },
      '64 in flight: ops/s': { quorlock: 4, 'quorlock, no fencing': 5.4 },
      '256 in flight: ops/s': { quorlock: 3.4, 'quorlock, no fencing': 5 },
      '64 in flight: client CPU per operation': { quorlock: 0.26, 'quorlock, no fencing': 0.2 },
    };
    expect(verdicts({ versusRaw: finding({ ratios }) })).toEqual([
      '1 in flight: p50, with fencing, to raw ≤ 1.25: met',
      '1 in flight: p50, without, to raw ≤ 1.15: missed',
      '64 in flight: ops/s, with fencing, to raw ≥ 4: met',
      '64 in flight: ops/s, without, to raw ≥ 5.5: missed',
      '256 in flight: ops/s, with fencing, to raw ≥ 3.5: missed',
      '256 in flight: ops/s, without, to raw ≥ 5: met',
      '64 in flight: client CPU per operation, with fencing, to raw ≤ 0.25: missed',
      '64 in flight: client CPU per operation, without, to raw ≤ 0.2: met',
    ]);
  });

  it('misses a goal whose figure is missing', () => {
    const all = judge({ versusRaw: finding({ ratios: {} }) });
    expect(all).toHaveLength(8);
    expect(all.filter(({ met }) => met)).toEqual([]);
  });

  it('wants quorlock to be better than the best peer, and not only as good', () => {
    const alone: Rows = {
      raw: { p50: 0.1 },
      quorlock: { p50: 0.4 },
      'quorlock, no fencing': { p50: 0.3 },
      'redlock 5': { p50: 0.4 },
      'redlock 4': { p50: 0.7 },
      'redis-semaphore': 'hangs',
    };
    expect(verdicts({ throughput: finding({ 1: alone }) })).toEqual([
      '1 in flight: p50, with fencing, to the best peer (redlock 5) < 1: missed',
      '1 in flight: p50, without, to the best peer (redlock 5) < 1: met',
    ]);
    const busy: Rows = {
      quorlock: { perSecond: 30 },
      'quorlock, no fencing': { perSecond: 40 },
      'redlock 5': { perSecond: 10 },
      '@redis-kit/lock': { perSecond: 30 },
    };
    expect(verdicts({ throughput: finding({ 64: busy }) })).toEqual([
      '64 in flight: ops/s, with fencing, to the best peer (@redis-kit/lock) > 1: missed',
      '64 in flight: ops/s, without, to the best peer (@redis-kit/lock) > 1: met',
    ]);
  });

  it('judges heap per lock for the contestants that were measured', () => {
    const heap: Rows = { quorlock: { plain: 400, extending: 501 }, 'redlock 5': { plain: 900 } };
    expect(verdicts({ heap: finding({ heap }) })).toEqual([
      'heap per held lock, with fencing, bytes ≤ 400: met',
      'heap per lock that extends itself, with fencing, bytes ≤ 500: missed',
    ]);
  });

  it('judges nothing that was not measured, or has no peer', () => {
    expect(judge({})).toEqual([]);
    expect(judge({ throughput: finding({ 1: { quorlock: { p50: 1 } } }) })).toEqual([]);
  });
});
