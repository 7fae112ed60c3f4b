import { describe, expect, it } from 'vitest';
import { type Entry, Roster } from '../../src/roster.ts';

function rosterOf(count: number): { roster: Roster<Entry>; entries: Entry[] } {
  const roster = new Roster<Entry>();
  const entries = Array.from({ length: count }, () => ({ place: -1 }));
  for (const entry of entries) roster.add(entry);
  return { roster, entries };
}

describe('a roster', () => {
  it.each([0, 1, 2])('has all that were added but the one that has gone, number %i', (gone) => {
    const { roster, entries } = rosterOf(3);
    roster.delete(entries[gone] as Entry);
    const others = entries.filter((_, index) => index !== gone);
    expect(new Set(roster.all)).toEqual(new Set(others));
    for (const each of others) roster.delete(each);
    expect(roster.all).toEqual([]);
  });

  it('minds no entry that is not there', () => {
    const { roster, entries } = rosterOf(2);
    const [first] = entries as [Entry];
    roster.delete(first);
    roster.delete(first);
    roster.delete({ place: -1 });
    expect(roster.all).toEqual([entries[1]]);
  });

  it('takes back one that has gone', () => {
    const { roster, entries } = rosterOf(2);
    const [first] = entries as [Entry];
    roster.delete(first);
    roster.add(first);
    expect(new Set(roster.all)).toEqual(new Set(entries));
  });

  it('can change while somebody goes through it', () => {
    const { roster, entries } = rosterOf(3);
    for (const each of roster.all) roster.delete(each);
    expect(roster.all).toEqual([]);
    expect(entries.map(({ place }) => place)).toEqual([-1, -1, -1]);
  });
});
