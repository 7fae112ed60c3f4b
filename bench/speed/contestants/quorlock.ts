import { type Lock, type NodeSpec, Redlock, type RedlockOptions } from '../../../src/index.ts';
import type { Contestant, Open, Terms } from './contestant.ts';

interface Use {
  readonly resourcesPerLock?: number;
  /** How a node is given; by default as its URL, which means ioredis. */
  readonly nodeOf?: (url: string) => NodeSpec;
}

/** quorlock with its defaults, except for `options`. */
export function quorlock(
  options: RedlockOptions,
  { resourcesPerLock = 1, nodeOf = (url) => url }: Use = {},
): Open {
  return async (urls: readonly string[], { ttl, autoExtend }: Terms): Promise<Contestant<Lock>> => {
    const nodes = urls.map(nodeOf);
    const redlock = new Redlock(nodes, { ttl, autoExtend, maxTtl: Math.max(30_000, ttl), ...options });
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
