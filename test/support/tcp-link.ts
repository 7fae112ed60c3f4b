import type { Socket } from 'node:net';
import { type Direction, TcpFlow, type Weather } from './tcp-flow.ts';

/**
 * What becomes of held requests when their client goes away: `false` discards them; `'fin'` does as kernels do,
 * which still deliver them after a close (FIN), but not after a RST; `true` delivers them after a RST too.
 */
export type DeliverAfterClose = boolean | 'fin';

export interface LinkOptions {
  weather: Readonly<Record<Direction, Weather>>;
  deliverAfterClose: DeliverAfterClose;
  /** Told of all bytes as they arrive at the proxy. */
  seen: (direction: Direction, chunk: Buffer) => void;
}

/** One client's connection through the proxy. The server's side always ends by FIN: what was forwarded is executed. */
export class TcpLink {
  readonly flows: Readonly<Record<Direction, TcpFlow>>;
  readonly #client: Socket;
  readonly #server: Socket;
  #clientLeft = false;

  constructor(client: Socket, server: Socket, { weather, deliverAfterClose, seen }: LinkOptions) {
    this.#client = client;
    this.#server = server;
    const requests = new TcpFlow(weather.requests, server);
    const answers = new TcpFlow(weather.answers, client);
    this.flows = { requests, answers };

    client.on('data', (chunk) => {
      requests.push(chunk);
      seen('requests', chunk);
    });
    client.on('end', () => this.#leave(deliverAfterClose !== false));
    client.on('close', () => {
      this.#leave(deliverAfterClose === true);
      answers.close();
    });

    server.on('data', (chunk) => {
      answers.push(chunk);
      seen('answers', chunk);
    });
    server.on('end', () => answers.push('end'));
    server.on('error', () => answers.push('reset'));
  }

  /** RST to the client; what was under way is discarded. */
  cut(): void {
    this.swallow();
    this.#client.resetAndDestroy();
  }

  /** From now on nothing arrives and nothing is answered, but the client's connection stands. */
  swallow(): void {
    this.#leave(false);
    this.flows.answers.close();
  }

  /** Lets go of both sockets at once. */
  destroy(): void {
    this.cut();
    this.#server.destroy();
  }

  #leave(deliver: boolean): void {
    if (this.#clientLeft) return;
    this.#clientLeft = true;
    if (deliver) {
      this.flows.requests.push('end');
    } else {
      this.flows.requests.close();
      this.#server.end();
    }
  }
}
