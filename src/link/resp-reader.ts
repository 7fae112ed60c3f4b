import { constants } from 'node:buffer';
import { quote } from '../quote.ts';

/** An `Error` has the server's line as its message. */
export type Reply = string | number | null | Error | Reply[];

/** An array of which elements are still to come. */
interface OpenArray {
  readonly items: Reply[];
  readonly length: number;
  readonly outer: OpenArray | undefined;
}

const code = (character: string): number => character.charCodeAt(0);
const CR = code('\r');
const LF = code('\n');
const ZERO = code('0');
const MINUS = code('-');
const PLUS = code('+');

const TEXT = code('+');
const ERROR = code('-');
const INTEGER = code(':');
const BULK = code('$');
const ARRAY = code('*');

/** No reply has more elements. */
const LONGEST_ARRAY = 2 ** 31 - 1;
/** How deep arrays may be nested. Replies to CLUSTER SLOTS have four levels, all others fewer. */
const DEEPEST = 64;

/**
 * Reads RESP 2 from chunks that may be cut anywhere. The time it takes is linear: a line or a bulk string that arrives in pieces is put
 * together once, and the elements of an array are kept as they come.
 *
 * @see https://redis.io/docs/latest/develop/reference/protocol-spec/
 */
export class RespReader {
  readonly #take: (reply: Reply) => void;
  /** Where the next byte to be read is, in the bytes that are being read. */
  #at = 0;
  /** What has arrived of a line or bulk string that is incomplete. */
  #pieces: Buffer[] = [];
  /** How many bytes an incomplete bulk string lacks, with its CRLF; 0 if there is none. */
  #missing = 0;
  /** The innermost array that is incomplete. */
  #open: OpenArray | undefined;
  #depth = 0;

  /** `take` is called with each reply, in order, while {@link read} runs. */
  constructor(take: (reply: Reply) => void) {
    this.#take = take;
  }

  /** @throws {Error} when this is not RESP 2; nothing can be read afterwards */
  read(chunk: Buffer): void {
    this.#at = 0;
    if (this.#pieces.length > 0 && this.#missing === 0) this.#completeLine(chunk);
    if (this.#missing > 0) this.#completeBulk(chunk);
    this.#readAll(chunk);
  }

  #completeLine(chunk: Buffer): void {
    const end = chunk.indexOf(LF) + 1;
    this.#pieces.push(end > 0 ? chunk.subarray(0, end) : chunk);
    if (end > 0) this.#readAll(this.#joined());
    // It was in the line meanwhile.
    this.#at = end || chunk.length;
  }

  #completeBulk(chunk: Buffer): void {
    const piece = chunk.subarray(this.#at, this.#at + this.#missing);
    this.#pieces.push(piece);
    this.#missing -= piece.length;
    if (this.#missing === 0) {
      const bulk = this.#joined();
      this.#add(bulkText(bulk, 0, bulk.length - 2));
    }
    this.#at += piece.length;
  }

  #joined(): Buffer {
    const all = Buffer.concat(this.#pieces);
    this.#pieces = [];
    return all;
  }

  #readAll(data: Buffer): void {
    while (this.#at < data.length) {
      const start = this.#at;
      if (!this.#readLine(data)) {
        this.#pieces.push(data.subarray(start));
        this.#at = data.length;
      }
    }
  }

  /** Reads a line and, after that of a bulk string, the string as far as it is there. False if the line is incomplete. */
  #readLine(data: Buffer): boolean {
    const type = data[this.#at++] as number;
    switch (type) {
      case INTEGER:
      case BULK:
      case ARRAY: {
        const value = this.#readInteger(data);
        if (value === undefined) return false;
        if (type === INTEGER) this.#add(value);
        else if (value === -1) this.#add(null);
        else if (type === BULK) this.#readBulk(data, value);
        else this.#openArray(value);
        return true;
      }
      case TEXT:
      case ERROR: {
        const text = this.#readText(data);
        if (text === undefined) return false;
        this.#add(type === TEXT ? text : new Error(text));
        return true;
      }
      default:
        throw new Error(
          `a reply begins with ${quote(String.fromCharCode(type))}, which is no type of RESP 2`,
        );
    }
  }

  /** Up to the end of the line; undefined if that is not there. */
  #readInteger(data: Buffer): number | undefined {
    const start = this.#at;
    let at = start;
    const sign = data[at];
    if (sign === MINUS || sign === PLUS) at++;
    const first = at;
    let value = 0;
    for (; ; at++) {
      const digit = (data[at] as number) - ZERO;
      // Also at the end of the data, where it is not a number.
      if (!(digit >= 0 && digit <= 9)) break;
      value = value * 10 + digit;
    }
    if (!this.#endLine(data, at)) return undefined;
    if (at === first) throw new Error(`a number is ${textOf(data, start, at)}`);
    if (value > Number.MAX_SAFE_INTEGER)
      throw new Error(`the number ${textOf(data, start, at)} is too large to be exact`);
    // Not -0.
    return sign === MINUS && value > 0 ? -value : value;
  }

  #readText(data: Buffer): string | undefined {
    const start = this.#at;
    let at = start;
    while (at < data.length && data[at] !== CR && data[at] !== LF) at++;
    return this.#endLine(data, at) ? data.toString('utf8', start, at) : undefined;
  }

  /** Whether the end of the line is there; it has to be, at this place. */
  #endLine(data: Buffer, at: number): boolean {
    if (at >= data.length) return false;
    const isEnd = data[at] === CR;
    if (isEnd && at + 1 === data.length) return false;
    if (!isEnd || data[at + 1] !== LF)
      throw new Error(`a line goes on, or does not end in CRLF: ${textOf(data, this.#at - 1, at + 2)}`);
    this.#at = at + 2;
    return true;
  }

  #readBulk(data: Buffer, length: number): void {
    if (length < 0 || length > constants.MAX_STRING_LENGTH)
      throw new Error(`the length of a string is ${length}`);
    const start = this.#at;
    const end = start + length;
    if (end + 2 <= data.length) {
      this.#at = end + 2;
      this.#add(bulkText(data, start, end));
    } else {
      this.#pieces.push(data.subarray(start));
      this.#missing = end + 2 - data.length;
      this.#at = data.length;
    }
  }

  #openArray(length: number): void {
    if (length < 0 || length > LONGEST_ARRAY) throw new Error(`the length of an array is ${length}`);
    if (length === 0) {
      this.#add([]);
      return;
    }
    if (this.#depth === DEEPEST) throw new Error(`arrays are nested more than ${DEEPEST} deep`);
    this.#depth++;
    this.#open = { items: [], length, outer: this.#open };
  }

  /** A value is complete, and with it perhaps the arrays that it is the last element of. */
  #add(value: Reply): void {
    let complete = value;
    for (let array = this.#open; array; array = array.outer) {
      array.items.push(complete);
      if (array.items.length < array.length) return;
      complete = array.items;
      this.#open = array.outer;
      this.#depth--;
    }
    this.#take(complete);
  }
}

function bulkText(data: Buffer, start: number, end: number): string {
  if (data[end] !== CR || data[end + 1] !== LF)
    throw new Error(`a string of ${end - start} bytes does not end in CRLF`);
  return data.toString('utf8', start, end);
}

/** For messages. */
function textOf(data: Buffer, start: number, end: number): string {
  return quote(data.toString('latin1', start, Math.min(end, start + 40)));
}
