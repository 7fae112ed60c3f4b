import { createRequire } from 'node:module';

export type Family = 'ioredis' | 'node-redis';

export interface Kind {
  readonly family: Family;
  /** Its name in `node_modules`, where an alias tells versions of one package apart. */
  readonly package: string;
  readonly version: RegExp;
}

/** Each client and major version that quorlock supports, by the name of the vitest project that runs with it. */
export const KINDS: Readonly<Record<string, Kind>> = {
  integration: { family: 'ioredis', package: 'ioredis', version: /^6\./ },
  ioredis5: { family: 'ioredis', package: 'ioredis5', version: /^5\.(?!3\.)/ },
  ioredis53: { family: 'ioredis', package: 'ioredis53', version: /^5\.3\./ },
  iovalkey: { family: 'ioredis', package: 'iovalkey', version: /^0\.4\./ },
  'node-redis': { family: 'node-redis', package: '@redis/client', version: /^6\./ },
  'node-redis5': { family: 'node-redis', package: 'redis-client5', version: /^5\.12\./ },
};

/** What the tests run with: ioredis 6 unless the environment names another. Programs that a test starts inherit it. */
export const kind: Kind = kindOf(process.env['REDIS_CLIENT'] ?? 'integration');

function kindOf(name: string): Kind {
  const known = KINDS[name];
  if (!known) throw new Error(`there is no client ${name}, only ${Object.keys(KINDS).join(', ')}`);
  return known;
}

const require = createRequire(import.meta.url);

/** The package of a family under test, or the newest one if another family is. */
export function packageOf(family: Family): unknown {
  const newest = family === 'ioredis' ? 'ioredis' : '@redis/client';
  return require(kind.family === family ? kind.package : newest);
}
