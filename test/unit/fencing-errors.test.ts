import { describe, expect, it, vi } from 'vitest';
import { RedlockError } from '../../src/errors.ts';
import * as errors from '../../src/fencing/errors.ts';

const { FencingError, FencingMarkError, StaleFencingTokenError } = errors;

const stale = new StaleFencingTokenError('order:42', 7, 8);
const unreadable = new FencingMarkError('order:42', 7, 'mark', 'a hash');

describe('a refusal', () => {
  it.each([
    [stale, 'StaleFencingTokenError', 'STALE_FENCING_TOKEN'],
    [unreadable, 'FencingMarkError', 'FENCING_MARK_UNREADABLE'],
  ])('has a name and a code: %s', (error, name, code) => {
    expect(error).toMatchObject({ name, code, key: 'order:42', fencingToken: 7 });
  });

  it('for a stale token names the key, the token, the newest one', () => {
    expect(stale.message).toBe(
      'refused the fencing token 7 for "order:42": 8 has been seen, of a later holder',
    );
    expect(stale.newest).toBe(8);
  });

  it('for a mark that is none names the mark, what it should be, what it is', () => {
    expect(unreadable.message).toBe(
      'refused every fencing token for "order:42": its mark "mark" should be a fencing token, and is a hash',
    );
    expect(unreadable.markKey).toBe('mark');
  });

  it('shows the largest tokens without loss', () => {
    const { message } = new StaleFencingTokenError('k', 9_007_199_254_740_990, 9_007_199_254_740_991);
    expect(message).toContain('token 9007199254740990 for "k": 9007199254740991 has');
  });

  it('is an instance of its class only', () => {
    expect(stale).toBeInstanceOf(StaleFencingTokenError);
    expect(stale).not.toBeInstanceOf(FencingMarkError);
    expect(unreadable).not.toBeInstanceOf(StaleFencingTokenError);
  });

  it('is an instance of the class of all refusals', () => {
    expect([stale, unreadable].every((error) => error instanceof FencingError)).toBe(true);
    expect([stale, unreadable].every((error) => error instanceof Error)).toBe(true);
  });

  it('is no error of a lock', () => {
    expect(stale).not.toBeInstanceOf(RedlockError);
  });

  it('of another copy of the package is recognised', async () => {
    vi.resetModules();
    const copy = await import('../../src/fencing/errors.ts');
    expect(copy.StaleFencingTokenError).not.toBe(StaleFencingTokenError);
    expect(new copy.StaleFencingTokenError('k', 1, 2)).toBeInstanceOf(StaleFencingTokenError);
    expect(new copy.FencingMarkError('k', 1, 'm', 'a set')).toBeInstanceOf(FencingError);
  });

  it.each([[{ code: 'STALE_FENCING_TOKEN' }], ['STALE_FENCING_TOKEN'], [null], [new Error('stale')]])(
    'is not imitated by %o',
    (value) => {
      expect((value as unknown) instanceof StaleFencingTokenError).toBe(false);
      expect((value as unknown) instanceof FencingError).toBe(false);
    },
  );

  it('of a class of one’s own is an instance of that class', () => {
    class Late extends StaleFencingTokenError {}
    expect(new Late('k', 1, 2)).toBeInstanceOf(Late);
    expect(stale).not.toBeInstanceOf(Late);
  });
});
