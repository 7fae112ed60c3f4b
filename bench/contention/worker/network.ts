import { Socket } from 'node:net';

/**
 * The network of this process, to be cut off from it. A proxy would do it from outside; but it has an address of its own,
 * and processes that know nodes by different addresses do not meet.
 */
export class Network {
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  /** All connections that are made from now on. */
  watch(): void {
    // oxlint-disable-next-line typescript/unbound-method -- called with its own `this` below
    const connect = Socket.prototype.connect as (this: Socket, ...args: unknown[]) => Socket;
    const add = this.#add.bind(this);
    Socket.prototype.connect = function (this: Socket, ...args: unknown[]): Socket {
      return add(this) ? connect.apply(this, args) : this;
    };
  }

  /** From now on every byte in both directions disappears. Connections stay open, and none can be made. */
  cutOff(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) {
      socket.pause();
      socket.write = swallow;
    }
  }

  /** Whether the connection may be made. */
  #add(socket: Socket): boolean {
    if (this.#isCut) return false;
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    return true;
  }
}

function swallow(...args: unknown[]): boolean {
  const written = args.at(-1);
  if (typeof written === 'function') setImmediate(written as () => void);
  return true;
}
