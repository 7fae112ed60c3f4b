// Stands in for `src/link/node-redis-package.ts` where another version of node-redis is under test.
import type { NodeRedisPackage } from '../../../src/link/node-redis-package.ts';
import { packageOf } from './kind.ts';

export function loadNodeRedis(): NodeRedisPackage {
  return packageOf('node-redis') as NodeRedisPackage;
}
