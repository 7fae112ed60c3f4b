import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { Agenda, type Appointment } from '../../src/agenda.ts';

class Entry implements Appointment {
  place = -1;
  due: number;

  constructor(due: number) {
    this.due = due;
  }
}

describe('an agenda', () => {
  it('knows nothing at first', () => {
    const agenda = new Agenda<Entry>();
    expect(agenda.first).toBeUndefined();
    expect(agenda.size).toBe(0);
  });

  it('does nothing for what is not there', () => {
    const agenda = new Agenda<Entry>();
    agenda.add(new Entry(1));
    const stranger = new Entry(0);
    agenda.moved(stranger);
    agenda.delete(stranger);
    expect([agenda.size, agenda.first?.due]).toEqual([1, 1]);
  });

  it('takes again what was removed', () => {
    const agenda = new Agenda<Entry>();
    const entry = new Entry(1);
    agenda.add(entry);
    agenda.delete(entry);
    agenda.delete(entry);
    expect(entry.place).toBe(-1);
    agenda.add(entry);
    expect(agenda.all).toEqual([entry]);
  });

  const due = fc.oneof(fc.nat(20), fc.constant(Number.POSITIVE_INFINITY));
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), due, which: fc.nat() }),
    fc.record({ do: fc.constant('move' as const), due, which: fc.nat() }),
    fc.record({ do: fc.constant('delete' as const), due, which: fc.nat() }),
  );

  test.prop([fc.array(step, { maxLength: 200 })])('always has the earliest of its entries first', (steps) => {
    const agenda = new Agenda<Entry>();
    const entries: Entry[] = [];
    for (const { do: what, due: instant, which } of steps) {
      const entry = entries[which % Math.max(1, entries.length)];
      if (what === 'add' || !entry) {
        const added = new Entry(instant);
        entries.push(added);
        agenda.add(added);
      } else if (what === 'move') {
        entry.due = instant;
        agenda.moved(entry);
      } else {
        entries.splice(entries.indexOf(entry), 1);
        agenda.delete(entry);
      }
      expect(agenda.size).toBe(entries.length);
      expect(new Set(agenda.all)).toEqual(new Set(entries));
      expect(agenda.first?.due).toBe(
        entries.length === 0 ? undefined : Math.min(...entries.map((each) => each.due)),
      );
    }
  });
});
