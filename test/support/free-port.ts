import { randomInt } from 'node:crypto';

/**
 * Below the ports that Linux and macOS hand out to outgoing connections. A server that is killed and restarted
 * in that range can lose its port to a client's connection; worse, a client that keeps reconnecting to the dead
 * server can end up connected to itself. The bus of a Redis Cluster node (port + 10 000) stays below it too.
 */
const FIRST_PORT = 10_000;
const LAST_PORT = 22_767;
const ATTEMPTS = 50;
/** Where nobody listens: the port of a service that is not in use any more. */
export const DEAD_PORT = 1;

/** Calls `listen` with random ports until it does not fail with EADDRINUSE. */
export async function onFreePort<T>(listen: (port: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await listen(randomInt(FIRST_PORT, LAST_PORT + 1));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === ATTEMPTS) throw error;
    }
  }
}
