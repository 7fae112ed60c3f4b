import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { onFreePort } from './free-port.ts';

/** A RESP2 reply as it goes over the wire. */
export type Answer = (command: readonly string[]) => string;

/** Something that speaks like a Redis server, and answers as a test wants: for versions and states that are hard to bring about. */
export class FakeRedis {
  readonly port: number;
  /** What it was asked, command by command. */
  readonly commands: string[][] = [];
  readonly #listener: net.Server;
  readonly #clients = new Set<Socket>();

  /** Not listening yet: see {@link startFakeRedis}. */
  constructor(port: number, answer: Answer) {
    this.port = port;
    this.#listener = net.createServer((client) => {
      this.#clients.add(client);
      let received = Buffer.alloc(0);
      client.once('close', () => this.#clients.delete(client));
      client.on('error', () => {});
      client.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        for (let parsed = parse(received); parsed; parsed = parse(received)) {
          received = received.subarray(parsed.end);
          // The name of the connection, which nothing depends on.
          if (parsed.command[0] === 'CLIENT') {
            client.write('+OK\r\n');
            continue;
          }
          this.commands.push(parsed.command);
          client.write(answer(parsed.command));
        }
      });
    });
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    this.#listener.listen(this.port, '127.0.0.1');
    await once(this.#listener, 'listening');
  }

  async stop(): Promise<void> {
    const gone = once(this.#listener, 'close');
    this.#listener.close();
    for (const client of this.#clients) client.destroy();
    await gone;
  }
}

export function startFakeRedis(answer: Answer): Promise<FakeRedis> {
  return onFreePort(async (port) => {
    const fake = new FakeRedis(port, answer);
    await fake.listen();
    return fake;
  });
}

/** A bulk string. */
export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

/** INFO with these fields. */
export function info(fields: Record<string, string>): string {
  return bulk(
    Object.entries(fields)
      .map(([name, value]) => `${name}:${value}\r\n`)
      .join(''),
  );
}

/** The command at the beginning of `data`, if it is complete. */
function parse(data: Buffer): { command: string[]; end: number } | undefined {
  let end = 0;
  const line = (): string | undefined => {
    const stop = data.indexOf('\r\n', end);
    if (stop < 0) return undefined;
    const text = data.toString('utf8', end, stop);
    end = stop + 2;
    return text;
  };
  const command: string[] = [];
  const parts = Number(line()?.slice(1));
  for (let part = 0; part < parts; part++) {
    const length = Number(line()?.slice(1));
    if (!(data.length >= end + length + 2)) return undefined;
    command.push(data.toString('utf8', end, end + length));
    end += length + 2;
  }
  return command.length > 0 ? { command, end } : undefined;
}
