import type { LogEvent } from './log.ts';

/** All that was logged, in the order of time, with instants in ms since the first event. */
export function inOrder(logs: readonly (readonly LogEvent[])[]): LogEvent[] {
  const events = logs.flat().sort((a, b) => a.at - b.at);
  const start = events[0]?.at ?? 0;
  return events.map((event) => shifted(event, start));
}

/** Whatever of an event is an instant. */
const INSTANTS = ['at', 'until', 'to'] as const;

function shifted(event: LogEvent, start: number): LogEvent {
  const copy: LogEvent & Partial<Record<(typeof INSTANTS)[number], number>> = { ...event };
  for (const name of INSTANTS) {
    const instant = copy[name];
    if (instant !== undefined) Object.assign(copy, { [name]: instant - start });
  }
  return copy;
}
