import type { Fault, Schedule, Step } from './schedule.ts';
import { scheduleOf, take } from './schedule-of.ts';
import type { Timeline } from './timeline.ts';
import { nextTurn } from './virtual-globals.ts';

/** Runs what is planned, until there is nothing more or that instant has come, and what promises make of it. */
export async function runEvents(timeline: Timeline, until: number = Number.POSITIVE_INFINITY): Promise<void> {
  const last = until < Number.POSITIVE_INFINITY ? timeline.at(until, () => {}) : undefined;
  for (let event = timeline.next(); event && event !== last; event = timeline.next()) {
    const { process } = event;
    if (!process) {
      event.run?.();
    } else if (process.enter(event)) {
      await new Promise<void>((resolve) => nextTurn(resolve));
      process.leave();
    }
  }
}

/** Three nodes that answer within a millisecond, clocks that agree, and nobody who does anything, but for what is said. */
export function calmWorld(plan: Partial<Schedule> = {}): Schedule {
  return scheduleOf({
    nodes: 3,
    ttl: 1_000,
    nodeTimeout: 50,
    connectTimeout: 300,
    latency: { least: 0.1, span: 0.1 },
    retry: { minTimeout: 20, maxTimeout: 40, retries: Number.POSITIVE_INFINITY },
    clients: [[]],
    ...plan,
  });
}

/** A step that takes a lock, and holds on to it until it is over. */
export function keep(gap: number, plan: Parameters<typeof take>[1] = {}): Step {
  return take(gap, { hold: 10_000, ...plan });
}

/** What goes wrong on one node after the other, at one instant. */
export function onNodes(nodes: readonly number[], fault: (node: number) => Fault): Fault[] {
  return nodes.map(fault);
}
