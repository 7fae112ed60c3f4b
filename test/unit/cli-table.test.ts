import { describe, expect, it } from 'vitest';
import { wrap } from '../../src/cli/help.ts';
import { coloured, paintFor, plain } from '../../src/cli/paint.ts';
import { fields, table } from '../../src/cli/table.ts';

describe('a table', () => {
  const header = ['NAME', 'STATE', 'WHY'];

  it('has aligned columns, and no spaces at the ends of lines', () => {
    expect(
      table(
        header,
        [
          ['a:6379', 'up'],
          ['b', 'down', 'refused'],
        ],
        plain,
      ),
    ).toEqual(['NAME    STATE  WHY', 'a:6379  up', 'b       down   refused']);
  });

  it('has no columns without text', () => {
    expect(table(header, [['a', '', 'x']], plain)).toEqual(['NAME  WHY', 'a     x']);
  });

  it('is aligned also in colour', () => {
    const [, row] = table(header, [[{ text: 'a', tone: 'good' }, 'up']], coloured);
    expect(row).toBe('\x1b[32ma\x1b[0m     up');
  });
});

it('fields have aligned values, and are left out without one', () => {
  expect(
    fields(
      [
        ['holder', 'web-1'],
        ['since', ''],
        ['remaining time', '1 s'],
      ],
      plain,
    ),
  ).toEqual(['  holder          web-1', '  remaining time  1 s']);
});

describe('colours', () => {
  it.each([
    [true, {}, coloured],
    [true, { NO_COLOR: '' }, coloured],
    [true, { NO_COLOR: '1' }, plain],
    [true, { NO_COLOR: '0' }, plain],
    [true, { TERM: 'dumb' }, plain],
    [false, {}, plain],
    [false, { FORCE_COLOR: '1' }, plain],
  ])('with a terminal: %s, and %j', (isTerminal, env, paint) => {
    expect(paintFor(isTerminal, env)).toBe(paint);
  });
});

it('text is wrapped at 100 characters, and a longer word is left whole', () => {
  const word = 'x'.repeat(60);
  const long = 'y'.repeat(120);
  expect(wrap(`${word} ${word} ${long} z`, '  ')).toEqual([`  ${word}`, `  ${word}`, `  ${long}`, '  z']);
});
