import net, { type Socket } from 'node:net';
import tls from 'node:tls';

export interface RespTarget {
  port: number;
  password?: string | undefined;
  /** PEM of the authority to trust; connects by TLS. */
  ca?: string | undefined;
}

export type RespReply = string | number | null | Error | RespReply[];

/**
 * Runs one command over a connection of its own, which is closed when the promise settles. Deliberately not
 * ioredis: the tests look at servers with other eyes than the library does.
 */
export function callRedis(target: RespTarget, command: readonly (string | number)[]): Promise<RespReply> {
  const commands = target.password === undefined ? [command] : [['AUTH', target.password], command];
  const at = { port: target.port, host: '127.0.0.1' };
  const socket = target.ca === undefined ? net.connect(at) : tls.connect({ ...at, ca: target.ca });
  // Tests ask thousands of times per second: a connection that is reset is forgotten by the kernel at once, one
  // that is closed as usual only after minutes, and its tables fill up.
  const close = (): Socket => (socket instanceof tls.TLSSocket ? socket.destroy() : socket.resetAndDestroy());
  let received = Buffer.alloc(0);
  let replies: RespReply[] = [];
  let failure = new Error(`port ${target.port} closed the connection without an answer`);

  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    replies = parseReplies(received);
    if (replies.length === commands.length) close();
  });
  socket.on('error', (error) => {
    failure = error;
  });
  socket.write(commands.map(encode).join(''));
  return new Promise((resolve, reject) => {
    socket.on('close', () => {
      const refusal = replies.find((reply) => reply instanceof Error);
      const answer = replies[commands.length - 1];
      if (refusal) reject(refusal);
      else if (answer === undefined) reject(failure);
      else resolve(answer);
    });
  });
}

function encode(command: readonly (string | number)[]): string {
  const parts = command.map((part) => `$${Buffer.byteLength(String(part))}\r\n${part}\r\n`);
  return `*${parts.length}\r\n${parts.join('')}`;
}

/** The complete RESP2 replies at the beginning of `data`. */
function parseReplies(data: Buffer): RespReply[] {
  const replies: RespReply[] = [];
  for (let parsed = parse(data, 0); parsed; parsed = parse(data, parsed.end)) replies.push(parsed.reply);
  return replies;
}

interface Parsed {
  reply: RespReply;
  end: number;
}

/** The reply that starts at `start`; undefined when there is no complete one. */
function parse(data: Buffer, start: number): Parsed | undefined {
  const lineEnd = data.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const type = data.toString('latin1', start, start + 1);
  const text = data.toString('utf8', start + 1, lineEnd);
  const end = lineEnd + 2;
  if (type === '+') return { reply: text, end };
  if (type === '-') return { reply: new Error(text), end };
  if (type === ':') return { reply: Number(text), end };
  const length = Number(text);
  if (length < 0) return { reply: null, end };
  if (type === '*') return parseArray(data, end, length);
  if (type !== '$') throw new Error(`not RESP2: ${type}${text}`);
  if (data.length < end + length + 2) return undefined;
  return { reply: data.toString('utf8', end, end + length), end: end + length + 2 };
}

function parseArray(data: Buffer, start: number, length: number): Parsed | undefined {
  const reply: RespReply[] = [];
  let end = start;
  for (let i = 0; i < length; i++) {
    const item = parse(data, end);
    if (!item) return undefined;
    reply.push(item.reply);
    end = item.end;
  }
  return { reply, end };
}
