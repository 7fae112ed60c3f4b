import * as fc from 'fast-check';
import type { Fault, Schedule, Step } from '../simulation/schedule.ts';
import { type Model, schedules } from '../simulation/schedules.ts';

/** A second in a real world is a long time; the simulator's clients and faults have several. */
const HASTE = 8;
const LONGEST_HOLD = 300;
const LONGEST_WAIT = 250;
/** Long enough for residue to be seen before it expires, short enough to wait for what is not residue. */
const LONGEST_TTL = 10_000;
/** Where restarts are guarded against: servers that come back do not vote for so long, and a second. */
const LONGEST_GUARDED_TTL = 1_000;
/** For so long the whole process stops at most. */
const LONGEST_STOP = 150;

/** A pause in which clients give their connections up. */
const LONG_PAUSE = 1_300;
/** Of the simulator's pauses, those beyond this become such. */
const LONGEST_PAUSE = 2_500;

/** The simulator's schedules, as fast as real servers can follow, and with faults that can be done to them. */
export function realSchedules(
  model: Model,
  size: { nodes: number; clients: number; steps: number },
): fc.Arbitrary<Schedule> {
  // Without a bias for small ones: there are few runs, and each shall be worth its servers' start.
  const isGuarded = model === 'restarting';
  return fc.noBias(schedules(model, size)).map((schedule) =>
    Object.assign(schedule, {
      ttl: Math.min(schedule.ttl, isGuarded ? LONGEST_GUARDED_TTL : LONGEST_TTL),
      // They begin as new as the test; and 'strict' would only make them wait for what 'auto' finds out.
      guard: isGuarded ? ('auto' as const) : ('off' as const),
      ages: [0],
      wallClocks: 'agreeing' as const,
      // The machine has one clock, and a network of its own.
      rates: [],
      latency: { least: 0, span: 0 },
      detours: [],
      clients: schedule.clients.map((steps) => steps.map(hasten)),
      faults: schedule.faults.map(realize).filter((fault) => fault !== undefined),
    }),
  );
}

function hasten(step: Step): Step {
  const gap = Math.round(step.gap / HASTE);
  if (!('resources' in step)) return { ...step, gap };
  const hold = Math.min(step.hold, LONGEST_HOLD);
  return { ...step, gap, hold, acquireTimeout: Math.min(step.acquireTimeout, LONGEST_WAIT) };
}

/** What comes nearest to a fault among those that real servers on one machine can have. */
function realize(fault: Fault): Fault | undefined {
  const span = { at: Math.round(fault.at / HASTE), for: Math.round(fault.for / HASTE) };
  switch (fault.what) {
    case 'cut':
    case 'cut main':
      return { what: 'pause', ...span, node: fault.node };
    case 'pause':
      return { ...fault, ...span, for: fault.for > LONGEST_PAUSE ? LONG_PAUSE : span.for };
    case 'jump':
      return { what: 'drop', ...span, node: fault.node, which: 0 };
    case 'crash':
      return { ...fault, ...span, refuses: true, memory: fault.memory === 'kept' ? 'kept' : 'lost' };
    case 'stop client':
    case 'stall client':
      return {
        what: 'stop client',
        at: span.at,
        for: Math.min(span.for, LONGEST_STOP),
        client: fault.client,
        timersFirst: true,
      };
    // All clients live in one process with one wall clock, which nobody here may kill or set.
    case 'kill client':
    case 'set wall clock':
    // What real nodes publish is not in anybody's hands.
    case 'break feed':
    case 'cut feed':
    case 'lose messages':
    case 'repeat messages':
    case 'forge messages':
    case 'crowd lines':
    case 'empty lines':
      return undefined;
    default:
      return { ...fault, ...span };
  }
}
