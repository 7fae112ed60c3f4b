import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { Lease } from '../../src/quorum/lease.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { type Fate, SimulatedNode } from '../support/simulated-node.ts';

const fates = (): fc.Arbitrary<fc.Stream<Fate>> =>
  fc.infiniteStream(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant<Fate>('answered') },
      { weight: 1, arbitrary: fc.constantFrom<Fate>('request lost', 'reply lost') },
    ),
  );
const size = fc.integer({ min: 1, max: 7 });
const contenders = fc.integer({ min: 1, max: 4 });

interface Taken {
  readonly lease: Lease;
  readonly token: string;
  won: boolean | undefined;
}

/**
 * Contenders for one key over `n` nodes; each undoes its lease as soon as it knows that it has failed, or, with
 * `abandon`, at any moment.
 */
function contend(scheduler: fc.Scheduler, n: number, many: number, fates: fc.Stream<Fate>, abandon = false) {
  const clock = new ManualClock();
  const nodes = Array.from({ length: n }, (_, i) => new SimulatedNode(`node ${i}`, scheduler, fates));
  const taken = Array.from({ length: many }, (_, i): Taken => {
    const token = `t${i}`;
    return {
      lease: new Lease({ nodes, clock, roundTrip: { reservation: 30 } }, ['k'], token),
      token,
      won: undefined,
    };
  });
  const start = async (each: Taken): Promise<void> => {
    await scheduler.schedule(Promise.resolve(), `${each.token} starts`);
    const taking = each.lease.take(1_000, 100, Number.POSITIVE_INFINITY).outcome;
    if (abandon)
      void scheduler.schedule(Promise.resolve(), `${each.token} ends`).then(() => each.lease.undo());
    const { verdict } = await taking;
    each.won = verdict === 'won';
    if (!each.won) each.lease.undo();
  };
  const all = Promise.all(taken.map(start));
  // Patience ends at any moment, also in the midst of replies.
  void scheduler.schedule(Promise.resolve(), 'patience ends').then(() => clock.advance(100));
  const settle = async (): Promise<void> => {
    await scheduler.waitIdle();
    clock.advance(100);
    await scheduler.waitIdle();
    await all;
  };
  const holders = (token: string): number => nodes.filter((node) => node.holds(token)).length;
  return { nodes, taken, clock, settle, holders, quorum: Math.floor(n / 2) + 1 };
}

/** Where, among what a node has executed, the key was set for `token`; a grant that finds another owner sets nothing. */
function settingGrant(executed: readonly string[], token: string): number {
  let holder: string | undefined;
  return executed.findIndex((request) => {
    const [verb, owner] = request.split(' ');
    if (verb === 'grant') holder ??= owner;
    else if (owner === holder) holder = undefined;
    return verb === 'grant' && owner === token && holder === token;
  });
}

describe('leases on one key', () => {
  test.prop([fc.scheduler(), size, contenders, fates()])(
    'are never won by two, nor below a quorum',
    async (scheduler, n, many, fates) => {
      const { taken, settle, holders, quorum } = contend(scheduler, n, many, fates);
      await settle();
      const winners = taken.filter(({ won }) => won);
      expect(winners.length).toBeLessThanOrEqual(1);
      for (const { token } of winners) expect(holders(token)).toBeGreaterThanOrEqual(quorum);
    },
  );

  test.prop([fc.scheduler(), size, contenders, fates()])(
    'that were not won are left on no node',
    async (scheduler, n, many, fates) => {
      const { taken, settle, holders } = contend(scheduler, n, many, fates);
      await settle();
      for (const { token, won } of taken) if (!won) expect(holders(token)).toBe(0);
    },
  );

  test.prop([fc.scheduler(), size, contenders, fates()])(
    'are left on no node once they are released, at whatever moment',
    async (scheduler, n, many, fates) => {
      const { taken, settle, holders } = contend(scheduler, n, many, fates, true);
      await settle();
      for (const { token } of taken) expect(holders(token)).toBe(0);
    },
  );

  test.prop([fc.scheduler(), size, fates()])(
    'get a release wherever a grant has set the key, and after it',
    async (scheduler, n, fates) => {
      const { nodes, taken, settle } = contend(scheduler, n, 3, fates);
      await settle();
      for (const { token, won } of taken) {
        if (won) continue;
        for (const { executed } of nodes) {
          const grant = settingGrant(executed, token);
          if (grant >= 0) expect(executed.lastIndexOf(`release ${token}`)).toBeGreaterThan(grant);
        }
      }
    },
  );
});

describe('extensions of a lease', () => {
  const round = fc.record({
    forget: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    early: fc.boolean(),
  });

  test.prop([fc.scheduler(), size, fates(), fc.array(round, { minLength: 1, maxLength: 5 })])(
    'succeed only where a quorum has held it without a break since before the last success',
    async (scheduler, n, fates, rounds) => {
      const { nodes, taken, clock, settle } = contend(scheduler, n, 1, fates);
      await settle();
      const [{ lease, token, won }] = taken as [Taken];
      fc.pre(won === true);
      // The truth, which the lease can only infer: when each node got the key that it has now.
      let time = 0;
      let lastSuccess = ++time;
      const since = nodes.map((node) => (node.holds(token) ? 0 : Number.POSITIVE_INFINITY));
      for (const { forget, early } of rounds) {
        nodes.forEach((node, index) => {
          if (forget[index]) {
            node.store.forget();
            since[index] = Number.POSITIVE_INFINITY;
          }
        });
        const extension = lease.extend(1_000, 100).outcome;
        if (early) void scheduler.schedule(Promise.resolve(), 'patience ends').then(() => clock.advance(100));
        await scheduler.waitIdle();
        clock.advance(100);
        await scheduler.waitIdle();
        const unbroken = since.filter((instant) => instant < lastSuccess).length;
        const { verdict } = await extension;
        nodes.forEach((node, index) => {
          if (node.holds(token) && since[index] === Number.POSITIVE_INFINITY) since[index] = ++time;
        });
        if (verdict !== 'won') continue;
        expect(unbroken).toBeGreaterThanOrEqual(Math.floor(n / 2) + 1);
        lastSuccess = ++time;
      }
      lease.undo();
      await scheduler.waitIdle();
      for (const node of nodes) expect(node.holds(token)).toBe(false);
    },
  );

  test.prop([fc.scheduler(), size])(
    'always succeed while no node forgets and no message is lost',
    async (scheduler, n) => {
      const answered = fc.sample(fc.infiniteStream(fc.constant<Fate>('answered')), 1)[0] as fc.Stream<Fate>;
      const { taken, settle } = contend(scheduler, n, 1, answered);
      await settle();
      const [{ lease, won }] = taken as [Taken];
      fc.pre(won === true);
      const extension = lease.extend(1_000, 100).outcome;
      await scheduler.waitIdle();
      expect(await extension).toMatchObject({ verdict: 'won' });
    },
  );
});
