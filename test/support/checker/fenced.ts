import type { Report } from './checker.ts';
import { type Facts, share } from './facts.ts';
import type { Section } from './history.ts';

/** Whether whoever came later has the larger token, and nobody the same as another. */
export function fenced(facts: Facts, report: Report): void {
  const tokens = new Map<Section, number>();
  for (const section of facts.history.sections)
    if (section.fencingToken !== undefined) tokens.set(section, section.fencingToken);
  for (const [one, first] of tokens) {
    for (const [other, second] of tokens) {
      if (one === other || !share(one.resources, other.resources)) continue;
      if (facts.lostCountersBefore(Math.max(one.from, other.from))) continue;
      const who = `${one.token} and ${other.token} on ${one.resources.join('+')}`;
      if (first === second && one.token < other.token)
        report('fenced', other.from, `${who} both have ${first}`);
      else if (one.from <= facts.askedAt(other.token) && first > second)
        report('fenced', other.from, `${who} have ${first} and ${second}, one after the other`);
    }
  }
}
