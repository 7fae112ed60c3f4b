import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from 'vitest';
import { Names } from '../../src/node/redis/names.ts';
import { isInHosts, type SystemNames } from '../../src/node/redis/system-names.ts';
import { dnsError, FakeNames } from '../support/fake-names.ts';
import { ManualClock } from '../support/manual-clock.ts';

interface Found {
  answer?: { error: Error | null; addresses: readonly string[] };
  cancel: () => void;
}

function setUp() {
  const services = new FakeNames();
  const clock = new ManualClock();
  const names = new Names(services, clock);
  const find = (name: string, family: 0 | 4 | 6 = 0): Found => {
    const found: Found = { cancel: () => {} };
    found.cancel = names.find(name, family, (error, addresses) => {
      if (found.answer) throw new Error('found twice');
      found.answer = { error, addresses };
    });
    expect(found.answer).toBeUndefined();
    return found;
  };
  return { services, clock, names, find };
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** The name servers know no such name. */
const refuse = (services: FakeNames, name: string): void =>
  services.resolved(name, dnsError('ENOTFOUND', name));
const ok = (...addresses: string[]) => ({ error: null, addresses });

describe('a name', () => {
  it('is looked up by the system once the name servers have answered quickly, and all addresses are given in its order', async () => {
    const { services, clock, find } = setUp();
    const found = find('a.example');
    expect(services.lookups).toEqual([]);
    clock.advance(400);
    services.resolved('a.example', null, ['10.0.0.1']);
    services.lookedUp('a.example').answer(null, ['::2', '10.0.0.2', '10.0.0.1']);
    await settle();
    expect(found.answer).toEqual(ok('::2', '10.0.0.2', '10.0.0.1'));
    expect(clock.pending).toBe(0);
  });

  it.each(['ENOTFOUND', 'ENODATA', 'ESERVFAIL', 'ECONNREFUSED', 'EBADNAME'])(
    'is looked up by the system when the name servers quickly say %s: it may know more',
    async (code) => {
      const { services, find } = setUp();
      const found = find('a');
      services.resolved('a', dnsError(code, 'a', 'queryA'));
      services.lookedUp('a').answer(null, ['10.0.0.1']);
      await settle();
      expect(found.answer).toEqual(ok('10.0.0.1'));
    },
  );

  it('that is an IP address is not looked up', async () => {
    const { services, find } = setUp();
    const [four, six] = [find('10.0.0.1'), find('::1', 4)];
    await settle();
    expect([four.answer, six.answer]).toEqual([ok('10.0.0.1'), ok('::1')]);
    expect([...services.queries, ...services.lookups]).toEqual([]);
  });

  it('that is localhost, or in the hosts file, is looked up by the system at once', () => {
    const { services, clock, find } = setUp();
    services.hostsFile = '127.0.0.1 one # two\n10.0.0.1\tthree  Four\r\n';
    for (const name of ['localhost', 'one', 'FOUR']) find(name);
    clock.advance(250);
    expect(services.queries).toEqual([]);
    expect(services.lookups.map(({ name }) => name)).toEqual(['localhost', 'one']);
    services.lookedUp('localhost').answer(null, ['127.0.0.1']);
    services.lookedUp('one').answer(null, ['127.0.0.1']);
    expect(services.lookedUp('FOUR')).toBeDefined();
  });

  it('is looked up once for all that wait for it', async () => {
    const { services, find } = setUp();
    const [first, second, gone] = [find('a'), find('a'), find('a')];
    gone?.cancel();
    services.resolved('a', dnsError('ENOTFOUND', 'a'));
    const third = find('a');
    services.lookedUp('a').answer(null, ['10.0.0.1']);
    const late = find('a');
    await settle();
    for (const found of [first, second, third]) expect(found?.answer).toEqual(ok('10.0.0.1'));
    expect(gone?.answer).toBeUndefined();
    expect(services.lookups).toHaveLength(1);
    expect(services.queries).toHaveLength(4);
    late.cancel();
  });

  it('that does not exist fails with the system’s reason and its code', async () => {
    const { services, find } = setUp();
    const found = find('no.example');
    services.resolved('no.example', dnsError('ENOTFOUND', 'no.example', 'queryA'));
    services.lookedUp('no.example').answer(dnsError('ENOTFOUND', 'no.example'), []);
    await settle();
    expect(found.answer?.error).toMatchObject({
      message: 'cannot resolve "no.example": getaddrinfo ENOTFOUND no.example',
      code: 'ENOTFOUND',
    });
  });

  it('without an address that is one fails', async () => {
    const { services, find } = setUp();
    const found = find('localhost');
    services.lookedUp('localhost').answer(null, ['nonsense']);
    await settle();
    expect(found.answer?.error?.message).toBe('cannot resolve "localhost": getaddrinfo ENOTFOUND localhost');
  });

  it('is looked up for the family that is wanted', () => {
    const { services, find } = setUp();
    find('a', 6);
    services.resolved('a', null, ['::1']);
    expect(services.queries).toHaveLength(1);
    expect([services.query('a', 6).family, services.lookedUp('a').family]).toEqual([6, 6]);
  });

  it('is looked up in the context of no call', async () => {
    const store = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    const services: SystemNames = {
      hosts: () => '',
      resolve: (_name, _family, answer) => {
        seen.push(store.getStore());
        answer(null, ['10.0.0.1']);
        return () => {};
      },
      lookup: (_name, _family, answer) => {
        seen.push(store.getStore());
        answer(null, ['10.0.0.1']);
      },
    };
    const clock = new ManualClock();
    await new Promise<void>((resolve) => {
      store.run('call', () =>
        new Names(services, clock).find('a', 0, () => {
          seen.push(store.getStore());
          resolve();
        }),
      );
    });
    // Two questions to the name servers, the system's look-up, and the answer.
    expect(seen).toEqual(new Array(4).fill(undefined));
    expect(clock.pending).toBe(0);
  });
});

describe('name servers that are silent', () => {
  it('cost no thread, and are told to whoever waits', async () => {
    const { services, clock, find } = setUp();
    const found = find('a');
    clock.advance(10_000);
    services.resolved('a', dnsError('ETIMEOUT', 'a', 'queryA'));
    await settle();
    expect(found.answer?.error).toMatchObject({
      message: 'cannot resolve "a": the name servers do not answer for this name',
      code: 'ETIMEOUT',
    });
    expect(services.lookups).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('are given up after half a minute', async () => {
    const { services, clock, find } = setUp();
    const found = find('a');
    await clock.advanceAsync(29_999);
    expect(found.answer).toBeUndefined();
    await clock.advanceAsync(1);
    await settle();
    expect(found.answer?.error?.message).toMatch('do not answer');
    expect(services.query('a').isCancelled).toBe(true);
  });

  it('are not waited for once nobody waits any more', async () => {
    const { services, clock, find } = setUp();
    const [first, second] = [find('a'), find('a')];
    first?.cancel();
    expect(services.query('a').isCancelled).toBe(false);
    second?.cancel();
    expect(services.query('a').isCancelled).toBe(true);
    expect(clock.pending).toBe(0);
    services.resolved('a', null, ['10.0.0.1']);
    await settle();
    expect([first?.answer, second?.answer]).toEqual([undefined, undefined]);
    expect(services.lookups).toEqual([]);
    find('a');
    expect(services.queries).toHaveLength(4);
  });
});

describe('name servers that are slow', () => {
  it('about one family of addresses keep the system from being asked, and those of the other count', async () => {
    const { services, clock, find } = setUp();
    const found = find('a');
    services.query('a', 4).answer(null, ['10.0.0.1']);
    await clock.advanceAsync(499);
    expect(found.answer).toBeUndefined();
    await clock.advanceAsync(1);
    await settle();
    expect(found.answer).toEqual(ok('10.0.0.1'));
    expect(services.query('a', 6).isCancelled).toBe(true);
    expect(services.lookups).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('about one family, and know no address of the other, are waited for', async () => {
    const { services, clock, find } = setUp();
    const found = find('a');
    services.query('a', 4).answer(dnsError('ENODATA', 'a'), []);
    clock.advance(5_000);
    services.query('a', 6).answer(null, ['::1']);
    await settle();
    expect(found.answer).toEqual(ok('::1'));
  });

  it('and know addresses have the last word', async () => {
    const { services, clock, find } = setUp();
    const found = find('a');
    clock.advance(501);
    services.resolved('a', null, ['10.0.0.1']);
    await settle();
    expect(found.answer).toEqual(ok('10.0.0.1'));
    expect(services.lookups).toEqual([]);
  });

  it('and know none leave it to the system, which is given one such name at a time', async () => {
    const { services, clock, find } = setUp();
    const names = ['a', 'b', 'c'];
    const [a, b] = names.map((name) => find(name));
    clock.advance(3_000);
    for (const name of names) services.resolved(name, dnsError('ESERVFAIL', name));
    clock.advance(10_000);
    expect(services.lookups.map(({ name }) => name)).toEqual(['a']);
    b?.cancel();
    services.lookedUp('a').answer(null, ['10.0.0.1']);
    expect(services.lookups.map(({ name }) => name)).toEqual(['a', 'c']);
    await settle();
    expect(a?.answer).toEqual(ok('10.0.0.1'));
  });
});

describe('a system look-up that hangs', () => {
  it('does not hold up a name whose addresses the name servers have given', async () => {
    const { services, clock, find } = setUp();
    const found = find('a');
    services.resolved('a', null, ['10.0.0.1']);
    await clock.advanceAsync(249);
    expect(found.answer).toBeUndefined();
    await clock.advanceAsync(1);
    await settle();
    expect(found.answer).toEqual(ok('10.0.0.1'));
    services.lookedUp('a').answer(null, ['10.0.0.2']);
    await settle();
    expect(found.answer).toEqual(ok('10.0.0.1'));
  });

  it('is joined rather than repeated, also when everybody had stopped waiting for it', async () => {
    const { services, clock, find } = setUp();
    find('localhost').cancel();
    clock.advance(20_000);
    const found = find('localhost');
    expect(services.lookups).toHaveLength(1);
    services.lookedUp('localhost').answer(null, ['127.0.0.1']);
    await settle();
    expect(found.answer).toEqual(ok('127.0.0.1'));
  });
});

describe('system look-ups', () => {
  it('take turns while they are fast', () => {
    const { services, find } = setUp();
    for (const name of ['a', 'b', 'c']) {
      find(name);
      refuse(services, name);
    }
    expect(services.lookups.map(({ name }) => name)).toEqual(['a']);
    services.lookedUp('a').answer(null, ['10.0.0.1']);
    expect(services.lookups.map(({ name }) => name)).toEqual(['a', 'b']);
    services.lookedUp('b').answer(null, ['10.0.0.1']);
    expect(services.lookups.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('go on beside one that is slow, one at a time', () => {
    const { services, clock, find } = setUp();
    for (const name of ['slow', 'b', 'c']) {
      find(name);
      refuse(services, name);
    }
    clock.advance(250);
    expect(services.lookups.map(({ name }) => name)).toEqual(['slow', 'b']);
    services.lookedUp('b').answer(null, ['10.0.0.1']);
    expect(services.lookups.map(({ name }) => name)).toEqual(['slow', 'b', 'c']);
  });

  it('of names that were slow the last time do not begin beside one that is slow', () => {
    const { services, clock, find } = setUp();
    find('slow');
    refuse(services, 'slow');
    clock.advance(250);
    find('slower');
    refuse(services, 'slower');
    clock.advance(250);
    services.lookedUp('slow').answer(dnsError('EAI_AGAIN', 'slow'), []);
    find('slow');
    refuse(services, 'slow');
    find('fast');
    refuse(services, 'fast');
    expect(services.lookups.map(({ name }) => name)).toEqual(['slow', 'slower', 'fast']);
    services.lookedUp('fast').answer(null, ['10.0.0.1']);
    expect(services.lookups).toHaveLength(3);
    services.lookedUp('slower').answer(null, ['10.0.0.1']);
    expect(services.lookups.map(({ name }) => name)).toEqual(['slow', 'slower', 'fast', 'slow']);
    // Fast this time: it is a name like any other again.
    services.lookedUp('slow').answer(null, ['10.0.0.1']);
    find('slower');
    refuse(services, 'slower');
    find('slow');
    refuse(services, 'slow');
    expect(services.lookups.map(({ name }) => name).slice(4)).toEqual(['slower', 'slow']);
  });

  it('that wait for their turn and are no longer wanted do not begin', () => {
    const { services, find } = setUp();
    find('a');
    refuse(services, 'a');
    const unwanted = find('b');
    refuse(services, 'b');
    unwanted.cancel();
    services.lookedUp('a').answer(null, ['10.0.0.1']);
    expect(services.lookups).toHaveLength(1);
  });
});

describe('a hosts file', () => {
  it.each([
    ['127.0.0.1 a', 'a', true],
    ['127.0.0.1 a', 'A', true],
    ['127.0.0.1 A b', 'a', true],
    ['# 127.0.0.1 a', 'a', false],
    ['127.0.0.1 b#a', 'a', false],
    ['127.0.0.1 a.example', 'a', false],
    ['a b', 'a', false],
    ['', 'a', false],
  ])('%j with %s in it: %j', (text, name, expected) => {
    expect(isInHosts(text, name)).toBe(expected);
  });
});
