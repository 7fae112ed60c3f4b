import { describe, expect, it } from 'vitest';
import { boolean, checkNames, implementation, number, wrong } from '../../src/bad-input.ts';

const HOUR = { min: 1, max: 60 };

describe('a message for bad input', () => {
  it.each([
    ['5', '"5"'],
    [5n, '5'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Number.NaN, 'NaN'],
    [[], 'an empty array'],
    [[5], 'an array'],
    [() => 5, 'a function'],
    [{ secret: 5 }, 'an object'],
  ])('shows %o as %s', (value, shown) => {
    const error = wrong(RangeError, 'name', value, 'right');
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toBe(`name must be right, not ${shown}`);
  });

  it.each([
    [HOUR, 'minutes must be a number from 1 to 60, not 0'],
    [{ ...HOUR, whole: true }, 'minutes must be a whole number from 1 to 60, not 0'],
    [
      { ...HOUR, max: Number.POSITIVE_INFINITY },
      'minutes must be a number from 1 up, Infinity included, not 0',
    ],
  ])('about a number says what is allowed: %j', (range, message) => {
    expect(() => number('minutes', 0, 5, range)).toThrow(new RangeError(message));
  });

  it('about a boolean says so', () => {
    expect(() => boolean('on', 1, true)).toThrow(new TypeError('on must be a boolean, not 1'));
  });

  it('about an implementation names the methods', () => {
    const watch = { now: () => 0, stop: () => {} };
    const broken = { now: () => 0 } as typeof watch;
    expect(() => implementation('watch', broken, watch, ['now', 'stop'])).toThrow(
      new TypeError('watch must be an object with now() and stop(), not an object'),
    );
  });

  it.each([5, null, []])('about options that are %j says that they are an object', (options) => {
    expect(() => checkNames('options', options as object, ['on'])).toThrow(
      /^options must be an object, not /,
    );
  });

  it('about a name that resembles a known one brings that up', () => {
    expect(() => checkNames('options', { minuets: 5 }, ['on', 'minutes'])).toThrow(
      new TypeError('unknown name "minuets" in options; did you mean minutes? (known: on, minutes)'),
    );
  });

  it('about a name that resembles none lists those that are known', () => {
    expect(() => checkNames('options', { somethingElse: 5 }, ['on', 'minutes'])).toThrow(
      new TypeError('unknown name "somethingElse" in options (known: on, minutes)'),
    );
  });
});

describe('input that is undefined', () => {
  it('is replaced by the fallback', () => {
    const watch = { now: () => 0 };
    expect(number('minutes', undefined, 5, HOUR)).toBe(5);
    expect(boolean('on', undefined, 'as usual')).toBe('as usual');
    expect(implementation('watch', undefined, watch, ['now'])).toBe(watch);
  });
});
