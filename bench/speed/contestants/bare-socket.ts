import { once } from 'node:events';
import net, { type Socket } from 'node:net';

type Deliver = (reply: string) => void;

/** A connection that writes once a tick, and knows no replies but those of one line. */
export class BareSocket {
  readonly #socket: Socket;
  readonly #waiting: Deliver[] = [];
  /** Where the next reply goes. */
  #next = 0;
  #output = '';
  #rest = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1').on('data', (text: string) => this.#read(text));
  }

  static async connect(url: string): Promise<BareSocket> {
    const { hostname, port } = new URL(url);
    const socket = net.connect({ host: hostname, port: Number(port), noDelay: true });
    await once(socket, 'connect');
    return new BareSocket(socket);
  }

  /** Of ASCII. */
  send(command: readonly string[], deliver: Deliver): void {
    if (this.#output === '') process.nextTick(this.#flush);
    this.#output += `*${command.length}\r\n`;
    for (const part of command) this.#output += `$${part.length}\r\n${part}\r\n`;
    this.#waiting.push(deliver);
  }

  close(): void {
    this.#socket.destroy();
  }

  readonly #flush = (): void => {
    this.#socket.write(this.#output, 'latin1');
    this.#output = '';
  };

  #read(text: string): void {
    const lines = (this.#rest + text).split('\r\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#waiting[this.#next++]?.(line);
    if (this.#next === this.#waiting.length) {
      this.#waiting.length = 0;
      this.#next = 0;
    } else if (this.#next > 10_000) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
  }
}
