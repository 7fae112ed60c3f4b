import { fileURLToPath } from 'node:url';
import { defineConfig, type ViteUserConfig } from 'vitest/config';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Tests and documentation import the package by its name, and get the sources. */
const quorlock = [
  { find: /^quorlock$/, replacement: path('src/index.ts') },
  { find: /^quorlock\/testing$/, replacement: path('src/testing.ts') },
  { find: /^quorlock\/fencing$/, replacement: path('src/fencing.ts') },
];
const ioredis5 = [{ find: /^ioredis$/, replacement: path('node_modules/ioredis5/built/index.js') }];

/** Tests on real servers mostly wait: there may be more of them than processors, but nothing else beside them. */
const onRealServers = {
  pool: 'forks',
  maxWorkers: 3,
  sequence: { groupOrder: 1 },
  testTimeout: 30_000,
  hookTimeout: 30_000,
} as const;
/** They use all processors by threads of their own, but not all the time. */
const onAllProcessors = {
  maxWorkers: 2,
  sequence: { groupOrder: 2 },
  testTimeout: 600_000,
  hookTimeout: 600_000,
} as const;

/** For the projects that have property tests. */
const fixedSeed = { setupFiles: [path('test/support/fixed-seed.ts')] };

const config: ViteUserConfig = defineConfig({
  resolve: { alias: quorlock },
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          ...fixedSeed,
          // Most of the time of so many small files would go into loading the product anew for each.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'property',
          include: ['test/property/**/*.test.ts'],
          ...fixedSeed,
          ...onAllProcessors,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          ...fixedSeed,
          ...onRealServers,
        },
      },
      {
        extends: true,
        resolve: { alias: ioredis5 },
        test: {
          name: 'ioredis5',
          include: [
            'test/integration/conformance*.test.ts',
            'test/integration/clients*.test.ts',
            'test/package/ioredis-version.test.ts',
          ],
          env: { IOREDIS_MAJOR: '5' },
          ...onRealServers,
        },
      },
      {
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          ...onAllProcessors,
        },
      },
      {
        extends: true,
        test: {
          name: 'docs',
          include: ['test/docs/**/*.test.ts'],
          ...onRealServers,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          env: { IOREDIS_MAJOR: '6' },
          ...onRealServers,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chaos',
          include: ['test/chaos/**/*.test.ts'],
          ...fixedSeed,
          ...onRealServers,
          sequence: { groupOrder: 3 },
          testTimeout: 60_000,
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 98, branches: 95 },
    },
  },
});

export default config;
