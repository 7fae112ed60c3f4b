import { describe, expect, it } from 'vitest';
import { broken, type Story, story } from '../support/checker/story.ts';

const held = (first: number | undefined, second: number | undefined, from = 20): Story =>
  story()
    .locks('a', 0, 10, { fencingToken: first })
    .locks('b', from, from + 10, { fencingToken: second });

const asked = (at: number): Story => held(8, 7).calls('acquire', 'b', at, 20).tries('b', at);

const restarted = (guard: 'off' | 'auto' | 'strict', from: number, isLossy = true): Story =>
  story({ guard })
    .restarts(0, 10, isLossy)
    .stands('a', [0], from, from + 20);

/** Nodes forget the lock of `a` in a restart, and give it to `b`. */
const forgotten = (guard: 'off' | 'auto' | 'strict', nodes: readonly number[]): Story => {
  const told = story({ guard }).locks('a', 0, 100).locks('b', 50, 90);
  for (const vote of told.history.votes) {
    if (vote.token === 'a' && nodes.includes(vote.node)) Object.assign(vote, { until: 20, end: 'forgotten' });
  }
  for (const node of nodes) told.restarts(node, 20);
  return told;
};

const rules = (told: Story): string[] => broken(told).filter((rule) => rule !== 'remembers');

describe('fenced', () => {
  it('allows a token that is larger than the one before', () => {
    expect(broken(held(7, 8))).toEqual([]);
  });

  it('is broken by one that is smaller', () => {
    expect(broken(held(8, 7))).toEqual(['fenced']);
  });

  it('is broken by one that two have', () => {
    expect(broken(held(7, 7))).toEqual(['fenced']);
  });

  it('takes no order from attempts that overlap', () => {
    expect(broken(asked(-1))).toEqual([]);
    expect(broken(asked(0))).toEqual(['fenced']);
  });

  it('asks nothing of locks without a token', () => {
    expect(broken(held(7, undefined))).toEqual([]);
    expect(broken(held(undefined, 7))).toEqual([]);
  });

  it('asks nothing of locks on other resources', () => {
    const other = { resources: ['s'], fencingToken: 7 };
    expect(broken(story().locks('a', 0, 10, { fencingToken: 8 }).locks('b', 20, 30, other))).toEqual([]);
  });

  it('holds for locks that share one of their resources', () => {
    const one = { resources: ['r', 's'], fencingToken: 8 };
    const other = { resources: ['s', 't'], fencingToken: 7 };
    expect(broken(story().locks('a', 0, 10, one).locks('b', 20, 30, other))).toEqual(['fenced']);
  });

  it('forgives what follows from counters that are lost', () => {
    expect(broken(held(8, 7).losesCounters(15, false))).toEqual([]);
    expect(broken(held(8, 7).losesCounters(25, false))).toEqual(['fenced']);
  });

  it('forgives nothing where clocks make up for it', () => {
    expect(broken(held(8, 7).losesCounters(15, true))).toEqual(['fenced']);
  });
});

describe('remembers', () => {
  it.each(['auto', 'strict'] as const)(
    'is broken by a grant before locks of before have expired (%s)',
    (guard) => {
      expect(broken(restarted(guard, 109))).toEqual(['remembers']);
    },
  );

  it('allows it as soon as they have', () => {
    expect(broken(restarted('strict', 110))).toEqual([]);
  });

  it('allows it before the restart', () => {
    expect(broken(restarted('strict', 9))).toEqual([]);
  });

  it('allows it to a server that kept what it had', () => {
    expect(broken(restarted('strict', 50, false))).toEqual([]);
  });

  it('asks nothing where nobody guards', () => {
    expect(broken(restarted('off', 50))).toEqual([]);
  });

  it('counts from the last restart', () => {
    expect(broken(restarted('strict', 120).restarts(0, 60))).toEqual(['remembers']);
  });

  it('asks nothing of other nodes', () => {
    expect(broken(story({ guard: 'strict' }).restarts(0, 10).stands('a', [1], 50, 80))).toEqual([]);
  });

  it('allows a holder to keep its vote', () => {
    const kept = story({ guard: 'strict' }).restarts(0, 10).stands('a', [0], 50, 80, { by: 'repair' });
    expect(broken(kept)).toEqual([]);
  });

  it('forgives auto what it takes for new', () => {
    expect(broken(restarted('auto', 50).seemsNew(40))).toEqual([]);
    expect(broken(restarted('auto', 50).seemsNew(60))).toEqual(['remembers']);
    expect(broken(restarted('strict', 50).seemsNew(40))).toEqual(['remembers']);
  });
});

describe('exclusion, where restarts are guarded', () => {
  it('is forgiven where nobody guards', () => {
    expect(rules(forgotten('off', [0]))).toEqual([]);
  });

  it.each(['auto', 'strict'] as const)('is not forgiven for a minority (%s)', (guard) => {
    expect(rules(forgotten(guard, [0]))).toEqual(['exclusion']);
  });

  it('is forgiven for a majority', () => {
    expect(rules(forgotten('strict', [0, 1]))).toEqual([]);
  });

  it('is forgiven when other nodes lose votes otherwise', () => {
    const told = forgotten('strict', [0]);
    const other = told.history.votes.find(({ node, token }) => node === 1 && token === 'a');
    Object.assign(other ?? {}, { until: 30, end: 'early' });
    expect(rules(told)).toEqual([]);
  });

  it('is forgiven when a node that was restarted has lost its vote before that', () => {
    const told = forgotten('strict', [0]);
    const vote = told.history.votes.find(({ node, token }) => node === 0 && token === 'a');
    Object.assign(vote ?? {}, { until: 15, end: 'early' });
    expect(rules(told)).toEqual([]);
    Object.assign(vote ?? {}, { end: 'forgotten' });
    expect(rules(told)).toEqual([]);
  });

  it('is forgiven to auto once all nodes seem to be new', () => {
    expect(rules(forgotten('auto', [0]).seemsNew(40))).toEqual([]);
    expect(rules(forgotten('auto', [0]).seemsNew(60))).toEqual(['exclusion']);
  });
});
