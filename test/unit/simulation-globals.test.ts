import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runEvents } from '../support/simulation/by-hand.ts';
import { Process, WALL_ORIGIN } from '../support/simulation/process.ts';
import { Timeline } from '../support/simulation/timeline.ts';
import { virtualizeGlobals } from '../support/simulation/virtual-globals.ts';

/** What simulated code must not get from the machine. */
function globals(): unknown[] {
  return [globalThis.setImmediate, Date.now, Math.random, Reflect.get(performance, 'now')];
}

describe('virtual globals', () => {
  let timeline: Timeline;
  let simulated: Process;
  let restore: () => void;

  beforeEach(() => {
    timeline = new Timeline();
    simulated = new Process({ id: 0, timeline, rate: 2, origin: 1_000, fraction: () => 0, pauses: [] });
    restore = virtualizeGlobals();
  });

  afterEach(() => {
    restore();
  });

  /** Runs code in the simulated process, at 100, and whatever it has planned. */
  async function inside<T>(run: () => T): Promise<T> {
    let result!: T;
    simulated.at(100, () => {
      result = run();
    });
    await runEvents(timeline);
    return result;
  }

  it('answer simulated code by its own clocks', async () => {
    simulated.setWallClock(-150);
    expect(await inside(() => [performance.now(), Date.now()])).toEqual([1_200, WALL_ORIGIN + 100 - 150]);
  });

  it('give simulated code a turn of its own event loop, with its arguments', async () => {
    const ran: string[] = [];
    await inside(() => {
      setImmediate((name) => ran.push(`${name}@${simulated.time}`), 'immediate');
      ran.push('event');
    });
    expect(ran).toEqual(['event', 'immediate@100']);
  });

  it('let simulated code draw no random number without a seed', async () => {
    await inside(() => expect(() => Math.random()).toThrow('no seed'));
  });

  it('answer also what promises of simulated code ask', async () => {
    const seen: number[] = [];
    await inside(() => void Promise.resolve().then(() => seen.push(performance.now())));
    expect(seen).toEqual([1_200]);
  });

  it('answer everybody else by the machine', async () => {
    await inside(() => {});
    expect(performance.now()).not.toBe(1_200);
    expect(Date.now()).toBeGreaterThan(Date.UTC(2020));
    expect(Math.random()).toBeLessThan(1);
    expect(await new Promise((resolve) => setImmediate(resolve, 'a turn'))).toBe('a turn');
  });

  it('are undone', () => {
    restore();
    const real = globals();
    const undo = virtualizeGlobals();
    globals().forEach((each, index) => {
      expect(each).not.toBe(real[index]);
    });
    undo();
    expect(globals()).toEqual(real);
  });
});
