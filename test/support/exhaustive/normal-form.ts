import { areDependent, type Effect } from './exploration.ts';

/** An event of an execution. */
export interface Performed extends Effect {
  readonly process: string;
}

/**
 * The same text for two executions iff they are the same Mazurkiewicz trace: of the events that can come first, the
 * one comes first whose process has the least name.
 *
 * @see Diekert, Rozenberg (eds.): The Book of Traces, 1995, on lexicographic normal forms, https://doi.org/10.1142/2563
 */
export function normalForm(events: readonly Performed[]): string {
  const left = [...events.keys()];
  const form: string[] = [];
  while (left.length > 0) {
    const first = left
      .filter((at) => !left.some((before) => before < at && isBefore(events, before, at)))
      .reduce((a, b) => (nameOf(events, b) < nameOf(events, a) ? b : a));
    form.push(nameOf(events, first));
    left.splice(left.indexOf(first), 1);
  }
  return form.join(', ');
}

function isBefore(events: readonly Performed[], one: number, other: number): boolean {
  const a = events[one] as Performed;
  const b = events[other] as Performed;
  return a.process === b.process || b.after === one || areDependent(a, b);
}

function nameOf(events: readonly Performed[], at: number): string {
  return events[at]?.process ?? '';
}
