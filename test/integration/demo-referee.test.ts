import { describe, expect, it } from 'vitest';
import { countOverlaps, percentile, Referee } from '../../examples/demo/referee.ts';

const section = (from: number, to: number) => ({ from, to, wrote: true });

/** Worker 1 inside from 10 to 20, after having asked at 4; worker 2 from 30 to 40, without waiting. */
function orderly(): Referee {
  const referee = new Referee(2);
  referee.see({ worker: 1, at: 4, kind: 'asks' });
  referee.see({ worker: 1, at: 10, kind: 'enters', ownerToken: 'a' });
  referee.see({ worker: 1, at: 20, kind: 'leaves', wrote: true });
  referee.see({ worker: 2, at: 30, kind: 'asks' });
  referee.see({ worker: 2, at: 30, kind: 'enters', ownerToken: 'b' });
  referee.see({ worker: 2, at: 40, kind: 'leaves', wrote: true });
  return referee;
}

function finished(referee: Referee): Referee {
  for (const worker of [1, 2]) referee.see({ worker, at: 50, kind: 'finishes' });
  return referee;
}

describe('overlaps', () => {
  it.each([
    ['none without sections', [], 0],
    ['none one after the other', [section(0, 1), section(2, 3)], 0],
    ['none when one begins as another ends', [section(0, 1), section(1, 2)], 0],
    ['one when one begins inside another', [section(0, 2), section(1, 3)], 1],
    ['one when one is all inside another', [section(0, 9), section(1, 2)], 1],
    ['each that begins inside a long one', [section(0, 9), section(1, 2), section(3, 4)], 2],
    ['the same in whatever order they were reported', [section(3, 4), section(0, 9), section(1, 2)], 2],
  ])('are %s', (_, sections, count) => {
    expect(countOverlaps(sections)).toBe(count);
  });
});

describe('a percentile', () => {
  it.each([
    [0.5, 2],
    [0.75, 3],
    [0.99, 4],
    [1, 4],
  ])('of %d is the least value that covers that share', (share, value) => {
    expect(percentile([4, 2, 1, 3], share)).toBe(value);
  });

  it('of nothing is 0', () => {
    expect(percentile([], 0.5)).toBe(0);
  });
});

describe('the referee', () => {
  it('objects to nothing when all went well', () => {
    expect(finished(orderly()).score(2)).toEqual({
      done: 2,
      overlaps: 0,
      lost: 0,
      wait: { p50: 0, p99: 6, max: 6 },
      failures: [],
      objections: [],
    });
  });

  it('objects to two workers inside at once', () => {
    const referee = orderly();
    referee.see({ worker: 1, at: 35, kind: 'enters', ownerToken: 'c' });
    referee.see({ worker: 1, at: 45, kind: 'leaves', wrote: true });
    expect(finished(referee).score(3).objections).toEqual(['1 overlaps']);
  });

  it('objects to a counter that is behind', () => {
    expect(finished(orderly()).score(1)).toMatchObject({ lost: 1, objections: ['1 updates lost'] });
  });

  it('does not miss an update that was never made', () => {
    const referee = orderly();
    referee.see({ worker: 1, at: 41, kind: 'enters', ownerToken: 'c' });
    referee.see({ worker: 1, at: 45, kind: 'leaves', wrote: false });
    referee.see({ worker: 1, at: 46, kind: 'fails', why: 'lost' });
    expect(finished(referee).score(2)).toMatchObject({ done: 2, failures: ['lost'], objections: [] });
  });

  it('objects to workers that do nothing', () => {
    expect(finished(new Referee(2)).score(0).objections).toEqual(['no critical section done']);
  });

  it('objects to a worker that does not finish', () => {
    const referee = orderly();
    referee.see({ worker: 1, at: 50, kind: 'finishes' });
    expect(referee.score(2).objections).toEqual(['worker 2 stalled']);
  });

  it('objects to a worker that dies inside', () => {
    const referee = orderly();
    referee.see({ worker: 2, at: 41, kind: 'finishes' });
    referee.see({ worker: 1, at: 41, kind: 'enters', ownerToken: 'c' });
    referee.see({ worker: 1, at: 43, kind: 'dies', why: 'SIGKILL' });
    expect(referee.score(2).objections).toEqual(['worker 1 died: SIGKILL']);
  });
});
