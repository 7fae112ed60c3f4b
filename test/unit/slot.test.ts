import clusterKeySlot from 'cluster-key-slot';
import { assert, pre, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slotOf } from '../../src/node/redis/slot.ts';
import { SlotTable } from '../../src/node/redis/slot-table.ts';

describe('the hash slot of a key', () => {
  it('is what another implementation says', () => {
    assert(
      property(string({ unit: 'grapheme', maxLength: 30 }), (key) => {
        pre(!key.includes('{}'));
        expect(slotOf(key)).toBe(clusterKeySlot(key));
      }),
    );
  });

  it.each([
    ['{a}b', 'a'],
    ['b{a}', 'a'],
    ['{a}{b}', 'a'],
    ['{{a}}', '{a'],
  ])('is that of its hash tag: %s', (key, tag) => {
    expect(slotOf(key)).toBe(clusterKeySlot(tag));
  });

  it('is that of the whole key if the first braces are empty, as servers have it', () => {
    // CLUSTER KEYSLOT '{}{b}c' of Redis 7.0.15.
    expect(slotOf('{}{b}c')).not.toBe(slotOf('b'));
    expect(slotOf('123456789')).toBe(0x31c3);
  });
});

describe('a table of slots', () => {
  const reply = [
    [0, 8_191, ['10.0.0.1', 7_000, 'id', []], ['10.0.0.9', 7_000, 'id']],
    [8_192, 16_383, ['', 7_001, 'id', []]],
  ];

  it('knows which master has a slot; a server may leave out its own host', () => {
    const table = new SlotTable();
    expect(table.isEmpty).toBe(true);
    expect(table.read(reply, '10.0.0.2')).toBe(true);
    expect(table.ownerOf(8_191)).toBe('10.0.0.1:7000');
    expect(table.ownerOf(8_192)).toBe('10.0.0.2:7001');
    expect([...table.masters]).toEqual(['10.0.0.1:7000', '10.0.0.2:7001']);
  });

  it('follows a slot that has moved', () => {
    const table = new SlotTable();
    table.read(reply, '10.0.0.2');
    table.move(5, '10.0.0.3:7000');
    expect(table.ownerOf(5)).toBe('10.0.0.3:7000');
    expect(table.masters.has('10.0.0.3:7000')).toBe(true);
  });

  it.each([
    [null],
    ['OK'],
    [[]],
    [[7]],
    [[[0, 1]]],
    [[[0, 1, []]]],
    [[[0, 'x', ['h', 1]]]],
    [[[0, 99_999, ['h', 1]]]],
  ])('stays as it was when the answer makes no sense: %j', (answer) => {
    const table = new SlotTable();
    table.read(reply, '10.0.0.2');
    expect(table.read(answer, 'h')).toBe(false);
    expect(table.ownerOf(0)).toBe('10.0.0.1:7000');
  });
});
