import { defineConfig, type ViteUserConfig } from 'vitest/config';
import base from './vitest.config.ts';

/**
 * What `npm run mutation` runs against each mutant: the tests of the library that need no process and take no
 * time. Stryker cannot choose among the projects of vitest.config.ts. Property tests are not among them: Stryker
 * looks for a test by its title, theirs have a new seed each time, and to load them takes seconds for each mutant.
 */
const config: ViteUserConfig = defineConfig({
  resolve: base.resolve ?? {},
  test: {
    include: ['test/unit/**/*.test.ts'],
    // They test the helpers of tests, some with real servers.
    exclude: ['test/unit/{support,checker,simulation}-*.test.ts'],
    // Several times as fast; no test leaves anything behind in a module.
    isolate: false,
    // Kills a mutant that never answers, sooner than Stryker's own timeout.
    testTimeout: 3_000,
  },
});

export default config;
