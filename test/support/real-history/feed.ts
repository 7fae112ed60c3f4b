import { once } from 'node:events';
import net, { type Socket } from 'node:net';

/** A command that a server has run, as MONITOR shows it. */
export interface Command {
  /** By the server's wall clock, in ms. */
  readonly at: number;
  /** The client's address, or `lua`. */
  readonly from: string;
  readonly words: readonly string[];
}

export interface FeedListener {
  /** Scripts come before the commands that they ran, all other commands after the events that they made. */
  command(command: Command): void;
  /** A keyspace event: what has really become of a key. */
  keyEvent(event: string, key: string): void;
}

export type Resp = string | number | null | Error | readonly Resp[];

interface Parsed {
  readonly value: Resp;
  readonly isPush: boolean;
  readonly end: number;
}

/** How MONITOR writes a command down: when, the database and the client, each word in quotes. */
const LINE = /^(\d+\.\d+) \[\d+ (\S+)\] (.*)$/s;
const WORD = /"((?:[^"\\]|\\.)*)"/g;
const CHANNEL = '__keyevent@0__:';

/**
 * Everything that a server does, in its own order: MONITOR and keyspace events over one connection, which only
 * RESP3 allows. Neither alone says enough: MONITOR shows commands but not whether they had an effect, the events
 * show effects but not whose.
 */
export class Feed {
  /** Resolves when the server is gone, and all that it has sent was read. */
  readonly ended: Promise<unknown>;
  readonly #socket: Socket;
  readonly #listener: FeedListener;
  readonly #waiting: ((reply: Resp) => void)[] = [];
  #received = '';

  private constructor(port: number, listener: FeedListener) {
    this.#listener = listener;
    this.#socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket.setEncoding('latin1').on('data', (text: string) => this.#read(text));
    // A reset is followed by 'close', which is all that matters.
    this.#socket.on('error', () => {});
    this.ended = new Promise((resolve) => this.#socket.once('close', resolve));
  }

  /** Connected, and able to make requests; silent until {@link watch}. */
  static async open(port: number, listener: FeedListener): Promise<Feed> {
    const feed = new Feed(port, listener);
    await once(feed.#socket, 'connect');
    await feed.request('HELLO', '3');
    return feed;
  }

  /** From now on the listener hears of everything. */
  async watch(): Promise<void> {
    await this.request('CONFIG', 'SET', 'notify-keyspace-events', 'KEA');
    await this.request('PSUBSCRIBE', `${CHANNEL}*`);
    await this.request('MONITOR');
  }

  /** One command of one's own. */
  async request(...words: string[]): Promise<Resp> {
    const parts = words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`);
    this.#socket.write(`*${words.length}\r\n${parts.join('')}`);
    const reply = await new Promise<Resp>((resolve) => this.#waiting.push(resolve));
    if (reply instanceof Error) throw reply;
    return reply;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#received += text;
    let start = 0;
    for (let parsed = parse(this.#received, 0); parsed; parsed = parse(this.#received, start)) {
      start = parsed.end;
      this.#heard(parsed);
    }
    this.#received = this.#received.slice(start);
  }

  #heard({ value, isPush }: Parsed): void {
    if (isPush && Array.isArray(value) && value[0] === 'pmessage') {
      this.#listener.keyEvent(String(value[2]).slice(CHANNEL.length), String(value[3]));
      return;
    }
    const [, at, from = '', words = ''] = (typeof value === 'string' && LINE.exec(value)) || [];
    if (at === undefined) this.#waiting.shift()?.(value);
    else
      this.#listener.command({
        at: Number(at) * 1_000,
        from,
        words: Array.from(words.matchAll(WORD), ([, word = '']) => word),
      });
  }
}

/** The RESP3 value that starts at `start`, of the types that are needed here; undefined when it is not complete. */
function parse(text: string, start: number): Parsed | undefined {
  const lineEnd = text.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const type = text[start] ?? '';
  const line = text.slice(start + 1, lineEnd);
  const end = lineEnd + 2;
  const scalar = (value: Resp): Parsed => ({ value, isPush: false, end });
  switch (type) {
    case '+':
      return scalar(line);
    case '-':
      return scalar(new Error(line));
    case ':':
      return scalar(Number(line));
    case '_':
      return scalar(null);
    case '$': {
      const length = Number(line);
      if (text.length < end + length + 2) return undefined;
      return { value: text.slice(end, end + length), isPush: false, end: end + length + 2 };
    }
    case '*':
    case '>':
      return parseAll(text, end, Number(line), type === '>');
    case '%':
      return parseAll(text, end, 2 * Number(line), false);
    default:
      throw new Error(`not expected of a server: ${type}${line}`);
  }
}

function parseAll(text: string, start: number, length: number, isPush: boolean): Parsed | undefined {
  const value: Resp[] = [];
  let end = start;
  for (let i = 0; i < length; i++) {
    const each = parse(text, end);
    if (!each) return undefined;
    value.push(each.value);
    end = each.end;
  }
  return { value, isPush, end };
}
