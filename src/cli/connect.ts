import { readFileSync } from 'node:fs';
import { loadIoredis } from '../link/ioredis-package.ts';
import type { RedlockOptions } from '../options.ts';
import { quorumOf } from '../quorum/ballot.ts';
import { Redlock } from '../redlock.ts';
import type { Call } from './call.ts';
import { connectionOf } from './connection.ts';
import { blamingOptions } from './failure.ts';

/** The nodes of a command, connected. */
export interface Connected {
  readonly redlock: Redlock;
  /** How many nodes have to agree. */
  readonly quorum: number;
}

/** Runs `act` with a Redlock over the nodes that the command line names, and closes it. */
export async function withRedlock<T>(
  { line, env }: Pick<Call, 'line' | 'env'>,
  act: (connected: Connected) => Promise<T>,
  more: RedlockOptions = {},
): Promise<T> {
  const { nodes, options } = connectionOf(line, env, (path) => readFileSync(path, 'utf8'));
  loadClient();
  const redlock = await blamingOptions(() => new Redlock(nodes, { ...options, ...more }));
  try {
    return await act({ redlock, quorum: quorumOf(nodes.length) });
  } finally {
    await redlock.close();
  }
}

/** The library names other clients, too, but the command line has only this one. */
function loadClient(): void {
  try {
    loadIoredis();
  } catch (error) {
    throw new Error(
      'the command line needs the package ioredis, which is not installed: npm install ioredis',
      {
        cause: error,
      },
    );
  }
}
