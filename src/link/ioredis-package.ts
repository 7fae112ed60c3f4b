import { createRequire } from 'node:module';
import type { IoredisClient } from './ioredis.ts';

export interface IoredisPackage {
  readonly Redis: new (options: Record<string, unknown>) => IoredisClient;
}

let loaded: IoredisPackage | undefined;

/**
 * The copy of ioredis that this package finds, loaded when it is first needed.
 *
 * @throws {Error} when it is not installed
 */
export function loadIoredis(): IoredisPackage {
  loaded ??= load();
  return loaded;
}

function load(): IoredisPackage {
  try {
    return { Redis: createRequire(import.meta.url)('ioredis') };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // One of its own dependencies may be what is missing.
    if (code !== 'MODULE_NOT_FOUND' || !message.includes("'ioredis'")) throw error;
    throw new Error(
      'a URL or options need the package ioredis, which is not installed: npm install ioredis, or give a client such as createClient({ url }) of node-redis',
      { cause: error },
    );
  }
}
