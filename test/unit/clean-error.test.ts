import { describe, expect, it } from 'vitest';
import { cleanError } from '../../src/client/clean-error.ts';

describe('an error as it is shown', () => {
  it('keeps name, message and code', () => {
    const error = Object.assign(new TypeError('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(cleanError(error, [])).toMatchObject({
      name: 'TypeError',
      message: 'connect ECONNREFUSED',
      code: 'ECONNREFUSED',
    });
  });

  it('loses the command and its arguments', () => {
    const error = Object.assign(new Error('WRONGPASS'), {
      command: { name: 'auth', args: ['user', 's3cret'] },
    });
    expect(cleanError(error, [])).not.toHaveProperty('command');
    expect(JSON.stringify(cleanError(error, []))).not.toContain('s3cret');
  });

  it('has no code that is no string', () => {
    expect(cleanError(Object.assign(new Error('m'), { code: 5 }), [])).not.toHaveProperty('code');
  });

  it('shows no secret, wherever it stands', () => {
    const clean = cleanError(new Error('user alice with s3cret, s3cret'), ['alice', 's3cret']);
    expect(clean.message).toBe('user *** with ***, ***');
    expect(clean.stack).not.toContain('s3cret');
  });

  it('shows no part of a secret that holds another', () => {
    expect(cleanError(new Error('no app-s3cret for app'), ['app', 'app-s3cret']).message).toBe(
      'no *** for ***',
    );
  });

  it('takes a secret literally', () => {
    expect(cleanError(new Error('a.b axb $&'), ['a.b']).message).toBe('*** axb $&');
  });

  it.each([
    [new AggregateError([new Error('connect ECONNREFUSED ::1')], ''), 'connect ECONNREFUSED ::1'],
    [Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
    [new RangeError(''), 'RangeError'],
    [Object.assign(new Error('gave up'), { lastNodeError: new Error('CLUSTERDOWN') }), 'CLUSTERDOWN'],
    [
      Object.assign(new Error('Refer to "maxRetriesPerRequest"'), { name: 'MaxRetriesPerRequestError' }),
      'the connection was lost before an answer came',
    ],
  ])('says what happened: %s', (error, message) => expect(cleanError(error, []).message).toContain(message));
});
