import { describe, expect, test } from 'vitest';
import { fits, NODES_OF_PAGES, nodesAt, steady } from './printed.ts';

describe('output', () => {
  test.each([
    [
      '10:30:11  x (4.1 s ago), 2026-11-30 10:30:11 (in 2 h 5 min)',
      'TIME x (DURATION ago), TIME (in DURATION)',
    ],
    ['round trip  0.4 ms\r\n', 'round trip DURATION'],
    ['"since":"2026-11-30T10:40:57.637Z","remaining":7505', '"since":"INSTANT","remaining":MS'],
    ['"id":"234279bf198ff078","counter":1796035257637710', '"id":"ID","counter":TOKEN'],
    ['revoked by ops-1/11005', 'revoked by LABEL'],
    // What says something is kept.
    ['2 of 3 nodes up, exit code 75', '2 of 3 nodes up, exit code 75'],
    ['held by web-1/4711', 'held by web-1/4711'],
  ])('%j is %j without what varies', (output, expected) => {
    expect(steady(output, [])).toBe(expected);
  });

  test('names nodes by their places', () => {
    const page = 'a:6379, 127.0.0.1:7002, ECONNREFUSED 10.0.0.3:6379';
    const printed = '127.0.0.1:10001, 127.0.0.1:10002, ECONNREFUSED 127.0.0.1:10003';
    const nodes = nodesAt([10_001, 10_002, 10_003].map((port) => ({ port })));
    expect(steady(page, NODES_OF_PAGES)).toBe('NODE1, NODE2, ECONNREFUSED NODE3');
    expect(steady(printed, nodes)).toBe('NODE1, NODE2, ECONNREFUSED NODE3');
  });
});

describe('a page', () => {
  test.each([
    ['one\ntwo', 'one\ntwo', true],
    ['one\ntwo', 'one\ntoo', false],
    ['one\ntwo', 'one', false],
    ['one', 'one\ntwo', false],
    ['one (2 of 3, b is down)', 'one (2 of 3, …)', true],
    ['one (1 of 3, b is down)', 'one (2 of 3, …)', false],
    ['one (2 of 3,\nb)', 'one (2 of 3, …)', false],
    ['one\ntwo\nthree\nfour', 'one\n…\nfour', true],
    ['one\ntwo\nthree', 'one\n…\nfour', false],
    ['a.c', 'abc', false],
    ['abc', 'a.c', false],
  ])('that shows of %j %j fits: %j', (output, page, expected) => {
    expect(fits(output, page)).toBe(expected);
  });
});
