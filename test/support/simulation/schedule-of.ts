import type { Schedule, Step, Taking } from './schedule.ts';

/** Older than any quarantine takes, in ms. */
export const OLD = 100_000_000;

/** A schedule by what matters in it: one node and nothing going wrong, unless said otherwise. */
export function scheduleOf(plan: Partial<Schedule> & Pick<Schedule, 'clients'>): Schedule {
  return {
    seed: 0,
    nodes: 1,
    driftFactor: 0.01,
    rates: [],
    ttl: 100,
    nodeTimeout: 20,
    connectTimeout: 50,
    latency: { least: 0.05, span: 0.2 },
    retry: { minTimeout: 20, maxTimeout: 400, retries: Number.POSITIVE_INFINITY },
    detours: [],
    faults: [],
    incurable: [],
    finish: 'heal',
    guard: 'off',
    wallClocks: 'agreeing',
    ages: [OLD],
    authenticates: false,
    ...plan,
  };
}

/** A step that takes a lock: on the first resource, with one attempt, unless said otherwise. */
export function take(
  gap: number,
  plan: Partial<Taking & { do: 'acquire' | 'tryAcquire' | 'using' }> = {},
): Step {
  return {
    do: 'acquire',
    gap,
    resources: [0],
    hold: 0,
    acquireTimeout: 0,
    autoExtend: false,
    maxHoldTime: undefined,
    ttl: undefined,
    abortAfter: undefined,
    ...plan,
  };
}
