import { describe, expect, it } from 'vitest';
import { broken } from '../support/checker/story.ts';
import { calmWorld, keep, onNodes } from '../support/simulation/by-hand.ts';
import type { Fault, Schedule } from '../support/simulation/schedule.ts';
import { take } from '../support/simulation/schedule-of.ts';
import { simulate } from '../support/simulation/world.ts';

interface Outcome {
  readonly forgiving: string[];
  readonly strict: string[];
}

/** Which rules a run breaks, when lost votes are an excuse, and when they are not. */
async function run(schedule: Schedule): Promise<Outcome> {
  const history = await simulate(schedule);
  // A world in which nobody gets the lock would prove nothing.
  expect(history.sections[0]).toMatchObject({ client: 0 });
  return { forgiving: broken({ history }), strict: broken({ history }, { forgive: false }) };
}

const NOTHING = { forgiving: [], strict: [] };

/** One holds the lock from 400 on until it is over; another tries to get it meanwhile, at 700. */
const CONTENDED: Partial<Schedule> = {
  clients: [[keep(400)], [take(700, { hold: 100, do: 'tryAcquire' })]],
};

function contended(faults: readonly Fault[], also: Partial<Schedule> = {}): Promise<Outcome> {
  return run(calmWorld({ ...CONTENDED, ...also, faults }));
}

const at = (time: number) => ({ at: time, for: 0 });
const MAJORITY = [0, 1];

function crash(memory: 'kept' | 'stale' | 'lost'): Fault[] {
  return onNodes(MAJORITY, (node) => ({ what: 'crash', node, memory, refuses: true, at: 450, for: 20 }));
}

function jump(nodes: readonly number[], by: number): Fault[] {
  return onNodes(nodes, (node) => ({ what: 'jump', node, by, ...at(600) }));
}

/** How much faster than true time the clocks of two clients and three servers are, in drift factors. */
function drifting(...rates: readonly number[]): Promise<Outcome> {
  const clients = [[keep(400)], [take(1_150, { hold: 100, do: 'tryAcquire' })]];
  return contended([], { driftFactor: 0.1, rates, clients });
}

// What the documentation asks of nodes and clocks is not a formality: without it, locks are not exclusive, and the
// checker sees it. Every test has its counterpart, in which all is the same but for what is assumed.

describe('nodes keep what they were given', () => {
  it('or two hold the lock: a majority that forgets it while it is held', async () => {
    expect(await contended([{ what: 'forget', node: 0, many: 2, ...at(600) }])).toEqual({
      forgiving: [],
      strict: ['exclusion', 'support'],
    });
    expect(await contended([])).toEqual(NOTHING);
  });

  it('or two hold the lock: one node that forgets it, when no more than a quorum had it', async () => {
    const clients = [[keep(400)], [take(1_000, { hold: 100, do: 'tryAcquire' })]] as const;
    const missing: Fault = { what: 'crash', node: 2, at: 350, for: 100, memory: 'kept', refuses: true };
    const forget: Fault = { what: 'forget', node: 1, many: 1, ...at(600) };
    expect(await contended([missing, forget], { clients })).toEqual({
      forgiving: [],
      strict: ['exclusion', 'support'],
    });
    expect(await contended([missing], { clients })).toEqual(NOTHING);
  });

  it('but a minority may forget it when all nodes had it', async () => {
    expect(await contended([{ what: 'forget', node: 1, many: 1, ...at(600) }])).toEqual(NOTHING);
  });

  it('and a majority may forget what is not held any more', async () => {
    const clients = [[take(400, { hold: 100 })], [take(700, { hold: 100, do: 'tryAcquire' })]] as const;
    expect(await contended([{ what: 'forget', node: 0, many: 3, ...at(600) }], { clients })).toEqual(NOTHING);
  });

  it.each(['lost', 'stale'] as const)(
    'or two hold the lock: a majority that restarts with its memory %s',
    async (memory) => {
      // A snapshot is taken before a write: the last one is of when nobody had the lock.
      const clients = [[keep(400)], [take(1_000, { hold: 100, do: 'tryAcquire' })]] as const;
      expect(await contended(crash(memory), { clients })).toEqual({
        forgiving: [],
        strict: ['exclusion', 'support'],
      });
      expect(await contended(crash('kept'), { clients })).toEqual(NOTHING);
    },
  );

  it('or two hold the lock: a majority that drops its keys, as one with maxmemory does', async () => {
    const drop = onNodes(MAJORITY, (node): Fault => ({ what: 'drop', node, which: 0, ...at(600) }));
    expect(await contended(drop)).toEqual({ forgiving: [], strict: ['exclusion', 'support'] });
    expect(await contended([])).toEqual(NOTHING);
  });
});

describe('no clock of a node jumps', () => {
  it('or two hold the lock: a majority that goes forward', async () => {
    expect(await contended(jump(MAJORITY, 2_000))).toEqual({
      forgiving: [],
      strict: ['exclusion', 'support'],
    });
  });

  it('or a holder has no quorum at the end: a majority that goes forward a little', async () => {
    // The votes end 50 ms early, at about 1350, long after the other has given up.
    expect(await contended(jump(MAJORITY, 50))).toEqual({ forgiving: [], strict: ['support'] });
    // What drift leaves unused: a millisecond, for the resolution of the server's clock.
    expect(await contended(jump(MAJORITY, 10))).toEqual(NOTHING);
  });

  it('but a minority may', async () => {
    expect(await contended(jump([1], 2_000))).toEqual(NOTHING);
  });

  it('but all may go back, which only makes others wait', async () => {
    expect(await contended(jump([0, 1, 2], -500))).toEqual(NOTHING);
  });
});

describe('clocks run alike, within the drift factor', () => {
  it('or two hold the lock, and nothing excuses it: servers that are too fast', async () => {
    expect(await drifting(0, 0, 5, 5, 5)).toEqual({
      forgiving: ['exclusion', 'support'],
      strict: ['exclusion', 'support'],
    });
    expect(await drifting(0, 0, 1, 1, 1)).toEqual(NOTHING);
  });

  it('or two hold the lock, and nothing excuses it: a holder that is too slow', async () => {
    const clients = [[keep(400)], [take(1_500, { hold: 100, do: 'tryAcquire' })]];
    const slow = (rate: number) => contended([], { driftFactor: 0.1, rates: [rate], clients });
    expect(await slow(-5)).toEqual({
      forgiving: ['exclusion', 'support'],
      strict: ['exclusion', 'support'],
    });
    expect(await slow(0)).toEqual(NOTHING);
  });

  it('or a holder has no quorum at the end: servers that are a little too fast', async () => {
    expect(await drifting(0, 0, 1.5, 1.5, 1.5)).toEqual({ forgiving: ['support'], strict: ['support'] });
    expect(await drifting(0, 0, 1, 1, 1)).toEqual(NOTHING);
  });

  it('but a minority of servers may be too fast', async () => {
    expect(await drifting(0, 0, 0, 5, 0)).toEqual(NOTHING);
  });

  it('and a holder may be too fast, which only costs it time', async () => {
    expect(await drifting(1, 0, 0, 0, 0)).toEqual(NOTHING);
  });
});
