import leven from 'leven';

/** How many letters a name may be off to be suggested. */
const CLOSE = 3;
/** Longer input is no slip of the finger. */
const LONGEST = 64;

/** `; did you mean …?`, if one of the names is close to what was typed; empty otherwise. */
export function suggestion(typed: string, names: readonly string[]): string {
  const start = typed.slice(0, LONGEST);
  const [nearest] = names
    .map((name) => ({ name, distance: leven(start, name) }))
    .sort((a, b) => a.distance - b.distance);
  const isClose = nearest && nearest.distance <= Math.min(CLOSE, nearest.name.length - 1);
  return isClose ? `; did you mean ${nearest.name}?` : '';
}
