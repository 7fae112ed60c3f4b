import { once } from 'node:events';
import net from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { enforceNoLeaks, LeakWatch } from '../support/leaks.ts';

enforceNoLeaks();

const listener = net.createServer();
let shared: net.Socket;
let port: number;

beforeAll(async () => {
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  port = (listener.address() as net.AddressInfo).port;
  shared = net.connect(port, '127.0.0.1');
});

afterAll(() => {
  shared.destroy();
  listener.close();
});

describe('the leak watch', () => {
  it('names a socket and where it was made', async () => {
    const watch = new LeakWatch();
    const socket = net.connect(port, '127.0.0.1');
    await expect(watch.settled(0)).rejects.toThrow(/socket, made\n.*support-leaks\.test\.ts/);
    socket.destroy();
    await watch.settled();
  });

  it('names a timer and an interval, unref or not', async () => {
    const watch = new LeakWatch();
    const timer = setTimeout(() => {}, 60_000).unref();
    const interval = setInterval(() => {}, 50_000);
    await expect(watch.settled(0)).rejects.toThrow(
      /timer of 60000 ms, made\n[^]*interval of 50000 ms, made\n/,
    );
    clearTimeout(timer);
    clearInterval(interval);
    await watch.settled();
  });

  it('is content with a timer that has run', async () => {
    const watch = new LeakWatch();
    expect(await new Promise((resolve) => setTimeout(resolve, 1, 'argument'))).toBe('argument');
    await promisify(setTimeout)(1);
    expect(watch.left).toEqual([]);
  });

  it('does not count what was there before', async () => {
    await new LeakWatch().settled(0);
    expect(shared.destroyed).toBe(false);
  });
});

describe('a test that is watched', () => {
  const strays: NodeJS.Timeout[] = [];
  afterAll(() => strays.forEach(clearTimeout));

  it.fails('fails when it leaves something behind', () => {
    strays.push(setTimeout(() => {}, 60_000));
  });

  it('may clean up in its last hook', () => {
    const timer = setTimeout(() => {}, 60_000);
    onTestFinished(() => clearTimeout(timer));
  });
});
