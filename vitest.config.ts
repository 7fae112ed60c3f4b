import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectConfiguration, type ViteUserConfig } from 'vitest/config';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Tests and documentation import the package by its name, and get the sources. */
const quorlock = [
  { find: /^quorlock$/, replacement: path('src/index.ts') },
  { find: /^quorlock\/testing$/, replacement: path('src/testing.ts') },
  { find: /^quorlock\/fencing$/, replacement: path('src/fencing.ts') },
  { find: /^quorlock\/otel$/, replacement: path('src/otel.ts') },
];

/**
 * Tests on real servers mostly wait: there may be more of them than processors, but nothing else beside them. Some take 20 s, and a machine can be
 * several times as slow.
 */
const onRealServers = {
  pool: 'forks',
  maxWorkers: 3,
  sequence: { groupOrder: 1 },
  testTimeout: 120_000,
  hookTimeout: 120_000,
} as const;
/** They use all processors by threads of their own, but not all the time. */
const onAllProcessors = {
  maxWorkers: 2,
  sequence: { groupOrder: 2 },
  testTimeout: 1_200_000,
  hookTimeout: 1_200_000,
} as const;

/** For the projects that have property tests. */
const fixedSeed = { setupFiles: [path('test/support/fixed-seed.ts')] };

const conformanceAndClients = ['conformance*', 'clients*'];
const robustness = [
  'faults*',
  'large-batches',
  'leftovers*',
  'loss*',
  'misconfigured*',
  'nonsense',
  'nothing-spins',
  'restart-guard*',
  'secrets',
  'validity',
  'waiting*',
];
/** Of these, what shows in two minutes that a client keeps to the contract of a link while things go wrong. */
const robustnessInShort = ['faults', 'leftovers', 'loss', 'loss-taken', 'secrets', 'validity', 'waiting'];
const files = (names: readonly string[]): string[] => names.map((name) => `test/integration/${name}.test.ts`);

/** Everything with each client: `npm run test:clients`. */
const isThorough = process.env.EVERY_CLIENT !== undefined;

/**
 * The tests of what depends on the client, with one that is not the newest ioredis: URLs, options and instances in them lead to it.
 * The robustness suites take long: `npm test` has all of them with ioredis 6, in `integration`, and some with node-redis 6.
 */
function withClient(
  name: string,
  family: 'ioredis' | 'node-redis',
  robust: readonly string[] = [],
): TestProjectConfiguration {
  const others = isThorough ? robustness : robust;
  const standIns = [
    { find: /^.*\/link\/ioredis-package\.ts$/, replacement: path('test/support/clients/ioredis-package.ts') },
    {
      find: /^.*\/link\/node-redis-package\.ts$/,
      replacement: path('test/support/clients/node-redis-package.ts'),
    },
  ];
  const endpoint = {
    // As it is imported from `src/` and from tests, but not from what stands in for it.
    find: /^(?:\.|\.\.\/\.\.\/src)\/node\/redis\/endpoint\.ts$/,
    replacement: path('test/support/clients/endpoint.ts'),
  };
  return {
    extends: true,
    resolve: { alias: family === 'node-redis' ? [...standIns, endpoint] : standIns },
    test: {
      name,
      include: files([...conformanceAndClients, ...others]),
      exclude: files([family === 'ioredis' ? 'clients-node-redis' : 'clients-ioredis']),
      env: { REDIS_CLIENT: name },
      // A fifth of the time would go into loading the product anew for each file.
      isolate: others.length > 0,
      ...fixedSeed,
      ...onRealServers,
    },
  };
}

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
          exclude: files(['clients-node-redis']),
          ...fixedSeed,
          ...onRealServers,
        },
      },
      withClient('ioredis5', 'ioredis'),
      // The packed package is tested with it in any case.
      ...(isThorough ? [withClient('ioredis53', 'ioredis')] : []),
      withClient('iovalkey', 'ioredis'),
      withClient('node-redis', 'node-redis', robustnessInShort),
      withClient('node-redis5', 'node-redis'),
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
        },
      },
      {
        extends: true,
        test: {
          name: 'package',
          include: ['test/package/**/*.test.ts'],
          globalSetup: [path('test/package/pack.ts')],
          ...onRealServers,
          sequence: { groupOrder: 3 },
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
        },
      },
    ],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // Tests run these in processes of their own, which are not measured.
      exclude: [
        'src/cli/{connect,demo,demo-worker,doctor,guarded-command,inspect,main,nodes,output,process-family}.ts',
        'src/cli/{revoke,run,screen,signal-relay,watch,watchdog}.ts',
      ],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 98, branches: 95 },
    },
  },
});

export default config;
