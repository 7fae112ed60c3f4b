import { inspect } from 'node:util';

/** All that a program could print of a value: its message and stack, its causes', JSON, and what `util.inspect` finds. */
export function textsOf(value: unknown, seen: Set<object> = new Set()): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if (seen.has(value)) return '';
  seen.add(value);
  const inside = Reflect.ownKeys(value).map((key) => textsOf(Reflect.get(value, key), seen));
  const own = value instanceof Error ? [String(value), value.stack, textsOf(value.cause, seen)] : [];
  return [...own, json(value), inspect(value, { depth: null, showHidden: true }), ...inside].join('\n');
}

function json(value: object): string {
  try {
    return JSON.stringify(value);
  } catch {
    return '';
  }
}
