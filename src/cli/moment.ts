import { formatDuration } from './duration.ts';

/** The local time of day, with the date unless that is today's: `10:42:07` or `2026-03-01 10:42:07`. */
export function timeOfDay(at: Date, now: Date): string {
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(twoDigits).join(':');
  return dateOf(at) === dateOf(now) ? time : `${dateOf(at)} ${time}`;
}

/** The time, and how far away that is: `10:42:07 (3 min ago)` or `10:42:07 (in 8.2 s)`. */
export function moment(at: Date, now: Date): string {
  const ago = now.getTime() - at.getTime();
  return `${timeOfDay(at, now)} (${ago >= 0 ? `${formatDuration(ago)} ago` : `in ${formatDuration(-ago)}`})`;
}

function dateOf(at: Date): string {
  return [at.getFullYear(), twoDigits(at.getMonth() + 1), twoDigits(at.getDate())].join('-');
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0');
}
