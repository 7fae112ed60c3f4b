import { describe, expect, it } from 'vitest';
import type { Pause } from '../support/checker/history.ts';
import { runEvents } from '../support/simulation/by-hand.ts';
import { Process, WALL_ORIGIN } from '../support/simulation/process.ts';
import { Timeline } from '../support/simulation/timeline.ts';

/** How late a timer of these processes is, in ms: as late as the least. */
const LATE = 0.001;

class Bench {
  readonly timeline = new Timeline();
  readonly pauses: Pause[] = [];
  readonly process: Process;
  readonly ran: string[] = [];

  constructor({ rate = 1, origin = 0, fraction = 0 } = {}) {
    const { timeline, pauses } = this;
    this.process = new Process({ id: 7, timeline, rate, origin, fraction: () => fraction, pauses });
  }

  /** Writes down that something ran, and when in true time. */
  note(name: string): () => void {
    return () => void this.ran.push(`${name}@${Number(this.process.time.toFixed(6))}`);
  }

  run(until?: number): Promise<void> {
    return runEvents(this.timeline, until);
  }
}

/** Stopped from 100 to 200; input and a timer come meanwhile, in this order, then one of each afterwards. */
function stopped(timersFirst: boolean): Bench {
  const bench = new Bench();
  bench.timeline.at(100, () => bench.process.pause(100, timersFirst));
  bench.process.at(110, bench.note('input'));
  bench.process.clock.after(120, bench.note('timer'));
  bench.process.at(130, bench.note('more input'));
  bench.process.clock.after(250, bench.note('later timer'));
  return bench;
}

describe('the clock of a simulated process', () => {
  it('has its own rate and origin', async () => {
    const { process, timeline, ...bench } = new Bench({ rate: 1.5, origin: 1_000 });
    expect(process.clock.now()).toBe(1_000);
    timeline.at(100, () => {});
    timeline.next();
    expect(process.clock.now()).toBe(1_150);
    expect(process.time).toBe(100);
    expect(process.toTrue(1_150)).toBe(100);
    expect(bench.ran).toEqual([]);
  });

  it('runs a timer by its own rate, and a little late', async () => {
    const bench = new Bench({ rate: 2, origin: 1_000 });
    bench.process.clock.after(100, bench.note('timer'));
    await bench.run();
    expect(bench.ran).toEqual([`timer@${50 + LATE}`]);
  });

  it.each([0, 0.999])('never runs a timer too early, or later than a millisecond (%f)', async (fraction) => {
    const bench = new Bench({ fraction });
    let ranAt = 0;
    bench.process.clock.after(100, () => {
      ranAt = bench.process.clock.now();
    });
    await bench.run();
    expect(ranAt).toBeGreaterThan(100);
    expect(ranAt).toBeLessThan(101);
  });

  it('runs a timer of the past as if it were of now', async () => {
    const bench = new Bench();
    bench.process.clock.after(-50, bench.note('timer'));
    await bench.run();
    expect(bench.ran).toEqual([`timer@${LATE}`]);
  });

  it('does not run a timer that was cancelled', async () => {
    const bench = new Bench();
    bench.process.clock.after(100, () => expect.unreachable())();
    await bench.run();
    expect(bench.timeline.pending).toEqual([]);
  });

  it('has nothing to do for a timer that never falls due', async () => {
    const bench = new Bench();
    bench.process.clock.after(Number.POSITIVE_INFINITY, () => expect.unreachable())();
    expect(bench.timeline.pending).toEqual([]);
  });

  it('is not moved by the wall clock', () => {
    const { process } = new Bench({ origin: 1_000 });
    process.setWallClock(-300);
    process.setWallClock(50);
    expect(process.wallTime).toBe(WALL_ORIGIN - 250);
    expect(process.clock.wallTime()).toBe(WALL_ORIGIN - 250);
    expect(process.clock.now()).toBe(1_000);
  });
});

describe('the event loop of a simulated process', () => {
  it('tells when a turn is over, after what promises made of it', async () => {
    const bench = new Bench();
    bench.process.onTurn = bench.note('turn');
    const later = bench.note('promise');
    bench.process.at(10, () => {
      bench.note('event')();
      void Promise.resolve().then(() => process.nextTick(later));
    });
    await bench.run();
    expect(bench.ran).toEqual(['event@10', 'promise@10', 'turn@10']);
  });

  it('is known as the one that runs, in its turns only', async () => {
    const bench = new Bench();
    const seen: (Process | undefined)[] = [];
    const look = (): void => void seen.push(Process.current);
    bench.process.at(10, look);
    bench.process.at(10, () => void Promise.resolve().then(look));
    bench.timeline.at(10, look);
    await bench.run();
    expect(seen).toEqual([bench.process, bench.process, undefined]);
  });
});

describe('a simulated process that is stopped', () => {
  it('runs nothing until it runs again, and then what came meanwhile: timers first', async () => {
    const bench = stopped(true);
    await bench.run();
    expect(bench.ran).toEqual(['timer@200', 'input@200', 'more input@200', `later timer@${250 + LATE}`]);
  });

  it('runs input first if told so', async () => {
    const bench = stopped(false);
    await bench.run();
    expect(bench.ran).toEqual(['input@200', 'more input@200', 'timer@200', `later timer@${250 + LATE}`]);
  });

  it('writes down the pause', () => {
    const bench = new Bench();
    bench.process.pause(50, true);
    expect(bench.pauses).toEqual([{ client: 7, from: 0, to: 50, amid: false }]);
  });

  it('has a clock that goes on', async () => {
    const bench = new Bench();
    bench.process.pause(50, true);
    bench.process.at(10, () => void bench.ran.push(`clock: ${bench.process.clock.now().toFixed(3)}`));
    await bench.run();
    expect(bench.ran).toEqual([expect.stringMatching(/^clock: 50\.000/)]);
  });

  it('stays so when it is stopped for longer, and has been stopped only once at a time', async () => {
    const bench = new Bench();
    bench.process.pause(50, true);
    bench.timeline.at(20, () => bench.process.pause(60, true));
    bench.process.at(10, bench.note('input'));
    await bench.run();
    expect(bench.ran).toEqual(['input@80']);
    expect(bench.pauses).toEqual([
      { client: 7, from: 0, to: 50, amid: false },
      { client: 7, from: 50, to: 80, amid: false },
    ]);
  });

  it('is not stopped again by a stop that is over before', async () => {
    const bench = new Bench();
    bench.process.pause(50, true);
    bench.timeline.at(20, () => bench.process.pause(10, true));
    bench.process.at(10, bench.note('input'));
    await bench.run();
    expect(bench.ran).toEqual(['input@50']);
    expect(bench.pauses).toHaveLength(1);
  });

  it('does not run a timer that is cancelled as it runs again', async () => {
    const bench = new Bench();
    bench.process.pause(50, false);
    const cancel = bench.process.clock.after(10, () => expect.unreachable());
    bench.process.at(20, cancel);
    await bench.run();
    expect(bench.timeline.pending).toEqual([]);
  });
});

describe('a simulated process that is stopped in the midst of its code', () => {
  it('finds between two looks at its clock that time has passed', async () => {
    const bench = new Bench({ rate: 2 });
    const { process } = bench;
    process.stall(100, 1);
    const looks: number[] = [];
    process.at(10, () => {
      for (let i = 0; i < 4; i++) looks.push(process.clock.now());
    });
    await bench.run();
    // The second look is right, and out of date when the code goes on.
    expect(looks).toEqual([20, 20, 220, 220]);
    expect(bench.pauses).toEqual([{ client: 7, from: 10, to: 110, amid: true }]);
  });

  it('is still there in what promises make of the same turn', async () => {
    const bench = new Bench();
    const { process } = bench;
    process.stall(100, 0);
    process.onTurn = bench.note('turn');
    process.at(10, () => {
      process.clock.now();
      void Promise.resolve().then(bench.note('promise'));
    });
    await bench.run();
    expect(bench.ran).toEqual(['promise@110', 'turn@110']);
  });

  it('does nothing else until then', async () => {
    const bench = new Bench();
    const { process } = bench;
    process.stall(100, 0);
    process.at(10, () => void process.clock.now());
    process.at(20, bench.note('input'));
    await bench.run();
    expect(bench.ran).toEqual(['input@110']);
  });

  it('runs timers first when it goes on', async () => {
    const bench = new Bench();
    const { process } = bench;
    process.stall(100, 0);
    process.at(10, () => void process.clock.now());
    process.at(20, bench.note('input'));
    process.clock.after(30, bench.note('timer'));
    await bench.run();
    expect(bench.ran).toEqual(['timer@110', 'input@110']);
  });

  it('arms timers from when it runs again', async () => {
    const bench = new Bench();
    const { process } = bench;
    process.stall(100, 0);
    process.at(10, () => {
      process.clock.now();
      process.clock.after(5, bench.note('timer'));
    });
    await bench.run();
    expect(bench.ran).toEqual([`timer@${115 + LATE}`]);
  });

  it('stops once only', async () => {
    const bench = new Bench();
    const { process } = bench;
    process.stall(100, 0);
    process.at(10, () => void process.clock.now());
    process.at(200, () => {
      process.clock.now();
      bench.note('input')();
    });
    await bench.run();
    expect(bench.ran).toEqual(['input@200']);
    expect(bench.pauses).toHaveLength(1);
  });

  it('does not stop any more when it has been calmed down', async () => {
    const bench = new Bench();
    const { process } = bench;
    process.stall(100, 0);
    process.calmDown();
    process.at(10, () => void process.clock.now());
    await bench.run();
    expect(bench.pauses).toEqual([]);
  });
});

describe('a simulated process that is killed', () => {
  it('runs nothing any more', async () => {
    const bench = new Bench();
    bench.process.at(10, bench.note('before'));
    bench.process.at(20, bench.note('after'));
    bench.process.clock.after(30, bench.note('timer'));
    bench.timeline.at(15, () => bench.process.kill());
    expect(bench.process.killed).toBe(false);
    await bench.run();
    expect(bench.ran).toEqual(['before@10']);
    expect(bench.process.killed).toBe(true);
  });

  it('runs nothing of what waited for it to run again', async () => {
    const bench = new Bench();
    bench.process.pause(100, true);
    bench.process.at(10, bench.note('input'));
    bench.timeline.at(50, () => bench.process.kill());
    await bench.run();
    expect(bench.ran).toEqual([]);
  });
});
