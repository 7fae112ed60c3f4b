import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { linkClients } from '../support/link-clients.ts';
import { type RawServer, serveRaw } from '../support/raw-server.ts';
import { linkUp, type WatchedLink } from '../support/watched-link.ts';

enforceNoLeaks();

const RUNS = 120;

/** What a server says, and into which pieces the network cuts it. */
interface Speech {
  readonly bytes: Buffer;
  readonly pieces: readonly number[];
  readonly closes: boolean;
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
const array = (items: readonly string[]): string => `*${items.length}\r\n${items.join('')}`;

const reply = fc.oneof(
  fc.integer().map((n) => `:${n}\r\n`),
  fc.constantFrom('+OK\r\n', '$-1\r\n', '*-1\r\n', '*0\r\n', '-ERR no\r\n', '-MOVED 1 127.0.0.1:1\r\n'),
  fc.string().map(bulk),
  fc.array(fc.constantFrom(':1\r\n', '$-1\r\n', '+a\r\n', '-ERR inner\r\n'), { maxLength: 4 }).map(array),
);

/** The words of subscriptions, in place or not. */
const push = fc
  .tuple(
    fc.constantFrom('smessage', 'ssubscribe', 'sunsubscribe', 'message', 'pong'),
    fc.array(fc.constantFrom(bulk('news'), bulk('text'), '$-1\r\n', ':0\r\n', ':1\r\n', '*0\r\n'), {
      maxLength: 3,
    }),
  )
  .map(([kind, rest]) => array([bulk(kind), ...rest]));

const malformed = fc.oneof(
  fc.constantFrom(
    '*99999999999\r\n',
    '*4294967295\r\n',
    '$99999999999\r\n',
    '$-7\r\n',
    '*-7\r\n',
    ':\r\n',
    ':9e99\r\n',
    '$3\r\nabcdef\r\n',
    '\r\n',
    '>1\r\n+a\r\n',
    '%1\r\n+a\r\n:1\r\n',
    '_\r\n',
    '#t\r\n',
    ',inf\r\n',
    '(12345678901234567890\r\n',
    '!3\r\nERR\r\n',
    '~1\r\n:1\r\n',
  ),
  fc.integer({ min: 2, max: 30_000 }).map((depth) => `${'*1\r\n'.repeat(depth)}:1\r\n`),
  fc.string(),
);

const binary = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes));

const speech: fc.Arbitrary<Speech> = fc.record({
  bytes: fc
    .array(
      fc.oneof(
        { weight: 6, arbitrary: reply.map((text) => Buffer.from(text)) },
        { weight: 3, arbitrary: push.map((text) => Buffer.from(text)) },
        { weight: 1, arbitrary: malformed.map((text) => Buffer.from(text)) },
        { weight: 1, arbitrary: binary },
      ),
      { minLength: 1, maxLength: 12 },
    )
    .map((parts) => Buffer.concat(parts)),
  pieces: fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 6 }),
  closes: fc.boolean(),
});

const asks = fc.array(fc.constantFrom('send', 'send', 'subscribe', 'unsubscribe'), {
  minLength: 1,
  maxLength: 8,
});

describe.each(linkClients)('whatever a server says to $name', (client) => {
  let server: RawServer;
  let said: Speech;
  let speaks: Promise<unknown>;
  const uncaught: unknown[] = [];
  const note = (error: unknown): void => void uncaught.push(error);

  beforeAll(async () => {
    process.on('uncaughtExceptionMonitor', note);
    process.on('unhandledRejection', note);
    server = await serveRaw((socket) => {
      const closed = once(socket, 'close');
      const answered = once(socket, 'data').then(() => speak(socket, said));
      // Either may never happen.
      speaks = Promise.race([closed, answered]).catch(() => {});
    });
  });
  afterAll(async () => {
    process.off('uncaughtExceptionMonitor', note);
    process.off('unhandledRejection', note);
    await server.stop();
  });

  test('nothing is uncaught, and nothing is answered twice, out of order or after the end', async () => {
    const { open } = client.source();
    await fc.assert(
      fc.asyncProperty(speech, asks, async (next, wanted) => {
        said = next;
        const watched = await linkUp(open, server.port);
        const answers = ask(watched, wanted);
        await speaks;
        await sleep(2);
        watched.link.cut();
        const told = [...watched.events];
        const answeredBefore = answers.succeeded.length;
        await sleep(2);
        expect(uncaught).toEqual([]);
        expect(watched.events).toEqual(told);
        expect(answers.succeeded.length).toBe(answeredBefore);
        expect(told.slice(0, 2)).toEqual(['connected', 'up']);
        expect(told.filter((event) => event === 'down').length).toBeLessThan(2);
        expect(told.indexOf('down')).toBeOneOf([-1, told.length - 1]);
        expect(Math.max(0, ...answers.counts)).toBeLessThan(2);
        expect(answers.succeeded).toEqual([...answers.succeeded].sort((a, b) => a - b));
        if (told.includes('down')) expect(Math.min(...answers.counts)).toBe(1);
      }),
      { numRuns: RUNS },
    );
  });
});

/** Resolves once all has been handed to the kernel. */
async function speak(socket: Socket, { bytes, pieces, closes }: Speech): Promise<void> {
  let start = 0;
  for (const length of pieces) {
    if (socket.destroyed) return;
    socket.write(bytes.subarray(start, start + length));
    start += length;
    await sleep(0);
  }
  const rest = bytes.subarray(start);
  await new Promise<unknown>((resolve) =>
    closes ? socket.end(rest, () => resolve(true)) : socket.write(rest, resolve),
  );
}

interface Answers {
  /** How often each of what was asked was answered, also by a failure. */
  readonly counts: number[];
  /** The numbers of the commands that the server answered, in the order of the answers. */
  readonly succeeded: number[];
}

function ask({ link }: WatchedLink, wanted: readonly string[]): Answers {
  const answers: Answers = { counts: [], succeeded: [] };
  // Something that is never left without an answer.
  for (const what of ['send', ...wanted]) {
    const number = answers.counts.length;
    if (what === 'unsubscribe') {
      link.unsubscribe('news');
      continue;
    }
    answers.counts.push(0);
    const answered = (error: Error | null): void => {
      answers.counts[number] = (answers.counts[number] ?? 0) + 1;
      if (!error) answers.succeeded.push(number);
    };
    if (what === 'send') link.send(['ECHO', number], answered);
    else link.subscribe('news', answered);
  }
  return answers;
}
