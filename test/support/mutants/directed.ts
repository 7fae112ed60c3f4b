import { calmWorld, onNodes } from '../simulation/by-hand.ts';
import { contention } from '../simulation/contention.ts';
import { REGRESSIONS } from '../simulation/regressions.ts';
import type { Fault, Schedule, Step } from '../simulation/schedule.ts';
import { OLD, take } from '../simulation/schedule-of.ts';

/** Every message takes 1 ms, and clocks say nothing: a counter goes from 1 to the next. */
const STEADY = { latency: { least: 1, span: 0 }, wallClocks: 'stuck' } as const;

const NEVER = Number.POSITIVE_INFINITY;

const BUSY = 'BUSY Redis is busy running a script.';

/** The first client gets a vote of node 1 and no other, and so moves the counter there on, and nowhere else. */
const AHEAD: readonly Fault[] = [0, 2].map((node) => ({
  what: 'fail',
  at: 50,
  for: 70,
  node,
  error: BUSY,
}));

/** Nothing goes wrong. */
const CROWD = { seed: 1, nodes: 5, down: 0, outage: 'refusing' } as const;

/** The node whose line for the first resource waiters stand in, of three. */
const ARBITER = 1;

/** The first client asks that node for nothing for a while: what it says is lost with its connection. */
const UNASKED: readonly Fault[] = [
  { what: 'cut', at: 40, for: 40, node: ARBITER, client: 0, direction: 'up', delay: NEVER },
  { what: 'break', at: 70, for: 0, node: ARBITER, client: 0 },
];

/** A lock does not expire for long, and clocks agree: nothing but what is told wakes those who have waited for long. */
const LONG = { ...STEADY, ttl: 10_000, driftFactor: 0 } as const;

const wait = (gap: number): Step => take(gap, { acquireTimeout: 12_000 });

/** The first lock is extended. */
const extend = (gap: number): Step => ({ do: 'extend', gap, which: 0, ttl: undefined });

export type Directed =
  | 'a holder has lost the node that its token is to be written back to'
  | 'a grant comes after another has been there and gone, and its token is fixed'
  | 'a client stops while its token is written back'
  | 'a grant is late by the whole section of another'
  | 'two of three nodes were restarted, one without memory, when a client comes that cannot see the third'
  | 'a new node restarts before the last client has reached it'
  | 'a node loses its counters, and it alone is left of those that had them'
  | 'a process stops between the clock and the timer'
  | 'a call returns after a pause'
  | 'a process stops while its lock is extended, and runs again after the end'
  | 'all nodes forget a lock, and another has come and gone when it is extended'
  | 'all nodes forget a lock, and another has come and gone when it is extended twice'
  | 'two of three nodes hang as a lock is extended'
  | 'connections break while nodes grant a lock'
  | 'idle connections are closed, and a lock is extended before there are new ones'
  | 'another server takes the place of one whose connections were idle'
  | 'a lock is extended twice, again and again, where requests overtake each other'
  | 'a node is cut off while its lock is released'
  | 'a lock is released while who waits is not told anything'
  | 'a holder dies, and one waits'
  | 'whoever waits loses its subscriptions some time before the release'
  | 'a client dies as its turn comes, and another is behind it'
  | 'a client dies as its turn comes, and the next is told so before it is denied'
  | 'a client dies that has given its turn back, and another is behind it'
  | 'a lock is held without its arbiter, and two wait'
  | 'a lock is held without its arbiter, and one waits whose pauses are long'
  | 'a lock is handed on to a call that is aborted at this moment, and another process waits'
  | 'a lock is handed on, which its arbiter hears of late, and another process waits'
  | 'a lock is released of which its arbiter hears nothing, and that answers a waiter late'
  | 'a waiter leaves late, and has come again'
  | 'a turn is given back late, and its waiter has gone'
  | 'many processes want one lock'
  | 'two processes want one lock, and many in one of them'
  | 'a lock is revoked by a process that reaches one of the nodes that have it';

/**
 * What so much has to come together for that no random schedule of a reasonable number does it. The product passes
 * all of them.
 */
export const DIRECTED: Readonly<Record<Directed, Schedule>> = {
  'a holder has lost the node that its token is to be written back to': calmWorld({
    ...STEADY,
    clients: [[take(60)], [take(200, { hold: 100 })], [take(205, { hold: 5 })]],
    faults: [
      ...AHEAD,
      { what: 'cut', at: 150, for: 100, node: 2, client: 1, direction: 'up', delay: NEVER },
      { what: 'drop', at: 201.5, for: 0, node: 0, which: 0 },
      { what: 'cut', at: 201.9, for: 1, node: 0, client: 1, direction: 'up', delay: 20 },
    ],
  }),
  'a grant comes after another has been there and gone, and its token is fixed': calmWorld({
    ...STEADY,
    clients: [[take(60)], [take(200, { hold: 100 })], [take(205, { hold: 3 })]],
    faults: [
      ...AHEAD,
      { what: 'cut', at: 190, for: 30, node: 2, client: 1, direction: 'up', delay: 30 },
      { what: 'drop', at: 201.5, for: 0, node: 0, which: 0 },
    ],
  }),
  'a client stops while its token is written back': calmWorld({
    ...STEADY,
    latency: { least: 5, span: 0 },
    clients: [[take(60)], [take(200)]],
    faults: [
      ...AHEAD,
      { what: 'cut', at: 150, for: 100, node: 0, client: 1, direction: 'up', delay: NEVER },
      { what: 'stop client', at: 212, for: 1_200, client: 1, timersFirst: false },
    ],
  }),
  'a grant is late by the whole section of another': calmWorld({
    latency: { least: 1, span: 0 },
    clients: [
      [take(100, { hold: 200 }), { gap: 60, do: 'extend', which: 0, ttl: undefined }],
      [take(105, { hold: 5 })],
    ],
    faults: [
      { what: 'cut', at: 90, for: 30, node: 2, client: 0, direction: 'up', delay: 30 },
      { what: 'drop', at: 103, for: 0, node: 0, which: 0 },
    ],
  }),
  'two of three nodes were restarted, one without memory, when a client comes that cannot see the third':
    calmWorld({
      guard: 'auto',
      ages: [OLD],
      clients: [[take(100, { hold: 900 })], [take(620)]],
      faults: [
        { what: 'cut', at: 50, for: 100, node: 2, client: 0, direction: 'both', delay: NEVER },
        { what: 'cut', at: 0, for: 250, node: 0, client: 1, direction: 'both', delay: NEVER },
        { what: 'cut', at: 0, for: 250, node: 2, client: 1, direction: 'both', delay: NEVER },
        { what: 'cut', at: 0, for: 2_000, node: 1, client: 1, direction: 'both', delay: NEVER },
        { what: 'crash', at: 200, for: 1, node: 0, refuses: true, memory: 'lost' },
        { what: 'crash', at: 200, for: 1, node: 2, refuses: true, memory: 'kept' },
      ],
    }),
  'a new node restarts before the last client has reached it': calmWorld({
    guard: 'auto',
    ages: [0],
    clients: [[take(100, { hold: 900 })], [take(600)]],
    faults: [
      { what: 'cut', at: 0, for: 310, node: 0, client: 1, direction: 'both', delay: NEVER },
      { what: 'crash', at: 200, for: 1, node: 0, refuses: true, memory: 'lost' },
    ],
  }),
  'a node loses its counters, and it alone is left of those that had them': calmWorld({
    guard: 'strict',
    ages: [OLD],
    clients: [[take(100, { hold: 5 })], [take(3_000, { hold: 5 })]],
    faults: [
      { what: 'fail', at: 50, for: 100, node: 2, error: BUSY },
      { what: 'crash', at: 300, for: 1, node: 0, refuses: true, memory: 'lost' },
      { what: 'cut', at: 2_900, for: 200, node: 1, client: 1, direction: 'both', delay: NEVER },
    ],
  }),
  'a process stops between the clock and the timer': REGRESSIONS[
    'a signal aborts in time though its process was stopped between the clock and the timer'
  ] as Schedule,
  'a call returns after a pause': calmWorld({
    ...STEADY,
    clients: [[take(50, { hold: 5_000 }), { gap: 986, do: 'inspect', resource: 1 }]],
    faults: [{ what: 'stop client', at: 1_036.5, for: 60, client: 0, timersFirst: false }],
  }),
  'a process stops while its lock is extended, and runs again after the end': calmWorld({
    ...STEADY,
    clients: [[take(50, { hold: 5_000 }), extend(950)]],
    faults: [{ what: 'stop client', at: 1_000.5, for: 60, client: 0, timersFirst: false }],
  }),
  'all nodes forget a lock, and another has come and gone when it is extended': calmWorld({
    ...STEADY,
    clients: [[take(50, { hold: 900 }), extend(250)], [take(150, { hold: 20 })]],
    faults: [{ what: 'forget', at: 100, for: 0, node: 0, many: 3 }],
  }),
  'all nodes forget a lock, and another has come and gone when it is extended twice': calmWorld({
    ...STEADY,
    clients: [[take(50, { hold: 900 }), extend(250), extend(50)], [take(150, { hold: 20 })]],
    faults: [{ what: 'forget', at: 100, for: 0, node: 0, many: 3 }],
  }),
  'two of three nodes hang as a lock is extended': calmWorld({
    ...STEADY,
    ttl: 10_000,
    clients: [[take(50, { hold: 25_000, autoExtend: true })]],
    faults: onNodes([0, 1], (node) => ({ what: 'pause', at: 3_300, for: 1_500, node })),
  }),
  'connections break while nodes grant a lock': calmWorld({
    ...STEADY,
    nodeTimeout: 500,
    clients: [[take(50)]],
    faults: onNodes([0, 1], (node) => ({ what: 'break', at: 51.5, for: 0, node, client: 0 })),
  }),
  'idle connections are closed, and a lock is extended before there are new ones': calmWorld({
    ...STEADY,
    clients: [[take(50, { hold: 900 }), extend(500)]],
    faults: onNodes([0, 1, 2], (node) => ({ what: 'end', at: 548.5, for: 0, node, client: 0 })),
  }),
  'another server takes the place of one whose connections were idle': calmWorld({
    ...STEADY,
    guard: 'strict',
    clients: [[take(50, { hold: 10 }), take(5_100, { hold: 10 })]],
    faults: [{ what: 'crash', at: 5_000, for: 1, node: 0, refuses: true, memory: 'another' }],
  }),
  'a lock is extended twice, again and again, where requests overtake each other': calmWorld({
    ...STEADY,
    detours: [0, 1, 2],
    clients: [
      [take(50, { hold: 2_000 }), ...Array.from({ length: 20 }, () => [extend(60), extend(1)]).flat()],
    ],
  }),
  'a node is cut off while its lock is released': calmWorld({
    ...STEADY,
    ttl: 30_000,
    clients: [[take(50, { hold: 150 })]],
    faults: [{ what: 'crash', at: 60, for: 3_000, node: 0, refuses: false, memory: 'kept' }],
  }),
  'a lock is released while who waits is not told anything': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 5_950 })], [wait(100)]],
    // Made again at once, the connections miss just the release.
    faults: onNodes([0, 1, 2], (node) => ({ what: 'break feed', at: 6_001.5, for: 0, node, client: 1 })),
  }),
  'a holder dies, and one waits': calmWorld({
    ...STEADY,
    clients: [[take(50, { hold: 10_000 })], [take(100, { acquireTimeout: 8_000 })]],
    faults: [{ what: 'kill client', at: 80, for: 0, client: 0 }],
  }),
  'whoever waits loses its subscriptions some time before the release': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 5_950 })], [wait(100)]],
    faults: onNodes([0, 1, 2], (node) => ({ what: 'break feed', at: 150, for: 0, node, client: 1 })),
  }),
  'a client dies as its turn comes, and another is behind it': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 5_950 })], [wait(100)], [wait(110)]],
    faults: [{ what: 'kill client', at: 6_002.5, for: 0, client: 1 }],
  }),
  'a client dies as its turn comes, and the next is told so before it is denied': calmWorld({
    ...LONG,
    nodeTimeout: 200,
    // The second has just looked again, for the fourth time, and would sleep for seconds.
    clients: [[take(50, { hold: 4_584.5 })], [wait(100)], [wait(120)]],
    faults: [
      { what: 'kill client', at: 4_637, for: 0, client: 1 },
      { what: 'cut main', at: 4_635, for: 4, node: ARBITER, client: 2, direction: 'down', delay: 4 },
    ],
  }),
  'a client dies that has given its turn back, and another is behind it': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 3_000 })], [wait(600)], [wait(600)]],
    faults: [...UNASKED, { what: 'kill client', at: 617, for: 0, client: 1 }],
  }),
  'a lock is held without its arbiter, and two wait': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 3_000 })], [wait(600)], [wait(600)]],
    faults: UNASKED,
  }),
  'a lock is held without its arbiter, and one waits whose pauses are long': calmWorld({
    ...LONG,
    retry: { minTimeout: 3_000, maxTimeout: 3_000, retries: Number.POSITIVE_INFINITY },
    clients: [[take(50, { hold: 3_000 })], [wait(600)]],
    faults: UNASKED,
  }),
  'a lock is handed on to a call that is aborted at this moment, and another process waits': calmWorld({
    ...LONG,
    clients: [
      [take(50, { hold: 5_950 }), take(10, { acquireTimeout: 12_000, abortAfter: 5_943 })],
      [wait(100)],
    ],
  }),
  'a lock is handed on, which its arbiter hears of late, and another process waits': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 5_950 }), take(10, { acquireTimeout: 12_000, hold: 2_000 })], [wait(100)]],
    faults: [
      { what: 'cut', at: 5_990, for: 40, node: ARBITER, client: 0, direction: 'up', delay: NEVER },
      { what: 'break', at: 6_020, for: 0, node: ARBITER, client: 0 },
    ],
  }),
  'a lock is released of which its arbiter hears nothing, and that answers a waiter late': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 1_000 })], [wait(100)]],
    faults: [
      { what: 'cut main', at: 1_045, for: 6_000, node: ARBITER, client: 0, direction: 'up', delay: NEVER },
      { what: 'cut main', at: 1_163, for: 4, node: ARBITER, client: 1, direction: 'down', delay: 200 },
    ],
  }),
  'a waiter leaves late, and has come again': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 900 })], [take(100, { acquireTimeout: 300 }), wait(330)]],
    faults: [{ what: 'fail', at: 380, for: 40, node: ARBITER, error: BUSY }],
  }),
  'a turn is given back late, and its waiter has gone': calmWorld({
    ...LONG,
    clients: [[take(50, { hold: 6_000 })], [take(600, { acquireTimeout: 18 })]],
    faults: [...UNASKED, { what: 'fail', at: 612, for: 5, node: ARBITER, error: BUSY }],
  }),
  'many processes want one lock': contention({ ...CROWD, nodes: 4, contenders: 24 }),
  'two processes want one lock, and many in one of them': {
    ...contention({ ...CROWD, contenders: 2 }),
    clients: [5, 1].map((callers) => [
      { gap: 0, do: 'contend', for: 300, hold: 1, think: 0, callers, patience: 5_000 },
    ]),
  },
  'a lock is revoked by a process that reaches one of the nodes that have it': calmWorld({
    nodes: 5,
    ttl: 200,
    clients: [[take(50, { hold: 1_500, autoExtend: true })], [{ gap: 200, do: 'revoke', resource: 0 }]],
    faults: onNodes([1, 2, 3, 4], (node) => ({
      what: 'cut',
      at: 150,
      for: 1_000,
      node,
      client: 1,
      direction: 'both',
      delay: NEVER,
    })),
  }),
};
