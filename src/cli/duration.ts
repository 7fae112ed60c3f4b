import { quote } from '../quote.ts';
import { UsageError } from './exit-code.ts';

/** The longest time that a timer can wait, in ms. */
export const LONGEST_TIMER: number = 2 ** 31 - 1;

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };
const FORM = /^(\d+(?:\.\d+)?|\.\d+)(ms|s|m|h)?$/;

/**
 * The ms in `200ms`, `30s`, `5m`, `1h` or `200`.
 *
 * @throws {UsageError} for anything else.
 */
export function parseDuration(option: string, text: string): number {
  const [, amount, unit = 'ms'] = FORM.exec(text) ?? [];
  if (amount === undefined)
    throw new UsageError(`${option} must be a duration such as 200ms, 30s, 5m or 1h, not ${quote(text)}`);
  return Math.round(Number(amount) * (UNITS[unit] ?? 1));
}

/** Such as `850 ms`, `4.2 s`, `48 s`, `3 min`, `2 h 5 min` or `3 d 4 h`. */
export function formatDuration(ms: number): string {
  if (ms < 999.5) return `${Math.max(0, Math.round(ms))} ms`;
  if (ms < 9_950) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 59_500) return `${Math.round(ms / 1_000)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return withRest(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(ms / 3_600_000);
  return withRest(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function withRest(amount: number, unit: string, rest: number, restUnit: string): string {
  return rest === 0 ? `${amount} ${unit}` : `${amount} ${unit} ${rest} ${restUnit}`;
}
