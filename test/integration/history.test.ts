import { test } from '@fast-check/vitest';
import { describe } from 'vitest';
import { violations } from '../support/checker/checker.ts';
import { trace } from '../support/checker/trace.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LATENESS } from '../support/real-history/allowances.ts';
import { play } from '../support/real-history/play.ts';
import { realSchedules } from '../support/real-history/real-schedules.ts';
import type { Schedule } from '../support/simulation/schedule.ts';

enforceNoLeaks();

/*
 * The simulator's workloads and its checker, on real servers: if the simulator were wrong about Redis, ioredis or the
 * event loop, this would fail. Every rule is checked, but some see less here than in virtual time:
 *
 * - exclusion, support: the machine has one clock, so that no drift is needed. Expiry is known to the millisecond.
 * - told, prompt, settled: `LATENESS` is allowed, and all the time in which a heartbeat shows that the loop was held up.
 * - honest: not for an extension whose lock ended within `LATENESS` before the caller learned of it.
 * - told first: not for a lock that ended less than half a millisecond before.
 * - once, first in, first out: of the last commands before a server's death, only what it still had time to show.
 * - atomic: not for operations that share a key with another one of the same command.
 * - remembers, exclusion: once all nodes have been without scripts, however briefly, nothing is expected of the guard.
 * - fenced: all clients have the machine's wall clock.
 * - residue, live: no client is killed, and nothing is reordered, so there is nothing to excuse for either.
 * - leftovers: a rejection that nobody handled is for the test runner to report.
 */

async function expectLawful(schedule: Schedule): Promise<void> {
  const history = await play(schedule);
  const found = violations(history, { forgive: true, lateness: LATENESS });
  if (found.length > 0) throw new Error(`${trace(history, found)}\n${JSON.stringify(found, undefined, 2)}`);
}

/** Another run is another history: to shrink a schedule would only find out how often it goes wrong. The same schedules for every change. */
const RUNS = {
  seed: Number(process.env['SIM_SEED'] ?? 1),
  numRuns: Number(process.env['RUNS'] ?? 7),
  endOnFailure: true,
};

describe('what the simulator is trusted with holds on real servers', () => {
  test.prop([realSchedules('lawful', { nodes: 5, clients: 3, steps: 12 })], RUNS)(
    'whatever befalls five nodes that forget nothing',
    expectLawful,
  );

  test.prop([realSchedules('forgetful', { nodes: 3, clients: 3, steps: 12 })], RUNS)(
    'but for what follows from lost votes, when three nodes forget them',
    expectLawful,
  );

  test.prop([realSchedules('restarting', { nodes: 5, clients: 3, steps: 12 })], RUNS)(
    'also when two of five nodes forget them in restarts, which are guarded against',
    expectLawful,
  );
});
