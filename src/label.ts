import { hostname } from 'node:os';

/** The form of a label: 1 to 64 printable ASCII characters without spaces. */
export const LABEL: RegExp = /^[!-~]{1,64}$/;
/** What labels must not have. */
const UNPRINTABLE = /[^!-~]/g;
const LONGEST = 64;

/** A label that names this process: `host/pid`. The end of the host's name is cut off if it is too long. */
export function defaultLabel(): string {
  const pid = `/${process.pid}`;
  return (
    hostname()
      .replace(UNPRINTABLE, '?')
      .slice(0, LONGEST - pid.length) + pid
  );
}
