import { fc, test } from '@fast-check/vitest';
import { describe, expect, it } from 'vitest';
import { type Credentials, cleanError } from '../../src/node/redis/clean-error.ts';

const NOBODY: Credentials = { users: [], passwords: [], node: 'host:6379' };

function clean(message: string, also: Partial<Credentials>): string {
  return cleanError(new Error(message), { ...NOBODY, ...also }).message;
}

describe('an error as it is shown', () => {
  it('keeps name, message and code', () => {
    const error = Object.assign(new TypeError('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    expect(cleanError(error, NOBODY)).toMatchObject({
      name: 'TypeError',
      message: 'connect ECONNREFUSED',
      code: 'ECONNREFUSED',
    });
  });

  it('loses the command and its arguments', () => {
    const error = Object.assign(new Error('WRONGPASS'), {
      command: { name: 'auth', args: ['user', 's3cret'] },
    });
    expect(cleanError(error, NOBODY)).not.toHaveProperty('command');
    expect(JSON.stringify(cleanError(error, NOBODY))).not.toContain('s3cret');
  });

  it('has no code that is no string', () => {
    expect(cleanError(Object.assign(new Error('m'), { code: 5 }), NOBODY)).not.toHaveProperty('code');
  });

  it('shows no user and no password', () => {
    const error = cleanError(new Error('user alice with s3cret, s3cret'), {
      ...NOBODY,
      users: ['alice'],
      passwords: ['s3cret'],
    });
    expect(error.message).toBe('user *** with ***, ***');
    expect(error.stack).not.toContain('s3cret');
  });

  it('shows no part of a secret that holds another', () => {
    expect(clean('no app-s3cret for app', { users: ['app'], passwords: ['app-s3cret'] })).toBe(
      'no *** for ***',
    );
    expect(clean('s3, s3cret', { passwords: ['s3', 's3cret'] })).toBe('***, ***');
  });

  it('takes a secret literally', () => {
    expect(clean('a.b axb $&', { passwords: ['a.b'] })).toBe('*** axb $&');
    expect(clean('a.b+[c] axb $&', { users: ['a.b+[c]'] })).toBe('*** axb $&');
  });

  it.each([
    ['a', "NOPERM this user has no permissions to run the 'info' command"],
    ['user', "NOPERM this user has no permissions to run the 'info' command"],
    ['info', "NOPERM this user has no permissions to run the 'info' command"],
    ['has', 'NOPERM this user has no permissions'],
    ['perm', "NOPERM this user has no permissions to run the 'info' command"],
    ['app', 'getaddrinfo ENOTFOUND redis-app.example.com'],
    ['app', 'getaddrinfo ENOTFOUND app.example.com'],
    ['example', 'getaddrinfo ENOTFOUND app.example.com'],
    ['READONLY', "READONLY You can't write against a read only replica."],
  ])('leaves words alone that are no user: of %s, %j', (user, message) => {
    expect(clean(message, { users: [user] })).toBe(message);
  });

  it.each([
    ['cache', 'connect ECONNREFUSED cache:6379', 'connect ECONNREFUSED cache:6379'],
    ['cache', 'redis://cache:6379 is down', 'redis://cache:6379 is down'],
    ['cache', 'NOPERM User cache has no permissions', 'NOPERM User *** has no permissions'],
    ['cache', 'redis://cache@cache:6379 is down', 'redis://***@cache:6379 is down'],
  ])('leaves a host alone that is called as the user is: of %s, %j', (user, message, shown) => {
    expect(clean(message, { users: [user], node: 'cache:6379' })).toBe(shown);
  });

  it.each(['alice', 'a', 'user', 'has', 'info', 'app-1', 'x.y', 'Üser', 'a|b', '$1', 'two words'])(
    'does not show user %s where servers echo it',
    (user) => {
      for (const before of [
        'NOPERM User ',
        "WRONGPASS user '",
        'ERR username: ',
        'ERR user="',
        'ERR unknown command, with args beginning with: `AUTH` `',
        'ERR what is AUTH ',
        'redis://',
      ]) {
        const after = before.endsWith('//') ? ':***@host' : /[^\w\s/]$/.exec(before) ? before.at(-1) : '';
        const echo = `${before}${user}${before === 'ERR username: ' ? '' : after} denied.`;
        expect(clean(echo, { users: [user] })).toBe(echo.replace(before + user, `${before}***`));
      }
    },
  );

  it('is cut where a server echoes a long key', () => {
    const message = clean(`ERR ${'k'.repeat(1 << 20)} is no fencing counter`, {});
    expect(message.length).toBeLessThan(1_000);
    expect(message).toMatch(/^ERR k+… \(\d+ characters\)$/);
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
  ])('says what happened: %s', (error, message) =>
    expect(cleanError(error, NOBODY).message).toContain(message),
  );
});

const letters = fc.string({
  unit: fc.constantFrom(...'abcXYZ019-_.$|[@:/ é'.split('')),
  minLength: 1,
  maxLength: 12,
});
/** As a server writes it between its own words. */
const between = fc.constantFrom(' ', "'", '"', '`', ', ');

describe('whatever a server echoes', () => {
  test.prop([letters, letters, letters])('no password is shown', (before, password, after) => {
    expect(clean(`ERR ${before}${password}${after}`, { passwords: [password] })).not.toContain(password);
  });

  test.prop([fc.stringMatching(/^[a-z][a-z0-9]{2,11}[0-9]$/), between, between])(
    'no user is shown that is a word',
    (user, before, after) => {
      expect(clean(`ERR of${before}${user}${after}it`, { users: [user] })).not.toContain(user);
    },
  );

  test.prop([fc.stringMatching(/^[a-zA-Z0-9_]{1,12}$/), fc.stringMatching(/^[a-z0-9]{1,4}$/)])(
    'no word is changed of which a user is only a part',
    (user, more) => {
      const message = `ERR ${user}${more} ${more}${user} x-${user} ${user}-x ${user}.x of it`;
      fc.pre(user !== `${user}${more}` && user !== 'of' && user !== 'it');
      expect(clean(message, { users: [user] })).toBe(message);
    },
  );
});

describe('a command that a server does not know', () => {
  it('is named without its arguments, which the server echoes', () => {
    const echo = "ERR unknown command 'EVALSHA', with args beginning with: 'abc' '1' 'key' 'token' ";
    const credentials = { passwords: [], users: [], node: 'a:6379' };
    expect(cleanError(new Error(echo), credentials).message).toBe("ERR unknown command 'EVALSHA'");
  });
});
