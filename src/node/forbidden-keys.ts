import { COUNTER_SUFFIX, counterOf } from './counter.ts';

/** How much of a key a message shows. */
const SHOWN = 100;

/** Whether a server says that the user may not touch a key; it never says which. */
export function isAboutKeys({ message }: Error): boolean {
  return /^NOPERM\b.*\bkeys?\b/.test(message);
}

/** Which of an operation's keys the user may not touch, and the ACL patterns that would allow them. */
export function forbidden(
  keys: readonly string[],
  what: { readonly keys: boolean; readonly counters: boolean },
  keyPrefix: string,
): Error {
  const prefix = keyPrefix.replace(/[\\*?[\]]/g, '\\$&');
  const missing = keys.flatMap((key) => [
    ...(what.keys ? [{ key, pattern: `~${prefix}*` }] : []),
    ...(what.counters ? [{ key: counterOf(key), pattern: patternOfCounter(key, prefix) }] : []),
  ]);
  const names = missing.slice(0, 2).map(({ key }) => quote(key));
  const more = missing.length > names.length ? ` and ${missing.length - names.length} more` : '';
  const patterns = [...new Set(missing.map(({ pattern }) => pattern))];
  return new Error(
    `NOPERM the user may not read and write ${names.join(', ')}${more}: allow ${patterns.join(' ')}`,
  );
}

/** A key with a hash tag has its counter behind it. */
function patternOfCounter(key: string, prefix: string): string {
  if (counterOf(key).startsWith(key)) return `~${prefix}*`;
  return prefix === '' ? `~*${COUNTER_SUFFIX}` : `~{${prefix}*}${COUNTER_SUFFIX}`;
}

function quote(key: string): string {
  return JSON.stringify(key.length > SHOWN ? `${key.slice(0, SHOWN)}…` : key);
}
