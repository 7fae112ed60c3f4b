import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { afterAll, aroundEach, beforeAll, beforeEach, describe, expect } from 'vitest';
import { crowd, history, type Step, withoutScripts } from '../support/differential-history.ts';
import { MemorySide } from '../support/differential-memory.ts';
import { expectSame, outcomeOf } from '../support/differential-outcome.ts';
import { RedisSide } from '../support/differential-redis.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';

enforceNoLeaks();

let server: RedisServer;
let redis: RedisSide;

beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
// Once for all runs of a test, unlike what follows.
aroundEach(async (runTest) => {
  redis = new RedisSide(server);
  try {
    await runTest();
  } finally {
    await redis.close();
  }
});
beforeEach(() => redis.forget());

/** All runs together ask for some 34,000 operations. A slow machine makes fewer runs, and a counterexample is made smaller for no longer. */
const BOUND = { interruptAfterTimeLimit: 20_000 };

describe('a node in memory', () => {
  test.prop([history], { numRuns: 600, ...BOUND })('cannot be told from a server', async (history) => {
    // A run that is interrupted goes on, but must not meddle with the next test's side.
    const side = redis;
    const wallTime = Date.now();
    const model = await outcomeOf(new MemorySide(wallTime), history, wallTime);
    expectSame(await outcomeOf(side, history, wallTime), model);
  });
});

describe('requests of one tick', () => {
  const asked = fc.record({ requests: crowd, scriptless: fc.boolean() });

  test.prop([asked], { numRuns: 100, ...BOUND })(
    'come to the same as one after the other',
    async ({ requests: asked, scriptless }) => {
      const side = redis;
      const wallTime = Date.now();
      const requests = scriptless ? withoutScripts(asked) : asked;
      const alone = requests.map((request): Step => ({ what: 'ask', requests: [request], awaited: true }));
      const together: Step = scriptless
        ? { what: 'ask scriptless', requests }
        : { what: 'ask', requests, awaited: true };
      const model = await outcomeOf(new MemorySide(wallTime), alone, wallTime);
      const inMemory = await outcomeOf(new MemorySide(wallTime), [together], wallTime);
      expect({ ...inMemory, took: 0 }).toEqual({ ...model, took: 0 });
      expectSame(await outcomeOf(side, [together], wallTime), model);
      await side.forget();
      expectSame(await outcomeOf(side, alone, wallTime), model);
    },
  );
});
