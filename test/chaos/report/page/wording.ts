const NUMBER = new Intl.NumberFormat('en-US');

export function count(value: number): string {
  return NUMBER.format(value);
}

/** `3 faults`, `1 fault`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** A length of time, with three digits or so: `0.42 ms`, `38 ms`, `1.27 s`, `75.2 s`. */
export function lasting(ms: number): string {
  if (ms < 1) return `${trimmed(ms, 2)} ms`;
  if (ms < 10) return `${trimmed(ms, 1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(2)} s`;
  return `${NUMBER.format(Number((ms / 1000).toFixed(1)))} s`;
}

/** An instant since the start, in s, to the ms. */
export function instant(ms: number): string {
  return `${(ms / 1000).toFixed(3)} s`;
}

/** An instant at a tick of the axis, in s: ticks are at round numbers. */
export function tick(ms: number): string {
  return `${NUMBER.format(Number((ms / 1000).toFixed(3)))} s`;
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
