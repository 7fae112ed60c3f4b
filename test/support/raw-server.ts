import { once } from 'node:events';
import net, { type Socket } from 'node:net';
import { onFreePort } from './free-port.ts';

/** A TCP server that says whatever a test wants. */
export class RawServer {
  readonly port: number;
  /** How connections ended: by RST, or as usual. */
  readonly ends: ('RST' | 'FIN')[] = [];
  /** What came, of all connections. */
  received = '';
  readonly #server: net.Server;
  readonly #sockets = new Set<Socket>();

  constructor(port: number, serve: (socket: Socket) => void) {
    this.port = port;
    this.#server = net.createServer((socket) => {
      this.#sockets.add(socket);
      let end: 'RST' | 'FIN' = 'FIN';
      socket.on('error', ({ code }: NodeJS.ErrnoException) => {
        if (code === 'ECONNRESET') end = 'RST';
      });
      socket.on('data', (chunk) => {
        this.received += chunk.toString('latin1');
      });
      socket.on('close', () => {
        this.ends.push(end);
        this.#sockets.delete(socket);
      });
      serve(socket);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}

/** Says `greeting` at once, and `answer` to each chunk that comes. */
export function startRawServer(says: {
  greeting?: string | Buffer;
  answer?: string | Buffer;
}): Promise<RawServer> {
  return serveRaw((socket) => {
    if (says.greeting) socket.write(says.greeting);
    socket.on('data', () => says.answer && socket.write(says.answer));
  });
}

export function serveRaw(serve: (socket: Socket) => void): Promise<RawServer> {
  return onFreePort(async (port) => {
    const server = new RawServer(port, serve);
    await server.listen();
    return server;
  });
}
