import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { quote } from '../quote.ts';

/**
 * Ends a connection so that nothing that was written to it is delivered any more: by RST, because after a FIN
 * the kernel still delivers what it holds. Over TLS and on unix sockets only a plain end is possible.
 */
export function cut(socket: Socket): void {
  if (socket instanceof TLSSocket || socket.connecting || socket.remotePort === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

export interface Reader {
  /** Whether the server has reason to say anything: a command is unanswered, or a channel subscribed to. */
  expects(): boolean;
  /** What was read ends the connection. */
  fail(cause: Error): void;
}

/** What replies of RESP 2 begin with. */
const RESP = new Set(Buffer.from('+-:$*'));
const ERROR = '-'.charCodeAt(0);
/** What a server that speaks TLS begins its complaint with when it is spoken to in plain text. */
const TLS_ALERT = 0x15;

/**
 * Stands between a socket and the client that reads from it. What the client could not make sense of does not reach it, and
 * what it throws while it reads ends the connection, and not the process.
 */
export function guard(socket: Socket, reader: Reader): void {
  const emit = socket.emit.bind(socket);
  let isFirst = true;
  // The client adds its listeners when it likes, at times before those that are there: this is where all of them are called.
  socket.emit = (event: string | symbol, ...args: unknown[]): boolean => {
    if (event !== 'data') return emit(event as string, ...args);
    const chunk = args[0] as Buffer;
    const refusal = refusalOf(chunk, isFirst, reader.expects());
    isFirst = false;
    if (refusal) {
      reader.fail(refusal);
      return true;
    }
    try {
      emit('data', chunk);
    } catch (error) {
      reader.fail(unreadable(error));
    }
    return true;
  };
}

/** Why nobody should read this chunk, which is perhaps the first one; `isExpected` if the server has reason to say anything. */
export function refusalOf(chunk: Buffer, isFirst: boolean, isExpected: boolean): Error | undefined {
  const [type] = chunk;
  if (isFirst && type === TLS_ALERT)
    return new Error('the server speaks TLS: give a rediss:// URL, or the option tls');
  if (isFirst && !RESP.has(type as number))
    return new Error(`the server does not answer in the Redis protocol: ${beginning(chunk)}`);
  if (isExpected) return undefined;
  // Such as "ERR max number of clients reached".
  return type === ERROR ? new Error(lineOf(chunk)) : unaskedFor(beginning(chunk));
}

/** For a reply that belongs to no command. */
export function unasked(reply: unknown): Error {
  return unaskedFor(quote(String(reply).slice(0, ENOUGH)));
}

function unaskedFor(what: string): Error {
  return new Error(`the server has sent what nobody asked for: ${what}`);
}

export function unreadable(error: unknown): Error {
  return new Error(`the server's answer cannot be read: ${messageOf(error)}`, { cause: error });
}

function lineOf(chunk: Buffer): string {
  return chunk.toString('utf8', 1, chunk.length).split(/\r?\n/, 1)[0] as string;
}

/** Enough of what a server says to know what it is. */
const ENOUGH = 64;

function beginning(chunk: Buffer): string {
  return quote(chunk.toString('latin1', 0, ENOUGH).split(/\r?\n/, 1)[0] as string);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The error of a socket, in words that say what to do about it where its own do not. */
export function explain(error: Error): Error {
  const text = `${(error as NodeJS.ErrnoException).code} ${error.message}`;
  if (!/wrong.version.number|packet.length.too.long/i.test(text)) return error;
  return new Error('the TLS handshake has failed: the port seems to be one without TLS', { cause: error });
}
