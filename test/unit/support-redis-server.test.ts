import { existsSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { expectNoKeys } from '../support/expect-no-keys.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisOptions, type RedisServer, startRedis, startRedises } from '../support/redis-server.ts';
import { createCertificate, startTlsRedis } from '../support/tls.ts';

enforceNoLeaks();

async function redis(options?: RedisOptions): Promise<RedisServer> {
  const server = await startRedis(options);
  onTestFinished(() => server.stop());
  return server;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('a redis server', () => {
  it('answers commands of every type of reply', async () => {
    const server = await redis();
    expect(await server.cli('SET', 'ключ', 'wört\r\n')).toBe('OK');
    expect(await server.cli('GET', 'ключ')).toBe('wört\r\n');
    expect(await server.cli('GET', 'missing')).toBeNull();
    expect(await server.cli('EVAL', "return {1, {'a', false}}", 0)).toEqual([1, ['a', null]]);
    await expect(server.cli('INCR', 'ключ')).rejects.toThrow('ERR value is not an integer');
    expect(await server.info('tcp_port')).toBe(String(server.port));
    expect(await server.info('no_such_field')).toBeUndefined();
  });

  it('hangs while it is paused, and answers afterwards', async () => {
    const server = await redis();
    server.pause();
    expect(server.reachable).toBe(false);
    let answered = false;
    const ping = server.cli('PING').finally(() => {
      answered = true;
    });
    await (await redis()).cli('PING');
    expect(answered).toBe(false);
    server.resume();
    expect(await ping).toBe('PONG');
  });

  it('refuses connections when killed, and comes back on its port with its configuration and no memory', async () => {
    const server = await redis({ config: { requirepass: 'p@ss', maxmemory: '32mb' } });
    const { port, url } = server;
    const runId = await server.info('run_id');
    await server.cli('SET', 'k', 'v');
    await server.kill();
    await expect(server.cli('PING')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await server.restart();
    expect(server).toMatchObject({ port, url, reachable: true });
    expect(url).toBe(`redis://:p%40ss@127.0.0.1:${port}`);
    expect(await server.cli('DBSIZE')).toBe(0);
    expect(await server.info('maxmemory')).toBe(String(32 * 2 ** 20));
    expect(await server.info('run_id')).not.toBe(runId);
  });

  it('stops while paused, and leaves neither process nor directory', async () => {
    const server = await startRedis();
    const { pid, dir } = server;
    server.pause();
    await server.stop();
    await server.stop();
    expect(isAlive(pid)).toBe(false);
    expect(existsSync(dir)).toBe(false);
  });

  it('says why it cannot start', async () => {
    const { port } = await redis();
    await expect(startRedis({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('speaks TLS with a certificate of its own', async () => {
    const certificate = await createCertificate();
    onTestFinished(() => certificate.remove());
    const server = await startTlsRedis(certificate, { config: { requirepass: 'secret' } });
    onTestFinished(() => server.stop());
    expect(server.url).toBe(`rediss://:secret@127.0.0.1:${server.port}`);
    expect(await server.cli('PING')).toBe('PONG');
  });
});

describe('several redis servers', () => {
  it('are independent, and are asked for keys as long as they can be reached', async () => {
    const servers = await startRedises(3);
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.stop()));
    });
    const [a, b, c] = servers as [RedisServer, RedisServer, RedisServer];
    await expectNoKeys(servers);
    await a.cli('SET', 'left', 'v');
    await b.cli('SET', 'hidden', 'v');
    b.pause();
    await c.kill();
    await expect(expectNoKeys(servers, 0)).rejects.toThrow(`keys left behind:\n${a.port}: left`);
    await a.cli('PEXPIRE', 'left', 5);
    await expectNoKeys(servers);
  });
});
