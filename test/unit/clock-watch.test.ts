import { describe, expect, it } from 'vitest';
import { type ClockJump, ClockWatch } from '../../src/node/redis/clock-watch.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** When the server's clock shows this, the client's shows 0. */
const START = 1_700_000_000_000;

interface Step {
  /** When the request leaves, and when the answer is there, by the client. */
  readonly at: readonly [sent: number, received: number];
  /** How far the server's clock is from running along with the client's. */
  readonly off: number;
}

/** What a watch says to each report; the server reads its clock in the middle. */
function jumpsOf(steps: readonly Step[]): (ClockJump | undefined)[] {
  const watch = new ClockWatch();
  return steps.map(({ at: [sentAt, receivedAt], off }) =>
    watch.heard({ sentAt, receivedAt, time: START + (sentAt + receivedAt) / 2 + off }),
  );
}

const slow = (at: number, off: number): Step => ({ at: [at, at + 50], off });
const quick = (at: number, off: number): Step => ({ at: [at, at + 1], off });

describe('a watch of a clock', () => {
  it.each<[string, Step[]]>([
    ['one report', [quick(0, 0)]],
    ['a clock that runs along', [quick(0, 5), quick(5_000, 5), quick(10_000, 5)]],
    ['one that is slewed by 0.05 %', [quick(0, 0), quick(5_000, 2.5), quick(60_000, 30)]],
    ['one that is slewed back by 0.05 %', [quick(0, 0), quick(5_000, -2.5), quick(60_000, -30)]],
    ['a slow answer', [quick(0, 0), { at: [5_000, 8_000], off: 1_400 }, quick(10_000, 0)]],
    ['a jump that is smaller than what clocks may run apart', [quick(0, 0), quick(30_000, 25)]],
    ['a jump without a report in the minute before it', [quick(0, 0), quick(60_001, 1_000)]],
  ])('says nothing of %s', (_, steps) => {
    expect(jumpsOf(steps)).toEqual(steps.map(() => undefined));
  });

  it.each([
    [20, 'forward'],
    [-20, 'backward'],
    [3_600_000, 'forward'],
    [-3_600_000, 'backward'],
  ])('notices a jump of %i ms, and by how much at least', (by, direction) => {
    const [, jump] = jumpsOf([quick(0, 0), quick(5_000, by)]);
    expect(jump?.direction).toBe(direction);
    // Two bounds of half a ms each way, and 0.1 % of 5 s.
    expect(jump?.by).toBeCloseTo(Math.abs(by) - 6, 1);
  });

  it('notices one behind slow answers when a quick one shows it', () => {
    const jumps = jumpsOf([quick(0, 0), slow(5_000, 20), slow(10_000, 20), quick(11_000, 20)]);
    expect(jumps.map((jump) => jump?.direction)).toEqual([undefined, undefined, undefined, 'forward']);
  });

  it('says each jump once', () => {
    const offs = [0, 100, 100, 100, 0, 0];
    const jumps = jumpsOf(offs.map((off, i) => quick(i * 5_000, off)));
    expect(jumps.map((jump) => jump?.direction)).toEqual([
      undefined,
      'forward',
      undefined,
      undefined,
      'backward',
      undefined,
    ]);
  });

  it('remembers the beginning of the minute, however many reports there are', () => {
    const watch = new ClockWatch();
    const heard = (at: number, off: number) =>
      watch.heard({ sentAt: at, receivedAt: at + 1, time: START + at + off });
    // Each step is too small to be noticed by itself; all together are not.
    for (let at = 0; at < 30_000; at += 10) expect(heard(at, 0)).toBeUndefined();
    for (let step = 1; step < 100; step++) {
      const jump = heard(30_000 + step * 10, step * 1.02);
      if (jump) return;
    }
    expect.unreachable('the small steps should have been noticed');
  });
});

interface Trial {
  readonly seed: number;
  readonly minutes: number;
  /** About how many ms lie between two reports. */
  readonly every: number;
  /** The jumps, one each minute; 0 for none. */
  readonly jump: number;
}

/** One answer in ten takes up to 50 ms, one way or the other; the others take 0.2 to 1 ms. The rate changes each minute. */
function simulate({ seed, minutes, every, jump }: Trial): { noticed: number; alarms: number } {
  const random = seededRandom(seed);
  const watch = new ClockWatch();
  const delay = (): number =>
    random.fraction() < 0.05 ? random.fraction() * 50 : 0.1 + random.fraction() * 0.4;
  let noticed = 0;
  let alarms = 0;
  let lead = START;
  let now = 0;
  for (let minute = 0; minute < minutes; minute++) {
    const rate = (random.fraction() * 2 - 1) * 0.0005;
    const end = (minute + 1) * 60_000;
    const jumpAt = jump === 0 ? Number.POSITIVE_INFINITY : end - 30_000;
    const sign = minute % 2 === 0 ? 1 : -1;
    let hasJumped = false;
    let wasNoticed = false;
    while (now < end) {
      const passed = every * (0.5 + random.fraction());
      now += passed;
      lead += passed * rate;
      if (!hasJumped && now >= jumpAt) {
        lead += sign * jump;
        hasJumped = true;
      }
      const there = delay();
      // TIME is in whole µs.
      const time = Math.floor((now + there + lead) * 1_000) / 1_000;
      const found = watch.heard({ sentAt: now, receivedAt: now + there + delay(), time });
      if (!found) continue;
      const isRight = hasJumped && !wasNoticed && (found.direction === 'forward') === (sign === 1);
      if (isRight && found.by <= jump) wasNoticed = true;
      else alarms++;
    }
    if (wasNoticed) noticed++;
  }
  return { noticed, alarms };
}

describe('in a simulation with slow answers and clocks that are slewed by up to 0.05 %', () => {
  it('there is no false alarm in 100,000 minutes', () => {
    expect(simulate({ seed: 1, minutes: 100_000, every: 5_000, jump: 0 })).toEqual({
      noticed: 0,
      alarms: 0,
    });
  });

  it('nor with a report each second', () => {
    expect(simulate({ seed: 2, minutes: 10_000, every: 1_000, jump: 0 }).alarms).toBe(0);
  });

  it.each([
    [20, 0.99],
    [50, 0.999],
    [1_000, 1],
  ])('a jump of %i ms is noticed, and once', (jump, share) => {
    const { noticed, alarms } = simulate({ seed: 3, minutes: 5_000, every: 5_000, jump });
    expect(alarms).toBe(0);
    expect(noticed).toBeGreaterThanOrEqual(share * 5_000);
  });
});
