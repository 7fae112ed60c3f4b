import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Redlock } from '../../src/index.ts';
import { violations } from '../support/checker/checker.ts';
import { calmWorld, keep, onNodes } from '../support/simulation/by-hand.ts';
import { Process } from '../support/simulation/process.ts';
import type { Fault, Schedule } from '../support/simulation/schedule.ts';
import { take } from '../support/simulation/schedule-of.ts';
import { schedules } from '../support/simulation/schedules.ts';
import { Server } from '../support/simulation/server.ts';
import { simulate } from '../support/simulation/world.ts';
import { tokenOf } from '../support/token.ts';

const NEVER = Number.POSITIVE_INFINITY;
const HOUR = 3_600_000;
const ONCE = { at: 500, for: 0 };

afterEach(() => {
  vi.restoreAllMocks();
});

/** One client that inspects at 400, which is when a test has its code do something else. */
const INSPECTING = calmWorld({ clients: [[{ gap: 400, do: 'inspect', resource: 0 }]] });

/** A client locks at 400, and holds until 900. */
function locking(faults: readonly Fault[], also: Partial<Schedule> = {}): Schedule {
  return calmWorld({ clients: [[take(400, { hold: 500 })]], faults, ...also });
}

/** What a world changes for its time. */
function globals(): unknown[] {
  return [globalThis.setImmediate, Error.stackTraceLimit, process.listenerCount('unhandledRejection')];
}

describe('a simulated world', () => {
  it.each(
    fc.sample(schedules('forgetful'), { numRuns: 50, seed: 2 }).map((schedule, i) => ({ i, schedule })),
  )('has the very same history twice for the same schedule ($i)', async ({ schedule }) => {
    expect(await simulate(schedule)).toEqual(await simulate(schedule));
  });

  it('has another history for another seed', async () => {
    const one = await simulate(locking([]));
    const other = await simulate(locking([], { seed: 2 }));
    expect(one.exchanges).not.toEqual(other.exchanges);
    expect(one.exchanges).toHaveLength(other.exchanges.length);
  });

  it('waits for no real time, even if hours go by', async () => {
    const timers = [vi.spyOn(globalThis, 'setTimeout'), vi.spyOn(globalThis, 'setInterval')];
    const history = await simulate(
      locking([], {
        ttl: 60_000,
        clients: [[take(HOUR, { hold: 3 * HOUR, autoExtend: true })]],
      }),
    );
    for (const timer of timers) expect(timer).not.toHaveBeenCalled();
    expect(history.healedAt).toBeGreaterThan(4 * HOUR);
    expect(history.sections).toMatchObject([{ token: tokenOf(0, 1), abortedAt: NEVER }]);
    expect(history.sections[0]?.from).toBeCloseTo(HOUR, -1);
    expect(history.sections[0]?.releasedAt).toBeCloseTo(4 * HOUR, -2);
    expect(violations(history)).toEqual([]);
  });

  it('has nothing to report where nobody does anything', async () => {
    const history = await simulate(calmWorld());
    expect(history).toMatchObject({ sections: [], votes: [], exchanges: [], leftovers: [] });
    expect(history.calls).toMatchObject([{ verb: 'close', outcome: 'ok' }]);
  });

  it('gives clients and servers the clocks that the schedule says', async () => {
    // The server's clock is faster by half: a ttl of 1000 ms lasts for two thirds of that.
    const history = await simulate(
      locking([{ what: 'kill client', client: 0, ...ONCE }], { nodes: 1, driftFactor: 0.1, rates: [0, 5] }),
    );
    const [vote] = history.votes;
    const lasted = (vote?.until ?? 0) - (vote?.from ?? 0);
    expect(lasted).toBeLessThanOrEqual(1_000 / 1.5);
    expect(lasted).toBeGreaterThan(999 / 1.5);
  });
});

describe('a simulated world reports', () => {
  it('a loop without end', async () => {
    vi.spyOn(Redlock.prototype, 'inspect').mockImplementation(() => {
      const loop = (): void => void setImmediate(loop);
      loop();
      return new Promise(() => {});
    });
    const { leftovers } = await simulate(INSPECTING);
    expect(leftovers).toEqual(['still busy after 500000 events']);
  });

  it('a rejection that nobody handles', async () => {
    // The test runner would take it for its own.
    const others = process.listeners('unhandledRejection');
    process.removeAllListeners('unhandledRejection');
    try {
      vi.spyOn(Redlock.prototype, 'inspect').mockImplementation(() => {
        void Promise.reject(new Error('nobody listens'));
        return Promise.reject(new Error('somebody does'));
      });
      const { leftovers } = await simulate(INSPECTING);
      expect(leftovers).toEqual(['unhandled rejection: Error: nobody listens']);
      expect(process.listeners('unhandledRejection')).toEqual([]);
    } finally {
      for (const each of others) process.on('unhandledRejection', each);
    }
  });

  it('a timer that outlives its client’s locks', async () => {
    vi.spyOn(Redlock.prototype, 'inspect').mockImplementation(() => {
      Process.current?.clock.after(HOUR, () => {});
      return Promise.reject(new Error('no answer'));
    });
    const { leftovers } = await simulate(INSPECTING);
    expect(leftovers).toEqual([expect.stringMatching(/^a timer of client 0 for 3600400\.\d{3}$/)]);
  });

  it('no timer of a client that was killed', async () => {
    const { leftovers } = await simulate(
      calmWorld({
        // It would change its mind long after the end of the world.
        clients: [[keep(400, { abortAfter: HOUR })]],
        faults: [{ what: 'kill client', client: 0, ...ONCE }],
      }),
    );
    expect(leftovers).toEqual([]);
  });
});

describe('a simulated world leaves behind', () => {
  it('nothing', async () => {
    const before = globals();
    await simulate(INSPECTING);
    expect(globals()).toEqual(before);
    expect(Process.current).toBeUndefined();
  });

  it('nothing when the world itself fails', async () => {
    const before = globals();
    vi.spyOn(Server.prototype, 'receive').mockImplementation(() => {
      throw new Error('the end of the world');
    });
    await expect(simulate(INSPECTING)).rejects.toThrow('the end of the world');
    expect(globals()).toEqual(before);
  });
});

describe('a fault of a simulated world', () => {
  const granted = { operation: 'grant', reply: 'granted' };

  it('pauses a node for its time', async () => {
    const { exchanges } = await simulate(locking([{ what: 'pause', node: 1, at: 300, for: 130 }]));
    const executed = exchanges
      .filter(({ operation }) => operation === 'grant')
      .map(({ executedAt }) => executedAt);
    expect(executed[1]).toBe(430);
    expect(executed[0]).toBeLessThan(402);
    expect(executed[2]).toBeLessThan(402);
  });

  it.each(['kept', 'lost'] as const)('crashes a node, and restarts it with its memory %s', async (memory) => {
    const { votes } = await simulate(
      locking([{ what: 'crash', node: 1, at: 500, for: 100, memory, refuses: true }]),
    );
    const end = memory === 'kept' ? 'deleted' : 'forgotten';
    expect(votes.map(({ node, end }) => ({ node, end }))).toEqual(
      expect.arrayContaining([
        { node: 0, end: 'deleted' },
        { node: 1, end },
        { node: 2, end: 'deleted' },
      ]),
    );
    if (memory === 'lost') expect(votes.find(({ node }) => node === 1)?.until).toBe(600);
  });

  it('makes a node fail for its time', async () => {
    const error = 'OOM command not allowed when used memory > maxmemory.';
    const { exchanges } = await simulate(locking([{ what: 'fail', node: 1, at: 300, for: 200, error }]));
    expect(exchanges.filter(({ operation }) => operation === 'grant')).toMatchObject([
      { node: 0, ...granted },
      { node: 1, reply: error, executedAt: NEVER },
      { node: 2, ...granted },
    ]);
  });

  it('flushes the scripts of a node, which then gets them again', async () => {
    const { exchanges } = await simulate(
      locking([{ what: 'flush scripts', node: 0, at: 300, for: 0 }], { nodes: 1 }),
    );
    const replies = exchanges.filter(({ operation }) => operation === 'grant');
    expect(replies.map(({ reply }) => reply)).toEqual(['NOSCRIPT No matching script.', 'granted']);
  });

  it('makes so many nodes forget, counted round', async () => {
    const { votes } = await simulate(locking([{ what: 'forget', node: 2, many: 2, ...ONCE }]));
    const forgotten = votes.filter(({ end }) => end === 'forgotten');
    expect(new Set(forgotten.map(({ node }) => node))).toEqual(new Set([0, 2]));
    expect(forgotten.map(({ until }) => until)).toEqual([500, 500]);
  });

  it('drops a vote of a node', async () => {
    const { votes } = await simulate(locking([{ what: 'drop', node: 1, which: 0, ...ONCE }]));
    expect(votes.filter(({ end }) => end === 'early')).toMatchObject([{ node: 1, until: 500 }]);
  });

  it('makes a node’s clock jump', async () => {
    const { votes } = await simulate(locking([{ what: 'jump', node: 1, by: 2_000, ...ONCE }]));
    expect(votes.filter(({ end }) => end === 'early')).toMatchObject([{ node: 1, until: 500 }]);
  });

  it.each([
    ['one client', 1, [false, true]],
    ['all', undefined, [true, true]],
  ] as const)('cuts a node off from %s', async (_, client, isCut) => {
    const { exchanges } = await simulate(
      locking([{ what: 'cut', node: 1, client, direction: 'up', delay: NEVER, at: 300, for: 60_000 }], {
        clients: [[take(400, { hold: 10 })], [take(500, { hold: 10 })]],
      }),
    );
    const arrived = [0, 1].map((id) =>
      exchanges.some(
        (each) =>
          each.client === id && each.node === 1 && each.operation === 'grant' && each.executedAt < 600,
      ),
    );
    expect(arrived).toEqual(isCut.map((cut) => !cut));
  });

  it('breaks a connection', async () => {
    const { exchanges } = await simulate(
      locking([{ what: 'break', node: 1, client: 0, at: 400.05, for: 0 }], {
        latency: { least: 1, span: 0 },
      }),
    );
    const grants = exchanges.filter(({ operation }) => operation === 'grant');
    expect(grants.map(({ answeredAt }) => answeredAt < NEVER)).toEqual([true, false, true]);
  });

  it('has a server end an idle connection, which is made again at once', async () => {
    const { exchanges, extras, disturbances } = await simulate(
      locking([{ what: 'end', node: 0, client: 0, at: 398, for: 0 }], {
        nodes: 1,
        latency: { least: 1, span: 0 },
      }),
    );
    const grants = exchanges.filter(({ operation }) => operation === 'grant');
    // One round trip for the connection, and three in which the server is looked at.
    expect(grants.map(({ executedAt, reply }) => `${Math.round(executedAt)}: ${reply}`)).toEqual([
      '406: granted',
    ]);
    expect(extras.filter(({ what }) => what === 'connection')).toHaveLength(2);
    expect(disturbances).toContainEqual(expect.objectContaining({ node: 0, client: 0, from: 399 }));
  });

  it('has a firewall forget an idle connection, which its client finds out as it needs it', async () => {
    const { exchanges, disturbances } = await simulate(
      locking([{ what: 'lose track', node: 1, client: 0, at: 300, for: 0 }]),
    );
    const grants = exchanges.filter(({ operation }) => operation === 'grant');
    expect(grants.map(({ reply }) => reply)).toEqual(['granted', '', 'granted']);
    const absence = disturbances.find(({ from, to }) => from === 300 && to < 4_000);
    // After it has been silent for a second, and another tenth of it.
    expect(absence?.to).toBeGreaterThan(1_500);
    expect(absence?.to).toBeLessThan(1_800);
  });

  it.each(['end feed', 'lose track of feed'] as const)(
    'ends what a client listens with, which costs only messages (%s)',
    async (what) => {
      const fault: Fault = { what, node: 1, client: 1, at: 600, for: 0 };
      const { sections, messages } = await simulate(
        locking([fault], {
          clients: [[take(400, { hold: 500 })], [take(450, { hold: 10, acquireTimeout: 2_000 })]],
        }),
      );
      expect(sections.map(({ client }) => client)).toEqual([0, 1]);
      const turns = messages.filter(({ client, node }) => client === 1 && node === 1);
      expect(turns.some(({ arrivedAt }) => arrivedAt.length > 0)).toBe(what === 'end feed');
    },
  );

  it('stops a client, and stalls it in the midst of its code', async () => {
    const { pauses } = await simulate(
      locking([
        { what: 'stop client', client: 0, timersFirst: true, at: 300, for: 50 },
        { what: 'stall client', client: 0, reads: 0, at: 390, for: 70 },
      ]),
    );
    expect(pauses).toEqual([
      { client: 0, amid: false, from: 300, to: 350 },
      { client: 0, amid: true, from: 400, to: 470 },
    ]);
  });

  it('kills a client once, which then settles nothing', async () => {
    const { calls, crashes, sections } = await simulate(
      locking([
        { what: 'kill client', client: 0, ...ONCE },
        { what: 'kill client', client: 0, at: 600, for: 0 },
      ]),
    );
    expect(crashes).toEqual([{ client: 0, at: 500 }]);
    expect(calls).toMatchObject([{ verb: 'acquire', outcome: 'ok' }]);
    expect(sections).toMatchObject([{ releasedAt: NEVER, abortedAt: NEVER }]);
  });

  it('sets a client’s wall clock, which changes nothing', async () => {
    const jump: Fault = { what: 'set wall clock', client: 0, by: -5_000, ...ONCE };
    expect(await simulate(locking([jump]))).toEqual(
      await simulate({ ...locking([]), faults: [{ ...jump, by: 0 }] }),
    );
  });

  it('does not end before the probe if its node is incurable, but never on a majority', async () => {
    const faults = onNodes([0, 1, 2], (node) => ({ what: 'pause', node, at: 500, for: 10 }));
    const { exchanges } = await simulate(locking(faults, { incurable: [0, 1, 2], finish: 'probe' }));
    const inTime = exchanges.filter(
      ({ operation, executedAt }) => operation === 'release' && executedAt < 1_000,
    );
    expect(inTime.map(({ node }) => node)).toEqual([1, 2]);
  });
});

describe('the end of a simulated world', () => {
  it('has every client take a lock once more if it is to be probed', async () => {
    const clients = [[], [], []];
    const probed = await simulate(calmWorld({ clients, finish: 'probe' }));
    expect(probed.sections.map(({ client, resources }) => ({ client, resources }))).toEqual(
      expect.arrayContaining([
        { client: 0, resources: ['r'] },
        { client: 1, resources: ['r'] },
        { client: 2, resources: ['s'] },
      ]),
    );
    expect(probed.calls.filter(({ mustSucceed }) => mustSucceed)).toHaveLength(3);
    expect((await simulate(calmWorld({ clients, finish: 'heal' }))).sections).toEqual([]);
  });

  it('does not expect a probe to succeed where answers come too late', async () => {
    const slow = { latency: { least: 20, span: 10 }, nodeTimeout: 50 };
    const { calls } = await simulate(calmWorld({ ...slow, finish: 'probe' }));
    expect(calls.filter(({ mustSucceed }) => mustSucceed)).toEqual([]);
  });

  it('has all clients close when all is healed', async () => {
    const { calls, healedAt } = await simulate(calmWorld({ clients: [[], []] }));
    expect(calls).toMatchObject([
      { client: 0, verb: 'close', invokedAt: healedAt, outcome: 'ok' },
      { client: 1, verb: 'close', invokedAt: healedAt, outcome: 'ok' },
    ]);
  });

  it('knows which nodes reorder requests', async () => {
    expect((await simulate(calmWorld({ detours: [1, 5] }))).reordering).toEqual([1, 2]);
  });
});
