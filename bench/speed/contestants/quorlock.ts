import { type Lock, Redlock, type RedlockOptions } from '../../../src/index.ts';
import type { Contestant, Open, Terms } from './contestant.ts';

/** With its defaults, but for what is asked. */
export function quorlock(options: RedlockOptions, resourcesPerLock = 1): Open {
  return async (urls: readonly string[], { ttl, autoExtend }: Terms): Promise<Contestant<Lock>> => {
    const redlock = new Redlock(urls, { ttl, autoExtend, maxTtl: Math.max(30_000, ttl), ...options });
    return {
      acquire:
        resourcesPerLock === 1
          ? (resource) => redlock.acquire(resource)
          : (resource) =>
              redlock.acquire(Array.from({ length: resourcesPerLock }, (_, i) => `${resource} ${i}`)),
      release: (lock) => lock.release(),
      close: () => redlock.close(),
    };
  };
}
