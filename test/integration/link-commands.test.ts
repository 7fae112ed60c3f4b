import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { encodeOnce } from '../../src/link/encode.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { linkClients } from '../support/link-clients.ts';
import { serveRaw } from '../support/raw-server.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { type Certificate, createCertificate, startTlsRedis } from '../support/tls.ts';
import { linkUp, WatchedLink } from '../support/watched-link.ts';

enforceNoLeaks();

let server: RedisServer;
let certificate: Certificate;
let tlsServer: RedisServer;

beforeAll(async () => {
  server = await startRedis({ config: { unixsocket: 'redis.sock' } });
  certificate = await createCertificate();
  tlsServer = await startTlsRedis(certificate);
});
afterAll(async () => {
  await server.stop();
  await tlsServer.stop();
  await certificate.remove();
});

describe.each(linkClients)('over a link by $name', (client) => {
  const opened: WatchedLink[] = [];
  const up = async (port = server.port): Promise<WatchedLink> => {
    const watched = await linkUp(client.source().open, port);
    opened.push(watched);
    return watched;
  };
  afterEach(() => {
    for (const { link } of opened.splice(0)) link.cut();
  });

  test('commands are executed in the order given, and answered so', async () => {
    const watched = await up();
    await watched.send('DEL', 'list');
    const answers: unknown[] = [];
    const last = new Promise<void>((resolve) => {
      for (let i = 1; i <= 500; i++)
        watched.link.send(['RPUSH', 'list', i], (_, length) => {
          answers.push(length);
          if (length === 500) resolve();
        });
    });
    await last;
    expect(answers).toEqual(Array.from({ length: 500 }, (_, i) => i + 1));
    expect(await watched.send('LRANGE', 'list', 0, 2)).toEqual(['1', '2', '3']);
  });

  test('answers are strings, numbers, null and arrays of these', async () => {
    const watched = await up();
    const script = "return {1, 'ä', false, {}, {-2, {'b'}}, redis.status_reply('fine'), ''}";
    expect(await watched.send('EVAL', script, 0)).toEqual([1, 'ä', null, [], [-2, ['b']], 'fine', '']);
    expect(await watched.send('SET', 'text', 'ünï')).toBe('OK');
    expect(await watched.send('GET', 'text')).toBe('ünï');
    expect(await watched.send('GET', 'none')).toBe(null);
    expect(await watched.send('STRLEN', 'text')).toBe(5);
    expect(await watched.send('hgetall', 'none')).toEqual([]);
    expect(await watched.send('TIME')).toEqual([expect.any(String), expect.any(String)]);
  });

  test('errors begin with the code of the server, and are elements of arrays', async () => {
    const watched = await up();
    await expect(watched.send('EVALSHA', 'f'.repeat(40), 0)).rejects.toThrow(/^NOSCRIPT /);
    await expect(watched.send('LRANGE', 'text', 0, 1)).rejects.toThrow(/^WRONGTYPE /);
    const script = "return {1, redis.error_reply('OOPS it is'), {redis.error_reply('ERR inner')}, 2}";
    const reply = (await watched.send('EVAL', script, 0)) as [1, Error, [Error], 2];
    expect(reply[1]).toBeInstanceOf(Error);
    expect(reply[1].message).toBe('OOPS it is');
    expect(reply[2][0].message).toBe('ERR inner');
    expect(reply[3]).toBe(2);
  });

  test('a command may have hundreds of arguments, of any text', async () => {
    const watched = await up();
    const values = Array.from({ length: 700 }, (_, i) => (i % 2 ? i : 'ü\r\n$'.repeat(i % 30)));
    expect(await watched.send('EVAL', 'return ARGV', 2, 'a', 'b', ...values)).toEqual(values.map(String));
  });

  test('a command may end in arguments that others end in, too', async () => {
    const watched = await up();
    const rest = encodeOnce(['ä', 7, '']);
    const ask = (...keys: string[]): Promise<unknown> =>
      new Promise((resolve, reject) => {
        const command = ['EVAL', 'return {KEYS, ARGV}', keys.length, ...keys];
        watched.link.send(command, (error, reply) => (error ? reject(error) : resolve(reply)), rest);
      });
    const asked = [ask('a'), watched.send('PING', 'between'), ask('b', 'ü')];
    expect(await Promise.all(asked)).toEqual([
      [['a'], ['ä', '7', '']],
      'between',
      [
        ['b', 'ü'],
        ['ä', '7', ''],
      ],
    ]);
  });

  test('messages arrive from when the subscription is answered, until it is given up', async () => {
    const watched = await up();
    await watched.subscribe('news');
    await server.cli('SPUBLISH', 'news', 'first');
    await watched.happened('message');
    watched.link.unsubscribe('news');
    await expect.poll(() => server.cli('PUBSUB', 'SHARDNUMSUB', 'news')).toEqual(['news', 0]);
    await server.cli('SPUBLISH', 'news', 'lost');
    await watched.subscribe('news');
    await server.cli('SPUBLISH', 'news', 'second');
    await expect
      .poll(() => watched.messages)
      .toEqual([
        ['news', 'first'],
        ['news', 'second'],
      ]);
    watched.link.unsubscribe('news');
    await watched.subscribe('news');
    await server.cli('SPUBLISH', 'news', 'third');
    await expect.poll(() => watched.messages.length).toBe(3);
    expect(watched.events.filter((event) => event !== 'message')).toEqual(['connected', 'up']);
  });

  test('to subscribe once more asks the server again, and messages still arrive once', async () => {
    const watched = await up();
    await watched.subscribe('news');
    const count = async (): Promise<number> =>
      Number(/calls=(\d+)/.exec((await server.info('cmdstat_ssubscribe')) ?? '')?.[1]);
    const before = await count();
    await watched.subscribe('news');
    await Promise.all([watched.subscribe('news'), watched.subscribe('news')]);
    expect(await count()).toBe(before + 3);
    await server.cli('SPUBLISH', 'news', 'text');
    await watched.happened('message');
    await sleep(20);
    expect(watched.messages).toEqual([['news', 'text']]);
  });

  test('a refused subscription fails with the words of the server', async () => {
    const noMore = '-NOPERM no permissions to access a channel\r\n';
    const raw = await serveRaw((socket) => socket.on('data', () => socket.write(noMore)));
    const watched = await up(raw.port);
    await expect(watched.subscribe('news')).rejects.toThrow(/^NOPERM /);
    await expect(watched.subscribe('news')).rejects.toThrow(/^NOPERM /);
    expect(watched.events).toEqual(['connected', 'up']);
    watched.link.cut();
    await raw.stop();
  });

  test('a subscription that is at another server is told', async () => {
    const raw = await serveRaw((socket) => socket.on('data', () => socket.write('-MOVED 7 127.0.0.1:7\r\n')));
    const watched = await up(raw.port);
    await expect(watched.subscribe('news')).rejects.toThrow(/^MOVED/);
    await watched.happened('moved');
    await sleep(10);
    expect(watched.events).toEqual(['connected', 'up', 'moved']);
    watched.link.cut();
    await raw.stop();
  });

  test('a subscription that the server ends is told', async () => {
    const raw = await serveRaw((socket) =>
      socket.once('data', () => {
        socket.write(status('ssubscribe', 1));
        setTimeout(() => socket.write(status('sunsubscribe', 0)), 20);
      }),
    );
    const watched = await up(raw.port);
    await watched.subscribe('news');
    await watched.happened('moved');
    await sleep(10);
    expect(watched.events).toEqual(['connected', 'up', 'moved']);
    watched.link.cut();
    await raw.stop();
  });

  test('nothing is delivered any more once it is cut: by RST', async () => {
    const raw = await serveRaw(() => {});
    const watched = await up(raw.port);
    let isAnswered = false;
    watched.link.send(['GET', 'a'], (error) => {
      isAnswered = !error;
    });
    await expect.poll(() => raw.received.length).toBeGreaterThan(0);
    watched.link.cut();
    await expect.poll(() => raw.ends).toEqual(['RST']);
    expect(isAnswered).toBe(false);
    expect(watched.events).toEqual(['connected', 'up']);
    await raw.stop();
  });

  test('what was written is delivered although it is cut, in order: by FIN', async () => {
    const raw = await serveRaw(() => {});
    const watched = await up(raw.port);
    watched.link.send(['GET', 'a'], () => {});
    await expect.poll(() => raw.received.length).toBeGreaterThan(0);
    watched.link.cut('in order');
    await expect.poll(() => raw.ends).toEqual(['FIN']);
    expect(watched.events).toEqual(['connected', 'up']);
    await raw.stop();
  });

  test('the server may speak TLS', async () => {
    const { ca } = certificate;
    const watched = await linkUp(client.source({ tls: { ca } }).open, tlsServer.port);
    opened.push(watched);
    expect(watched.events).toEqual(['connected', 'up']);
    expect(await watched.send('PING', 'a')).toBe('a');
    watched.link.cut();
    await expect(watched.send('PING')).rejects.toThrow(/^the connection/);
  });

  test('the certificate is to be valid for the name that the address was found by', async () => {
    const { open } = client.source({ tls: { ca: certificate.ca } });
    const at = (servername: string) =>
      new WatchedLink(open, { host: '127.0.0.1', port: tlsServer.port, servername });
    const right = at('localhost');
    await right.happened('up');
    right.link.cut();
    const wrong = at('elsewhere.example');
    await wrong.happened('down');
    expect(wrong.cause?.message).toMatch(/elsewhere\.example/);
    expect(wrong.events).toEqual(['connected', 'down']);
  });

  test('the server may be at a unix socket', async () => {
    const watched = new WatchedLink(client.source().open, { path: `${server.dir}/redis.sock` });
    opened.push(watched);
    await watched.happened('up');
    expect(await watched.send('PING', 'a')).toBe('a');
    expect(watched.events).toEqual(['connected', 'up']);
  });
});

/** An answer to a subscription, or to its end. */
function status(kind: string, count: number): string {
  return `*3\r\n$${kind.length}\r\n${kind}\r\n$4\r\nnews\r\n:${count}\r\n`;
}
