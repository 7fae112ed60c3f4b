// Stands in for `src/link/ioredis-package.ts` where another package of its family is under test.
import type { IoredisPackage } from '../../../src/link/ioredis-package.ts';
import { packageOf } from './kind.ts';

export function loadIoredis(): IoredisPackage {
  return { Redis: packageOf('ioredis') as IoredisPackage['Redis'] };
}
