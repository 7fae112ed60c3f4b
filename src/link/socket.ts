import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

/**
 * Ends a connection so that nothing that was written to it is delivered any more: by RST, because after a FIN
 * the kernel still delivers what it holds. Over TLS and on unix sockets only a plain end is possible.
 */
export function cut(socket: Socket): void {
  if (socket instanceof TLSSocket || socket.connecting || socket.remotePort === undefined) socket.destroy();
  else socket.resetAndDestroy();
}

/** The sockets among what a client calls its streams. */
export function socketsOf(clients: readonly { readonly stream: unknown }[]): Socket[] {
  return clients.flatMap(({ stream }) => (stream instanceof Socket && !stream.destroyed ? [stream] : []));
}
