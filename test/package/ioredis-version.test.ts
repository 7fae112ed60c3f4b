import { createRequire } from 'node:module';
import { Redis } from 'ioredis';
import { expect, test } from 'vitest';

// Runs in two projects: `package` (ioredis as installed) and `ioredis5` (ioredis replaced by the alias). Without this
// test a broken alias would go unnoticed, and everything would be tested twice with the same version.
test(`the project's ioredis is version ${process.env.IOREDIS_MAJOR}`, () => {
  const major = Number(process.env.IOREDIS_MAJOR);
  const require = createRequire(import.meta.url);

  expect(Redis).toBe(require(major === 5 ? 'ioredis5' : 'ioredis').Redis);
  expect('protocol' in new Redis({ lazyConnect: true }).options).toBe(major === 6);
});
