import { EventEmitter, once } from 'node:events';
import type { Address, Command, Link, LinkListener, OpenLink } from '../../src/link/link.ts';

/** A link, and what its listener was told, in order. */
export class WatchedLink {
  readonly link: Link;
  readonly events: string[] = [];
  readonly messages: [channel: string, text: string][] = [];
  cause: Error | undefined;
  readonly #emitter = new EventEmitter();

  constructor(open: OpenLink, to: Address) {
    let isReturned = false;
    const told = (event: string): void => {
      this.events.push(isReturned ? event : `${event} too early`);
      this.#emitter.emit(event);
    };
    const listener: LinkListener = {
      connected: () => told('connected'),
      up: () => told('up'),
      down: (cause) => {
        this.cause = cause;
        told('down');
      },
      message: (channel, text) => {
        this.messages.push([channel, text]);
        told('message');
      },
      moved: () => told('moved'),
    };
    this.link = open(to, listener);
    isReturned = true;
  }

  /** Resolves once the listener has been told of this at least once. */
  async happened(event: 'connected' | 'up' | 'down' | 'message' | 'moved'): Promise<void> {
    if (!this.events.includes(event)) await once(this.#emitter, event);
  }

  send(...command: Command): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let isReturned = false;
      this.link.send(command, (error, reply) => {
        if (!isReturned) reject(new Error('answered too early'));
        else if (error) reject(error);
        else resolve(reply);
      });
      isReturned = true;
    });
  }

  subscribe(channel: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.link.subscribe(channel, (error) => (error ? reject(error) : resolve()));
    });
  }
}

export function loopback(port: number): Address {
  return { host: '127.0.0.1', port };
}

/** A link to a port of loopback that is up. */
export async function linkUp(open: OpenLink, port: number): Promise<WatchedLink> {
  const watched = new WatchedLink(open, loopback(port));
  await Promise.race([watched.happened('up'), watched.happened('down')]);
  if (watched.cause) throw watched.cause;
  return watched;
}
