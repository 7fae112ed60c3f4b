import type { Schedule } from './schedule.ts';
import { scheduleOf, take } from './schedule-of.ts';

/** Schedules that once broke a rule, as small as they could be made, by what the product does now. */
export const REGRESSIONS: Readonly<Record<string, Schedule>> = {
  'an extension that finds its lock over sends nothing': scheduleOf({
    clients: [[take(0, { hold: 1_000, autoExtend: true })]],
    faults: [{ what: 'stall client', at: 3, for: 150, client: 0, reads: 2 }],
  }),
  'a signal aborts in time though its process was stopped between the clock and the timer': scheduleOf({
    clients: [[take(0, { hold: 98 }), { gap: 2, do: 'extend', which: 0, ttl: undefined }]],
    faults: [{ what: 'stall client', at: 3, for: 1, client: 0, reads: 1 }],
  }),
  'a call that returns after a pause finds the signals of other locks aborted': scheduleOf({
    clients: [
      [take(0, { abortAfter: 1 }), take(0, { resources: [1], hold: 37 }), take(0, { acquireTimeout: 200 })],
    ],
    faults: [
      { what: 'cut', at: 1, for: 18, node: 0, client: undefined, direction: 'up', delay: 20 },
      { what: 'stall client', at: 19, for: 1, client: 0, reads: 0 },
      { what: 'stop client', at: 39, for: 77, client: 0, timersFirst: false },
    ],
  }),
  'a second release of a lock finds the signals of others aborted': scheduleOf({
    clients: [
      [take(0, { hold: 18 }), take(0, { hold: 1, acquireTimeout: 200 }), { gap: 2, do: 'release', which: 0 }],
    ],
    faults: [{ what: 'stop client', at: 19, for: 97, client: 0, timersFirst: false }],
  }),
  'a release that is repeated is owed until it is answered itself': scheduleOf({
    seed: 1270348084,
    nodes: 7,
    ttl: 30_000,
    nodeTimeout: 100,
    connectTimeout: 300,
    latency: { least: 5, span: 5 },
    detours: [1, 2],
    clients: [[take(4, { acquireTimeout: 50 })], [take(0)]],
    faults: [
      { what: 'pause', at: 39, for: 43, node: 0 },
      { what: 'fail', at: 91, for: 14, node: 2, error: 'BUSY Redis is busy running a script.' },
    ],
  }),
  'a lock whose end no timer could tell in time is not handed out': scheduleOf({
    seed: 25,
    clients: [[take(0)]],
    ttl: 200,
    nodeTimeout: 50,
    latency: { least: 5, span: 5 },
    faults: [{ what: 'stall client', at: 0, for: 144, client: 0, reads: 1 }],
  }),
  'a node that comes back at the end of validity delays no abort of a signal': scheduleOf({
    seed: 932_681_377,
    driftFactor: 0.1,
    rates: [0, 0.5],
    detours: [1, 2],
    ttl: 1_000,
    nodeTimeout: 100,
    clients: [
      [
        take(252, { hold: 9_403, acquireTimeout: 1_000, autoExtend: true }),
        { gap: 1_646, do: 'extend', which: 0, ttl: undefined },
      ],
      [
        take(110, { resources: [1], hold: 13_566, acquireTimeout: 12_000, autoExtend: true }),
        { gap: 1_105, do: 'extend', which: 0, ttl: undefined },
      ],
    ],
    faults: [{ what: 'crash', at: 2_202, for: 496, node: 0, refuses: true, memory: 'kept' }],
  }),
  'a repair that a server had no script for is not sent again after the release': scheduleOf({
    nodes: 5,
    guard: 'auto',
    ages: [0],
    clients: [
      [
        take(0),
        take(3, { hold: 20 }),
        take(13),
        { gap: 8, do: 'release', which: 0 },
        { gap: 0, do: 'extend', which: 3, ttl: undefined },
      ],
    ],
    faults: [{ what: 'fail', at: 3, for: 22, node: 0, error: 'NOSCRIPT No matching script.' }],
  }),
  'a waiter on two nodes tries when the keys of a dead holder expire': scheduleOf({
    nodes: 2,
    driftFactor: 0,
    ttl: 30_000,
    nodeTimeout: 100,
    clients: [[take(0, { hold: 1 })], []],
    faults: [{ what: 'kill client', at: 2, for: 0, client: 0 }],
    finish: 'probe',
  }),
};
