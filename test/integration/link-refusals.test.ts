import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { linkClients } from '../support/link-clients.ts';
import { type RawServer, startRawServer } from '../support/raw-server.ts';
import { linkUp, loopback, WatchedLink } from '../support/watched-link.ts';

enforceNoLeaks();

const TLS_ALERT = Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x46]);
const NESTED = `${'*1\r\n'.repeat(200_000)}:1\r\n`;

// vitest fails what leaves an exception uncaught.

/** What no client can make sense of, as an answer to a command. */
const UNREADABLE: readonly [what: string, answer: string][] = [
  ['is no RESP', 'hello\r\n'],
  ['is an array of unknown type', '*1\r\n?1\r\n'],
  ['is nested too deep', NESTED],
  ['is an array of impossible length', '*99999999999\r\n:1\r\n'],
  ['is more than was asked for', '+OK\r\n$-1\r\n'],
  ['is more, and a number', '+OK\r\n:1\r\n'],
  ['is followed by an error', '+OK\r\n-ERR what\r\n'],
];

/** To SSUBSCRIBE, as what follows its own answer or instead of it. */
const BAD_SUBSCRIPTIONS: readonly [what: string, answer: string][] = [
  ['names no channel', '*3\r\n$10\r\nssubscribe\r\n$-1\r\n:1\r\n'],
  ['is an array of nothing', '*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n*0\r\n'],
  ['is an array of nil', '*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n*1\r\n$-1\r\n'],
  ['is a nil message', '*3\r\n$10\r\nssubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$8\r\nsmessage\r\n$-1\r\n$-1\r\n'],
  ['is nil', '$-1\r\n'],
  ['is a number', ':1\r\n'],
];

describe.each(linkClients)('a link by $name', (client) => {
  const opened: WatchedLink[] = [];
  const servers: RawServer[] = [];

  const serve = async (says: Parameters<typeof startRawServer>[0]): Promise<RawServer> => {
    const server = await startRawServer(says);
    servers.push(server);
    return server;
  };
  const open = (port: number, options = {}): WatchedLink => {
    const watched = new WatchedLink(client.source(options).open, loopback(port));
    opened.push(watched);
    return watched;
  };
  const up = async (port: number): Promise<WatchedLink> => {
    const watched = await linkUp(client.source().open, port);
    opened.push(watched);
    return watched;
  };
  afterEach(async () => {
    for (const { link } of opened.splice(0)) link.cut();
    for (const server of servers.splice(0)) await server.stop();
  });

  test('is down with what the server says unasked', async () => {
    const { port } = await serve({ greeting: '-ERR max number of clients reached\r\n' });
    const watched = open(port);
    await watched.happened('down');
    expect(watched.cause?.message).toBe('ERR max number of clients reached');
  });

  test('says that the server does not speak the protocol, and what it says', async () => {
    const { port } = await serve({ answer: 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n' });
    const watched = await up(port);
    const unanswered = watched.send('INFO');
    await expect(unanswered).rejects.toThrow();
    await watched.happened('down');
    expect(watched.cause?.message).toBe(
      'the server does not answer in the Redis protocol: "HTTP/1.1 400 Bad Request"',
    );
  });

  test('says so also when AUTH is what the server does not understand', async () => {
    const { port } = await serve({ answer: 'HTTP/1.1 400 Bad Request\r\n\r\n' });
    const watched = open(port, { username: 'ann', password: 'hers' });
    await watched.happened('down');
    expect(watched.cause?.message).toMatch(/^the server does not answer in the Redis protocol: "HTTP/);
  });

  test('says that the server speaks TLS', async () => {
    const { port } = await serve({ answer: TLS_ALERT });
    const watched = await up(port);
    watched.send('INFO').catch(() => {});
    await watched.happened('down');
    expect(watched.cause?.message).toMatch(/^the server speaks TLS: give a rediss:\/\/ URL/);
  });

  test('says that the server does not speak TLS', async () => {
    const { port } = await serve({ answer: '-ERR Protocol error: invalid bulk length\r\n' });
    const watched = open(port, { tls: { rejectUnauthorized: false } });
    await watched.happened('down');
    expect(watched.cause?.message).toBe('the TLS handshake has failed: the port seems to be one without TLS');
    expect(watched.events).toEqual(['connected', 'down']);
  });

  test.each(UNREADABLE)('is down when the answer to a command %s', async (_, answer) => {
    const { port } = await serve({ answer });
    const watched = await up(port);
    let answers = 0;
    watched.link.send(['PING'], () => answers++);
    await watched.happened('down');
    await sleep(10);
    expect(answers).toBe(1);
    expect(watched.events).toEqual(['connected', 'up', 'down']);
    expect(watched.cause?.message).toMatch(/./);
  });

  test.each(BAD_SUBSCRIPTIONS)('survives that the answer to SSUBSCRIBE %s', async (_, answer) => {
    const { port } = await serve({ answer });
    const watched = await up(port);
    let answers = 0;
    watched.link.subscribe('a', () => answers++);
    await sleep(20);
    watched.link.cut();
    await sleep(10);
    expect(answers).toBe(1);
    expect(watched.events.filter((event) => event === 'down').length).toBeLessThan(2);
    expect(watched.messages).toEqual([]);
  });
});
