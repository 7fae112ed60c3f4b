import { beforeEach, describe, expect, it } from 'vitest';
import type { Address, OpenLink } from '../../src/link/link.ts';
import type { Locate } from '../../src/node/redis/locate.ts';
import { ServerConnection } from '../../src/node/redis/server-connection.ts';
import { FakeLinks } from '../support/fake-link.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
import { seededRandom } from '../support/seeded-random.ts';

const A: Address = { host: '10.0.0.1', port: 6379 };
const B: Address = { host: '10.0.0.2', port: 6379 };
const SILENT =
  'no answer within 3000 ms after the connection was made; is TLS used at both ends, or at neither?';
/** The longest pause before the next try to connect, in ms. */
const PAUSE = 250;

let clock: ManualClock;
let links: FakeLinks;
/** What it was found at; an Error if it could not be found; undefined while it is being looked for. */
let found: readonly Address[] | Error | undefined;
let searches: { found: Parameters<Locate>[0]; isOver: boolean }[];
let heard: string[];
let answers: unknown[];
let server: ServerConnection;

const locate: Locate = (callback) => {
  const search = { found: callback, isOver: false };
  searches.push(search);
  const now = found;
  if (now) queueMicrotask(() => tell(search, now));
  return () => {
    search.isOver = true;
  };
};

function tell(search: (typeof searches)[number], where: readonly Address[] | Error): void {
  if (search.isOver) return;
  if (where instanceof Error) search.found(where, []);
  else search.found(null, where);
}

beforeEach(() => {
  clock = new ManualClock(1_000);
  links = new FakeLinks();
  found = [A];
  searches = [];
  heard = [];
  answers = [];
  server = connectionOver(links.open);
});

function clean(error: Error): Error {
  return new Error(error.message.replace('secret', '***'));
}

function connectionOver(openLink: OpenLink, patience = 1_000): ServerConnection {
  const random = seededRandom(1);
  return new ServerConnection(
    { name: 'a:6379', locate, openLink, clean, clock, random, connectTimeout: 3_000, patience },
    true,
  );
}

async function open(): Promise<void> {
  server.open({
    up: () => heard.push('up'),
    parted: () => heard.push('parted'),
    down: ({ message }) => heard.push(message),
  });
  await turn();
}

function send(...command: string[]): void {
  const { session } = server;
  if (session instanceof Error) answers.push(session.message);
  else session.send(command, (error, reply) => answers.push(error?.message ?? reply));
}

/** Up, and answered once. */
async function established(): Promise<void> {
  await open();
  links.last.up();
  send('INFO');
  links.last.sent[0]?.answer('info');
  answers.length = 0;
}

describe('connecting', () => {
  it('goes to the address that the server is found at', async () => {
    await open();
    expect(links.last.address).toEqual(A);
    links.last.up();
    expect(heard).toEqual(['up']);
    expect(server.isUp).toBe(true);
  });

  it('tries one address after the other', async () => {
    found = [A, B];
    await open();
    links.last.refuse();
    expect(links.last.address).toEqual(B);
    expect(links.alive).toHaveLength(1);
    links.last.up();
    expect(heard).toEqual(['up']);
  });

  it('fails with the reason of the address that answered', async () => {
    found = [A, B];
    await open();
    links.last.connected();
    links.last.down(new Error('WRONGPASS secret'));
    links.last.refuse();
    expect(heard).toEqual(['WRONGPASS ***']);
  });

  it('gives up on a SYN after 1 s, or 700 ms if connectTimeout is shorter than 2.1 s', async () => {
    found = [A, B];
    await open();
    clock.advance(999);
    expect(links.opened).toHaveLength(1);
    clock.advance(1);
    expect(links.last.address).toEqual(B);
    clock.advance(1_000);
    expect(heard).toEqual(['no connection within 1000 ms']);
    expect(links.alive).toEqual([]);
  });

  it('lasts until connectTimeout once the peer has answered the SYN', async () => {
    await open();
    links.last.connected();
    clock.advance(2_999);
    expect(heard).toEqual([]);
    clock.advance(1);
    expect(heard).toEqual([SILENT]);
  });

  it('is limited until the first answer', async () => {
    server = connectionOver(links.open, 60_000);
    server.open({
      up: () => send('INFO'),
      parted: () => heard.push('parted'),
      down: ({ message }) => heard.push(message),
    });
    await turn();
    links.last.connected();
    clock.advance(2_900);
    links.last.up();
    clock.advance(100);
    expect(heard).toEqual(['parted', SILENT]);
  });

  it('is not limited once it is up when nothing is asked of the server', async () => {
    await open();
    links.last.up();
    clock.advance(10_000);
    expect(heard).toEqual(['up']);
  });

  it('passes over an address that cannot be one', async () => {
    const { open: openLink } = links;
    Reflect.set(links, 'open', (...args: Parameters<typeof openLink>) => {
      if (args[0] === B) throw new RangeError('Port should be >= 0 and < 65536');
      return openLink(...args);
    });
    server = connectionOver(links.open);
    found = [B, A];
    await open();
    links.last.up();
    expect(heard).toEqual(['up']);
  });

  it('is tried again after a pause of 50 to 250 ms, for as long as it takes', async () => {
    await open();
    for (let i = 1; i <= 5; i++) {
      links.last.refuse();
      expect(heard).toHaveLength(i);
      expect(clock.untilNext).toBeGreaterThanOrEqual(50);
      expect(clock.untilNext).toBeLessThanOrEqual(PAUSE);
      clock.advance(PAUSE);
      await turn();
      expect(links.opened).toHaveLength(i + 1);
    }
  });

  it('finds out each time where the server is', async () => {
    await established();
    found = [B];
    links.last.down();
    await turn();
    expect(links.last.address).toEqual(B);
  });

  it('fails when the server cannot be found', async () => {
    found = new Error('cannot resolve "a": secret');
    await open();
    expect(heard).toEqual(['cannot resolve "a": ***']);
    found = [A];
    clock.advance(PAUSE);
    await turn();
    links.last.up();
    expect(heard.at(-1)).toBe('up');
  });

  it('says what it waits for', async () => {
    found = undefined;
    await open();
    expect(server.stage).toContain('name');
    tell(searches[0] as (typeof searches)[number], [A]);
    expect(server.stage).toBe('');
    links.last.connected();
    expect(server.stage).toContain('TLS');
  });
});

describe('a socket that is lost while it is idle', () => {
  it('is made again at once', async () => {
    await established();
    links.last.down(new Error('the connection was closed'));
    await turn();
    expect(heard).toEqual(['up', 'parted']);
    expect(links.opened).toHaveLength(2);
    links.last.up();
    expect(heard).toEqual(['up', 'parted', 'up']);
  });

  it('costs commands no more than the time until the next is there', async () => {
    await established();
    links.last.down();
    send('a');
    await turn();
    send('b');
    expect(answers).toEqual([]);
    links.last.up();
    expect(links.last.commands).toEqual(['a', 'b']);
    links.last.sent[0]?.answer('1');
    expect(answers).toEqual(['1']);
  });

  it('fails the commands that wait for the next if that cannot be made', async () => {
    await established();
    links.last.down();
    send('a');
    await turn();
    links.last.refuse();
    expect(answers).toEqual(['connect ECONNREFUSED 10.0.0.1:6379']);
    expect(heard).toEqual(['up', 'parted', 'connect ECONNREFUSED 10.0.0.1:6379']);
    expect(links.opened).toHaveLength(2);
  });

  it('is made again at once only every 250 ms, for a server that closes every connection', async () => {
    await established();
    links.last.down();
    await turn();
    links.last.up();
    send('INFO');
    links.last.sent[0]?.answer('info');
    clock.advance(249);
    links.last.down(new Error('closed'));
    await turn();
    expect(links.opened).toHaveLength(2);
    expect(heard).toEqual(['up', 'parted', 'up', 'parted', 'closed']);
  });
});

describe('a socket that is lost with commands on it', () => {
  it('fails them first, and is made again after a pause', async () => {
    await established();
    send('a');
    links.last.down(new Error('read ECONNRESET'));
    expect(answers).toEqual(['read ECONNRESET']);
    expect(heard).toEqual(['up', 'parted', 'read ECONNRESET']);
    expect(links.opened).toHaveLength(1);
    send('b');
    expect(answers.at(-1)).toBe('read ECONNRESET');
  });

  it('is cut when the server is silent', async () => {
    await established();
    send('a');
    clock.advance(1_100);
    expect(answers).toEqual(['no answer for 1000 ms']);
    expect(heard.at(-1)).toBe('no answer for 1000 ms');
    expect(links.alive).toEqual([]);
  });

  it('is lost for the first reason that a server gave which has told nothing else', async () => {
    await open();
    links.last.up();
    send('INFO');
    links.last.sent[0]?.answer(new Error('ERR max number of clients reached'));
    links.last.down(new Error('the connection was closed'));
    expect(heard.at(-1)).toBe('ERR max number of clients reached');
  });

  it('is said to have ended without a word if it did', async () => {
    await open();
    links.last.up();
    send('INFO');
    links.last.down(new Error('the connection was closed'));
    expect(heard.at(-1)).toMatch(
      /closed, before the server had answered anything \(a port for TLS does this\)/,
    );
  });
});

describe('a reset', () => {
  it('cuts the socket and makes another, for which commands wait', async () => {
    await established();
    found = [B];
    server.reset(new Error('READONLY'));
    send('a');
    await turn();
    expect(links.opened[0]?.isCut).toBe(true);
    expect(links.last.address).toEqual(B);
    links.last.up();
    expect(links.last.commands).toEqual(['a']);
    expect(heard).toEqual(['up', 'parted', 'up']);
  });
});

describe('the end', () => {
  it('is in order, so that releases that are on their way arrive', async () => {
    await open();
    links.last.up();
    server.close();
    expect(links.last).toMatchObject({ isCut: true, howCut: 'in order' });
  });

  it.each(['connecting', 'up', 'between two tries', 'being looked for'])(
    'leaves nothing: %s',
    async (when) => {
      if (when === 'being looked for') found = undefined;
      await open();
      if (when === 'up') links.last.up();
      if (when === 'up') send('a');
      if (when === 'between two tries') links.last.refuse();
      heard.length = 0;
      server.close();
      expect(clock.pending).toBe(0);
      expect(links.alive).toEqual([]);
      expect(searches.every(({ isOver }) => isOver || found !== undefined)).toBe(true);
      expect(heard).toEqual([]);
      clock.advance(60_000);
      await turn();
      expect(links.opened.length).toBeLessThanOrEqual(1);
    },
  );
});
