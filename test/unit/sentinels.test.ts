import { describe, expect, it, vi } from 'vitest';
import type { Target } from '../../src/node/redis/locate.ts';
import { locateBySentinel, type SentinelPlan } from '../../src/node/redis/sentinels.ts';
import type { FakeLink } from '../support/fake-link.ts';
import { FakeLinks } from '../support/fake-link.ts';
import { ManualClock } from '../support/manual-clock.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Each name is an address of its own, but `no.example`, which cannot be looked up. */
function findName(target: Target): ReturnType<SentinelPlan['locate']> {
  return (found) => {
    let isOver = false;
    queueMicrotask(() => {
      if (isOver) return;
      if ('host' in target && target.host === 'no.example')
        found(new Error('cannot resolve "no.example"'), []);
      else found(null, [target]);
    });
    return () => {
      isOver = true;
    };
  };
}

function setUp(hosts: readonly string[], plan: Partial<SentinelPlan> = {}) {
  const links = new FakeLinks();
  const clock = new ManualClock();
  const locate = locateBySentinel({
    sentinels: hosts.map((host) => ({ host, port: 26379 })),
    group: 'mymaster',
    openSentinel: links.open,
    natMap: () => undefined,
    locate: findName,
    clock,
    clean: (error) => error,
    ...plan,
  });
  const search = async () => {
    const found = vi.fn<Parameters<typeof locate>[0]>();
    const end = locate(found);
    expect(found).not.toHaveBeenCalled();
    await turn();
    return { found, end };
  };
  return { links, clock, search };
}

const hostOf = ({ address }: FakeLink): string => ('host' in address ? address.host : address.path);

async function answer(link: FakeLink, reply: unknown): Promise<void> {
  link.up();
  link.sent[0]?.answer(reply);
  await turn();
}

async function refuse(link: FakeLink): Promise<void> {
  link.refuse();
  await turn();
}

function expectNothingLeft({ links, clock }: { links: FakeLinks; clock: ManualClock }): void {
  expect(links.alive).toEqual([]);
  expect(clock.pending).toBe(0);
}

const MASTER = ['10.0.0.9', '6379'];

describe('the master of a group', () => {
  it('is where the first Sentinel says', async () => {
    const { links, clock, search } = setUp(['s1', 's2']);
    const { found } = await search();
    await answer(links.last, MASTER);
    expect(links.last.commands).toEqual(['SENTINEL GET-MASTER-ADDR-BY-NAME mymaster']);
    expect(found.mock.calls).toEqual([[null, [{ host: '10.0.0.9', port: 6379 }]]]);
    expect(links.opened.map(hostOf)).toEqual(['s1']);
    expectNothingLeft({ links, clock });
  });

  it('is asked of the next Sentinel when one cannot be reached, and first of that one the next time', async () => {
    const { links, clock, search } = setUp(['s1', 's2']);
    const first = await search();
    await refuse(links.last);
    await answer(links.last, MASTER);
    expect(first.found).toHaveBeenCalledTimes(1);
    await search();
    await answer(links.last, MASTER);
    expect(links.opened.map(hostOf)).toEqual(['s1', 's2', 's2']);
    expectNothingLeft({ links, clock });
  });

  it('is asked of all the others when one is silent, and the first answer counts', async () => {
    const { links, clock, search } = setUp(['s1', 's2', 's3', 's4']);
    const { found } = await search();
    links.last.up();
    await clock.advanceAsync(699);
    await turn();
    expect(links.opened.map(hostOf)).toEqual(['s1']);
    await clock.advanceAsync(1);
    await turn();
    expect(links.opened.map(hostOf)).toEqual(['s1', 's2', 's3', 's4']);
    expect(links.opened[0]?.isCut).toBe(true);
    await answer(links.opened[3] as FakeLink, MASTER);
    expect(found.mock.calls).toEqual([[null, [{ host: '10.0.0.9', port: 6379 }]]]);
    expectNothingLeft({ links, clock });
  });

  it('is given up after twice the patience, however many Sentinels are silent', async () => {
    const { links, clock, search } = setUp(['s1', 's2', 's3', 's4'], { patience: 100 });
    const { found } = await search();
    await clock.advanceAsync(100);
    await turn();
    await clock.advanceAsync(100);
    expect(found.mock.calls[0]?.[0]?.message).toBe(
      'no Sentinel names a master "mymaster": s1:26379: no answer within 100 ms; s2:26379: no answer within 100 ms; ' +
        's3:26379: no answer within 100 ms; s4:26379: no answer within 100 ms',
    );
    expectNothingLeft({ links, clock });
  });

  it('is asked at each address of a Sentinel', async () => {
    const { links, clock, search } = setUp(['s1'], {
      locate: (target) => (found) => {
        queueMicrotask(() => found(null, 'host' in target && target.host === 's1' ? TWO : [target]));
        return () => {};
      },
    });
    const TWO = [
      { host: '::1', port: 1 },
      { host: '127.0.0.1', port: 1 },
    ];
    const { found } = await search();
    await refuse(links.last);
    await answer(links.last, MASTER);
    expect(links.opened.map(hostOf)).toEqual(['::1', '127.0.0.1']);
    expect(found).toHaveBeenCalledTimes(1);
    expectNothingLeft({ links, clock });
  });

  it('is where the natMap says', async () => {
    const natMap = vi.fn(() => ({ host: 'outside', port: 7000 }));
    const { links, search } = setUp(['s1'], { natMap });
    const { found } = await search();
    await answer(links.last, MASTER);
    expect(natMap.mock.calls).toEqual([['10.0.0.9', 6379]]);
    expect(found.mock.calls).toEqual([[null, [{ host: 'outside', port: 7000 }]]]);
  });

  it('may be known by a name, which is looked up', async () => {
    const { links, search } = setUp(['s1']);
    const { found } = await search();
    await answer(links.last, ['no.example', '6379']);
    expect(found.mock.calls).toEqual([[new Error('cannot resolve "no.example"'), []]]);
  });

  it('is asked of other Sentinels while the name of one is looked up for long', async () => {
    const { links, clock, search } = setUp(['hung', 's2'], {
      locate: (target) => ('host' in target && target.host === 'hung' ? () => () => {} : findName(target)),
    });
    const { found } = await search();
    await clock.advanceAsync(700);
    await turn();
    await refuse(links.last);
    await clock.advanceAsync(30_000);
    expect(found.mock.calls[0]?.[0]?.message).toMatch('hung:26379: its name is still being looked up');
    expectNothingLeft({ links, clock });
  });
});

describe('a search that is ended', () => {
  it('cuts all links, and finds nothing any more', async () => {
    const { links, clock, search } = setUp(['s1', 's2', 's3']);
    const { found, end } = await search();
    await clock.advanceAsync(700);
    await turn();
    expect(links.alive).toHaveLength(2);
    links.last.up();
    end();
    expectNothingLeft({ links, clock });
    links.last.sent[0]?.answer(MASTER);
    await turn();
    expect(found).not.toHaveBeenCalled();
  });

  it('does not look up the master any more', async () => {
    const { links, search } = setUp(['s1']);
    const { found, end } = await search();
    links.last.up();
    links.last.sent[0]?.answer(MASTER);
    end();
    await turn();
    expect(found).not.toHaveBeenCalled();
  });
});

const hideSecret = (error: Error): Error => new Error(error.message.replace('secret', '***'));

/** The message when the only Sentinel answers so. */
async function failure(reply: unknown, plan: Partial<SentinelPlan> = {}): Promise<string | undefined> {
  const { links, clock, search } = setUp(['s1'], plan);
  const { found } = await search();
  await answer(links.last, reply);
  expectNothingLeft({ links, clock });
  return found.mock.calls[0]?.[0]?.message;
}

describe('when no Sentinel names a master, the error', () => {
  it('says that the group is not known', async () => {
    expect(await failure(null)).toBe(
      'no Sentinel names a master "mymaster": the Sentinel s1:26379 does not know a master named "mymaster"',
    );
  });

  it.each([
    'NOAUTH Authentication required.',
    'WRONGPASS invalid username-password pair or user is disabled.',
    'NOPERM this user has no permissions to run the command',
  ])('quotes the server: %s', async (message) => {
    expect(await failure(new Error(message))).toBe(
      `no Sentinel names a master "mymaster": s1:26379: ${message}`,
    );
  });

  it('says that a server is no Sentinel', async () => {
    expect(await failure(new Error("ERR unknown command 'SENTINEL', with args beginning with: "))).toMatch(
      's1:26379: it is not a Sentinel (ERR unknown command',
    );
  });

  it.each([[['', '1']], [['h', 'x']], [['h', '65536']], ['text'], [[]], [7]])(
    'says that the answer is no address: %j',
    async (reply) => {
      expect(await failure(reply)).toMatch('s1:26379: it answered, but with no address');
    },
  );

  it('shows no credential', async () => {
    expect(await failure(new Error('WRONGPASS secret'), { clean: hideSecret })).toMatch('WRONGPASS ***');
  });

  it('names all, those that answered first, and keeps the code', async () => {
    const { links, search } = setUp(['s1', 'no.example', '::1', 's4']);
    const { found } = await search();
    await refuse(links.last);
    await refuse(links.last);
    await answer(links.last, null);
    expect(found.mock.calls[0]?.[0]?.message).toBe(
      'no Sentinel names a master "mymaster": the Sentinel s4:26379 does not know a master named "mymaster"; ' +
        's1:26379: connect ECONNREFUSED s1:26379; no.example:26379: cannot resolve "no.example"; ' +
        '[::1]:26379: connect ECONNREFUSED ::1:26379',
    );
  });

  it('has the code of a Sentinel that cannot be reached', async () => {
    const { links, search } = setUp(['s1']);
    const { found } = await search();
    await refuse(links.last);
    expect(found.mock.calls[0]?.[0]).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('is of bounded length', async () => {
    const { links, search } = setUp(Array.from({ length: 40 }, (_, index) => `s${index}`));
    const { found } = await search();
    for (let index = 0; index < 40; index++)
      await answer(links.last, new Error(`NOPERM ${'x'.repeat(1000)}`));
    const message = found.mock.calls[0]?.[0]?.message ?? '';
    expect(message).toMatch(/… and 35 more$/);
    expect(message.length).toBeLessThan(1500);
  });

  it('says that none is known', async () => {
    const { clock, search } = setUp([]);
    const { found } = await search();
    clock.advance(0);
    expect(found.mock.calls[0]?.[0]?.message).toBe('no Sentinel names a master "mymaster": none is known');
  });
});
