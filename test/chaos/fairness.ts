import type { Call, History } from '../support/checker/history.ts';
import type { LogEvent } from './log.ts';
import { NOTICE, QUARANTINE } from './times.ts';

/** How many calls of other processes that came later may get a lock first: those to which a process hands it on, and newcomers. */
const MOST_PASSED = 12;

/** Someone who waited for a lock while too many others got it that came later. */
export interface Passed {
  readonly client: number;
  readonly at: number;
  readonly what: string;
}

/** Whether clients are served first come, first served, also between processes, but for what faults change. */
export function unfair({ calls, pauses }: History, events: readonly LogEvent[]): Passed[] {
  const faults = events.flatMap((event) =>
    event.f === 'fault' ? [{ from: event.at, to: event.until + NOTICE + QUARANTINE }] : [],
  );
  const waits = calls.filter(({ waits, resources }) => waits && resources.length === 1);
  return waits.flatMap((one) => {
    const end = Math.min(one.wonAt ?? one.settledAt, one.settledAt);
    const passed = waits.filter((other) => passes(other, one, end)).length;
    if (passed <= MOST_PASSED) return [];
    const disturbances = [...faults, ...pauses].filter(({ from, to }) => from < end && to > one.invokedAt);
    if (passed <= MOST_PASSED * (1 + disturbances.length)) return [];
    const what = `client ${one.client} waited for ${one.resources[0]} from ${one.invokedAt} on, and ${passed} got it that came later`;
    return [{ client: one.client, at: end, what }];
  });
}

function passes({ client, resources, invokedAt, wonAt }: Call, one: Call, end: number): boolean {
  if (client === one.client || wonAt === undefined || resources[0] !== one.resources[0]) return false;
  return invokedAt > one.invokedAt && wonAt < end;
}
