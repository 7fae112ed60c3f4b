import { AsyncLocalStorage } from 'node:async_hooks';
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { encode } from '../../src/link/encode.ts';
import type { Command } from '../../src/link/link.ts';
import { RespLink } from '../../src/link/resp-link.ts';

/** The other end is the test. */
class FakeSocket extends EventEmitter {
  readonly writes: string[] = [];
  readonly encodings: string[] = [];
  readonly connecting = false;
  readonly remotePort = 6379;
  writable = true;
  end: 'FIN' | 'RST' | undefined;

  write(text: string, encoding: BufferEncoding): void {
    this.writes.push(Buffer.from(text, encoding).toString());
    this.encodings.push(encoding);
  }

  destroy(): void {
    this.end = 'FIN';
  }

  resetAndDestroy(): void {
    this.end = 'RST';
  }

  says(text: string): void {
    this.emit('data', Buffer.from(text));
  }
}

function start(handshake: readonly Command[] = []) {
  const socket = new FakeSocket();
  const events: string[] = [];
  const link = new RespLink(socket as unknown as Socket, handshake, {
    connected: () => events.push('connected'),
    up: () => events.push('up'),
    down: ({ message }) => events.push(`down: ${message}`),
    message: (channel, text) => events.push(`${channel}: ${text}`),
    moved: () => events.push('moved'),
  });
  link.start('connect');
  socket.emit('connect');
  /** Answers become events, too. */
  const send = (...command: Command): void =>
    link.send(command, (error, reply) => {
      if (error) events.push(`failed: ${error.message}`);
      else events.push(typeof reply === 'string' ? reply : JSON.stringify(reply));
    });
  const subscribe = (channel: string): void =>
    link.subscribe(channel, (error) =>
      events.push(error ? `not ${channel}: ${error.message}` : `+${channel}`),
    );
  return { socket, events, link, send, subscribe };
}

const tick = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));

const array = (...parts: readonly (string | number)[]): string => {
  const items = parts.map((part) =>
    typeof part === 'number' ? `:${part}\r\n` : `$${Buffer.byteLength(part)}\r\n${part}\r\n`,
  );
  return `*${parts.length}\r\n${items.join('')}`;
};

describe('what a link writes', () => {
  it('is the commands of one tick at once, in order', async () => {
    const { socket, send } = start();
    send('GET', 'a');
    queueMicrotask(() => send('GET', 'b'));
    expect(socket.writes).toEqual([]);
    await tick();
    send('GET', 'c');
    await tick();
    expect(socket.writes).toEqual([encode(['GET', 'a']) + encode(['GET', 'b']), encode(['GET', 'c'])]);
  });

  it('is the handshake first', async () => {
    const { socket, events } = start([
      ['AUTH', 'ann', 'hers'],
      ['SELECT', 3],
    ]);
    await tick();
    expect(socket.writes).toEqual([encode(['AUTH', 'ann', 'hers']) + encode(['SELECT', 3])]);
    socket.says('+OK\r\n');
    expect(events).toEqual(['connected']);
    socket.says('+OK\r\n');
    expect(events).toEqual(['connected', 'up']);
  });

  it('is the same text whether or not all of it is ASCII', async () => {
    const { socket, send } = start();
    send('GET', 'plain');
    await tick();
    send('GET', 'grün');
    send('GET', 'plain');
    await tick();
    expect(socket.writes).toEqual([
      encode(['GET', 'plain']),
      encode(['GET', 'grün']) + encode(['GET', 'plain']),
    ]);
    expect(socket.encodings).toEqual(['latin1', 'utf8']);
  });

  it('belongs to no call', async () => {
    const { socket, send } = start();
    const calls = new AsyncLocalStorage<string>();
    const seen: unknown[] = [];
    socket.write = () => void seen.push(calls.getStore());
    calls.run('a call', () => send('GET', 'a'));
    await tick();
    expect(seen).toEqual([undefined]);
  });

  it('has left before a cut in order, and never leaves after another cut', async () => {
    const inOrder = start();
    inOrder.send('GET', 'a');
    inOrder.link.cut('in order');
    expect(inOrder.socket).toMatchObject({ writes: [encode(['GET', 'a'])], end: 'FIN' });
    const reset = start();
    reset.send('GET', 'a');
    reset.link.cut();
    await tick();
    expect(reset.socket).toMatchObject({ writes: [], end: 'RST' });
  });

  it('is nothing once the other end has closed, and the close is the reason', async () => {
    const { socket, events, send } = start();
    send('GET', 'a');
    socket.writable = false;
    await tick();
    socket.emit('close');
    await tick();
    expect(socket.writes).toEqual([]);
    expect(events).toEqual([
      'connected',
      'up',
      'down: the connection was closed',
      'failed: the connection was lost',
    ]);
  });
});

describe('what a link reads', () => {
  it('belongs to the commands in order, with messages between', async () => {
    const { socket, events, send, subscribe } = start();
    subscribe('news');
    send('GET', 'a');
    send('GET', 'b');
    const message = array('smessage', 'news', 'tëxt');
    socket.says(`${array('ssubscribe', 'news', 1)}${message}$1\r\nA\r\n${message}-ERR no\r\n`);
    expect(events.slice(2)).toEqual(['+news', 'news: tëxt', 'A', 'news: tëxt', 'failed: ERR no']);
  });

  it('is no message before a channel is subscribed to', () => {
    const { socket, events, send } = start();
    send('EVAL', 'return ARGV', 0, 'smessage', 'news', 'text');
    socket.says(array('smessage', 'news', 'text'));
    expect(events.slice(2)).toEqual(['["smessage","news","text"]']);
  });

  it('may be the end of a subscription that nobody asked for, while commands are unanswered', () => {
    const { socket, events, link, send, subscribe } = start();
    subscribe('a');
    subscribe('b');
    socket.says(array('ssubscribe', 'a', 1) + array('ssubscribe', 'b', 2));
    send('PING');
    link.unsubscribe('a');
    socket.says(array('sunsubscribe', 'a', 1));
    expect(events.slice(4)).toEqual(['moved']);
    socket.says('+PONG\r\n');
    socket.says(array('sunsubscribe', 'b', 0));
    expect(events.slice(4)).toEqual(['moved', 'PONG', 'moved']);
    socket.says(array('sunsubscribe', 'a', 0));
    send('PING');
    socket.says('+PONG\r\n');
    expect(events.slice(4)).toEqual(['moved', 'PONG', 'moved', 'PONG']);
  });

  it('may be a refusal to end a subscription, which changes nothing', () => {
    const { socket, events, link, send } = start();
    link.unsubscribe('a');
    send('PING');
    socket.says('-NOPERM no\r\n+PONG\r\n');
    expect(events.slice(2)).toEqual(['PONG']);
  });

  it('may be that a channel is elsewhere', () => {
    const { socket, events, subscribe } = start();
    subscribe('a');
    socket.says('-MOVED 1 127.0.0.1:1\r\n');
    expect(events.slice(2)).toEqual(['not a: MOVED 1 127.0.0.1:1', 'moved']);
  });

  it.each([
    [':1\r\n', 'the server has sent what nobody asked for: "1"'],
    ['$-1\r\n', 'the server has sent what nobody asked for: "null"'],
    [array('ssubscribe', 1, 1), 'the server has sent what nobody asked for: "ssubscribe,1,1"'],
  ])('ends it when the answer to SSUBSCRIBE is %j', (wire, why) => {
    const { socket, events, subscribe } = start();
    subscribe('a');
    socket.says(wire);
    expect(events.slice(2)).toEqual([`not a: ${why}`, `down: ${why}`]);
  });

  it.each([
    [':1\r\n', 'the server has sent what nobody asked for: "1"'],
    ['-ERR what\r\n', 'ERR what'],
    [array('ssubscribe', 'a', 1), 'the server has sent what nobody asked for: "ssubscribe,a,1"'],
    ['hello\r\n', 'the server\'s answer cannot be read: a reply begins with "h", which is no type of RESP 2'],
    [
      ':9007199254740993\r\n',
      'the server\'s answer cannot be read: the number "9007199254740993" is too large to be exact',
    ],
  ])('ends it when a subscriber gets %j', (wire, why) => {
    const { socket, events, subscribe } = start();
    subscribe('a');
    socket.says(array('ssubscribe', 'a', 1));
    socket.says(wire);
    expect(events.slice(3)).toEqual([`down: ${why}`]);
    expect(socket.end).toBe('RST');
  });

  it('is no answer any more once it is cut, also within one chunk', async () => {
    const { socket, events, link, send } = start();
    link.send(['PING'], () => link.cut());
    send('GET', 'a');
    socket.says('+PONG\r\n$1\r\nA\r\n');
    socket.says('$1\r\nA\r\n');
    await tick();
    expect(events.slice(2)).toEqual(['failed: the connection was lost']);
  });

  it('goes to no other command when a handler throws', async () => {
    const { socket, events, link, send } = start();
    link.send(['PING'], () => {
      throw new Error('a mistake');
    });
    send('GET', 'a');
    socket.says('+PONG\r\n$1\r\nA\r\n');
    await tick();
    expect(events.slice(2)).toEqual([
      "down: the server's answer cannot be read: a mistake",
      'failed: the connection was lost',
    ]);
  });
});
