/** CLOCK_MONOTONIC in ms: the same clock for all processes of a machine, so that their times compare. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** What to add to a time of the wall clock, as servers use it, to have it on the monotonic one. */
export function wallToMonotonic(): number {
  const before = Date.now();
  // The wall clock shows whole ms only; it is exact in the moment in which it turns.
  while (Date.now() === before);
  return now() - Date.now();
}
