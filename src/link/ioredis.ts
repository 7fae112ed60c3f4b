import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { inNeutralContext } from '../context.ts';
import type { Address, Command, OpenLink } from './link.ts';
import { RespLink } from './resp-link.ts';

/** What is used of a client of ioredis 5.3 to 6, or of iovalkey. It is never connected. */
export interface IoredisClient {
  readonly options: object;
}

interface OwnOptions {
  readonly username?: string | null;
  readonly password?: string | null;
  readonly db?: number;
  readonly tls?: object | true | null;
  readonly noDelay?: boolean;
  /** In ms. */
  readonly keepAlive?: unknown;
}

/** The settings with which a client does nothing when it is made, whatever the user's is to do; they win over those. */
const IDLE = {
  lazyConnect: true,
  sentinels: undefined,
  Connector: undefined,
  scripts: undefined,
  himportFieldsets: undefined,
  replyMapping: undefined,
};

/**
 * Links that are set up as clients of ioredis or iovalkey would be, which `create` makes, such as
 * `(overrides) => instance.duplicate(overrides)`. Only their options are used: a client would take several times as long for a command.
 */
export function ioredisLinks(create: (overrides: Record<string, unknown>) => IoredisClient): OpenLink {
  return (to, listener) =>
    inNeutralContext(() => {
      const options: OwnOptions = create(IDLE).options;
      const readyEvent = options.tls ? 'secureConnect' : 'connect';
      const socket = connect(to, options.tls);
      keepAlive(socket, options, readyEvent);
      const link = new RespLink(socket, handshakeOf(options), listener);
      link.start(readyEvent);
      return link;
    });
}

function handshakeOf({ username, password, db }: OwnOptions): readonly Command[] {
  const commands: Command[] = [];
  if (username) commands.push(['AUTH', username, password ?? '']);
  else if (password) commands.push(['AUTH', password]);
  if (db) commands.push(['SELECT', db]);
  return commands;
}

function connect(to: Address, tls: OwnOptions['tls']): Socket {
  if (!tls) return connectTcp({ ...to });
  // `true` has no options.
  return connectTls({ ...to, ...(tls as object) });
}

/** As the clients do it. */
function keepAlive(socket: Socket, { noDelay, keepAlive }: OwnOptions, readyEvent: string): void {
  socket.once(readyEvent, () => {
    if (noDelay) socket.setNoDelay(true);
    if (typeof keepAlive === 'number') socket.setKeepAlive(true, keepAlive);
  });
}
