/**
 * The machine's monotonic clock when `performance.now()` of this process is 0, in ms. The two are read one after the
 * other, and whatever comes between them makes the difference smaller: so the largest of a few.
 */
const ORIGIN = Math.max(
  ...Array.from({ length: 10 }, () => Number(process.hrtime.bigint()) / 1e6 - performance.now()),
);

/** An instant of `performance.now()` by the clock that all processes of this machine share, in ms. */
export function shared(local: number): number {
  return ORIGIN + local;
}

/** The clock that all processes of this machine share (CLOCK_MONOTONIC), in ms. */
export function now(): number {
  return shared(performance.now());
}
