import { EventEmitter, once } from 'node:events';
import net, { type Socket } from 'node:net';
import { onFreePort } from './free-port.ts';
import type { Direction } from './tcp-flow.ts';
import { type DeliverAfterClose, TcpLink } from './tcp-link.ts';

export interface ProxyOptions {
  /** @default false */
  deliverAfterClose?: DeliverAfterClose;
}

const BOTH: readonly Direction[] = ['requests', 'answers'];
const LOOPBACK = '127.0.0.1';

/**
 * The network between a client and a server on loopback, and the faults that can befall it. Verbs act on all
 * connections, those to come included. Nothing is reordered, ever.
 */
export class TcpProxy {
  readonly port: number;
  readonly #targetPort: number;
  readonly #deliverAfterClose: DeliverAfterClose;
  readonly #weather = { requests: { held: false, delay: 0 }, answers: { held: false, delay: 0 } };
  readonly #listener: net.Server;
  readonly #clients = new Set<Socket>();
  readonly #links = new Set<TcpLink>();
  /** `requests` and `answers`: bytes passed; `requests held` and `answers held`: bytes wait. */
  readonly #events = new EventEmitter().setMaxListeners(0);
  #blackhole = false;

  /** Not listening yet: see {@link startProxy}. */
  constructor(port: number, targetPort: number, options: ProxyOptions) {
    this.port = port;
    this.#targetPort = targetPort;
    this.#deliverAfterClose = options.deliverAfterClose ?? false;
    this.#listener = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) =>
      this.#admit(client),
    );
  }

  get url(): string {
    return `redis://${LOOPBACK}:${this.port}`;
  }

  /** Clients' connections that stand. */
  get connections(): number {
    return this.#clients.size;
  }

  /** Each answer from now on arrives `ms` later than it would have. */
  delay(ms: number): void {
    this.#weather.answers.delay = ms;
  }

  /** Keeps the bytes of one direction, or both, until {@link resumeFlow}. Connections can still be made. */
  hold(direction?: Direction): void {
    for (const one of directions(direction)) {
      this.#weather[one].held = true;
      if (this.#holding(one)) this.#events.emit(`${one} held`);
    }
  }

  /** Delivers what was held. */
  resumeFlow(direction?: Direction): void {
    for (const one of directions(direction)) {
      this.#weather[one].held = false;
      for (const link of this.#links) link.flows[one].pump();
    }
  }

  /** Resolves as soon as {@link hold} keeps at least one byte. */
  async held(direction: Direction): Promise<void> {
    if (!this.#holding(direction)) await once(this.#events, `${direction} held`);
  }

  /** The next chunk of requests that contains a string, or satisfies a predicate; it may be held. */
  requests(wanted: string | ((chunk: string) => boolean)): Promise<string> {
    const matches = typeof wanted === 'string' ? (chunk: string) => chunk.includes(wanted) : wanted;
    return new Promise((resolve) => {
      const look = (chunk: string): void => {
        if (!matches(chunk)) return;
        this.#events.off('requests', look);
        resolve(chunk);
      };
      this.#events.on('requests', look);
    });
  }

  /** RST to all clients, who may connect again at once. What was forwarded to the server before is executed. */
  cut(): void {
    for (const link of this.#links) link.cut();
    for (const client of this.#clients) client.resetAndDestroy();
  }

  /** Cuts all connections, and lets nobody connect. */
  refuse(): void {
    this.#listener.close();
    this.cut();
  }

  /**
   * Every byte disappears, and stays away: connections that stand (or are made meanwhile, by the kernel) never get
   * an answer again. What was forwarded to the server before is executed.
   */
  async blackhole(): Promise<void> {
    this.#blackhole = true;
    for (const link of this.#links) link.swallow();
    await this.#listen();
  }

  /** Ends {@link refuse} and {@link blackhole} for new connections. */
  async accept(): Promise<void> {
    this.#blackhole = false;
    await this.#listen();
  }

  /** Ends it for good, with all connections. */
  async stop(): Promise<void> {
    const gone = this.#listener.listening ? once(this.#listener, 'close') : undefined;
    this.refuse();
    for (const link of this.#links) link.destroy();
    await gone;
  }

  async #listen(): Promise<void> {
    if (this.#listener.listening) return;
    this.#listener.listen(this.port, LOOPBACK);
    await once(this.#listener, 'listening');
  }

  #admit(client: Socket): void {
    this.#clients.add(client);
    client.once('close', () => this.#clients.delete(client));
    // A reset is followed by 'close', which is all that matters.
    client.on('error', () => {});
    if (this.#blackhole) client.resume();
    else this.#connect(client);
  }

  #connect(client: Socket): void {
    const at = { port: this.#targetPort, host: LOOPBACK, allowHalfOpen: true, noDelay: true };
    const server = net.connect(at);
    const link = new TcpLink(client, server, {
      weather: this.#weather,
      deliverAfterClose: this.#deliverAfterClose,
      seen: (direction, chunk) => {
        this.#events.emit(direction, chunk.toString('latin1'));
        if (this.#weather[direction].held) this.#events.emit(`${direction} held`);
      },
    });
    this.#links.add(link);
    server.once('close', () => {
      if (client.destroyed) this.#links.delete(link);
      else client.once('close', () => this.#links.delete(link));
    });
  }

  #holding(direction: Direction): boolean {
    return [...this.#links].some((link) => link.flows[direction].holding);
  }
}

/** Resolves once the proxy to `targetPort` on loopback accepts connections. */
export function startProxy(targetPort: number, options: ProxyOptions = {}): Promise<TcpProxy> {
  return onFreePort(async (port) => {
    const proxy = new TcpProxy(port, targetPort, options);
    await proxy.accept();
    return proxy;
  });
}

function directions(direction: Direction | undefined): readonly Direction[] {
  return direction === undefined ? BOTH : [direction];
}
