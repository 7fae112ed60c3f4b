import type { History } from '../checker/history.ts';

/** What counts as no time at all: how long code may run after a look at the clock, in ms. */
export const INSTANT = 0.5;
/** How late what is to happen at once may come on a real machine that the heartbeat does not excuse, in ms. */
export const LATENESS = 5;

/** Adapts what is written down exactly to a machine whose code takes time. */
export function allowForTime({ calls, sections }: History): void {
  const endOf = new Map(sections.map(({ token, validity }) => [token, validity.at(-1)?.until ?? 0]));
  calls.forEach((call, index) => {
    // Between the product's last look at the clock and the client's, a lock may have ended.
    const stale = call.stale.filter((token) => (endOf.get(token) ?? 0) < call.settledAt - INSTANT);
    calls[index] = { ...call, bound: call.bound + LATENESS, stale };
  });
}
