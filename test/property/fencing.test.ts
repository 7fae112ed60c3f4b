import { test } from '@fast-check/vitest';
import * as fc from 'fast-check';
import { describe, expect } from 'vitest';
import { Lease } from '../../src/quorum/lease.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek } from '../support/peek.ts';
import { type Fate, SimulatedNode } from '../support/simulated-node.ts';

const fates = fc.infiniteStream(
  fc.oneof(
    { weight: 8, arbitrary: fc.constant<Fate>('answered') },
    { weight: 1, arbitrary: fc.constantFrom<Fate>('request lost', 'reply lost') },
  ),
);
const size = fc.constantFrom(3, 3, 5, 4, 2);
/** The hints come from clocks that agree on nothing. */
const attempt = fc.record({ hint: fc.constantFrom(0, 0, 0, 9), extends: fc.boolean() });
/** For each client its attempts, one after the other. */
const clients = fc.array(fc.array(attempt, { minLength: 3, maxLength: 5, size: 'max' }), {
  minLength: 2,
  maxLength: 3,
  size: 'max',
});
/** On which nodes the key expires too early, and so may have two owners one after the other. */
const expiries = fc.array(fc.nat(4), { maxLength: 8, size: 'max' });

interface Attempt {
  readonly hint: number;
  /** Whether its lease, if it is won, is extended before it ends. */
  readonly extends: boolean;
}

interface Holder {
  /** By a clock that counts events. */
  readonly asked: number;
  readonly won: number;
  readonly token: number;
}

/** Who has held one key over `n` nodes, each for as long as the scheduler says and that may be extended. */
async function holders(
  scheduler: fc.Scheduler,
  n: number,
  clients: readonly (readonly Attempt[])[],
  fates: fc.Stream<Fate>,
  expiries: readonly number[],
): Promise<Holder[]> {
  const clock = new ManualClock();
  const nodes = Array.from({ length: n }, (_, i) => new SimulatedNode(`node ${i}`, scheduler, fates));
  const held: Holder[] = [];
  let time = 0;
  const moment = (what: string): Promise<void> => scheduler.schedule(Promise.resolve(), what);
  const attempt = async (plan: Attempt, name: string): Promise<void> => {
    const lease = new Lease({ nodes, clock, roundTrip: { reservation: 30 } }, ['k'], name);
    await moment(`${name} starts`);
    const asked = ++time;
    const { verdict, fencing } = await lease.take(1_000, 100, Number.POSITIVE_INFINITY, plan.hint).outcome;
    const agreed = fencing?.agreed === true || (await lease.confirm(100).outcome).verdict === 'won';
    if (verdict === 'won' && agreed) {
      held.push({ asked, won: ++time, token: lease.fencingToken as number });
      if (plan.extends) {
        await moment(`${name} extends`);
        await lease.extend(1_000, 100).outcome;
      }
      await moment(`${name} ends`);
    }
    lease.undo();
  };
  const contend = async (own: readonly Attempt[], client: number): Promise<void> => {
    for (const [i, each] of own.entries()) await attempt(each, `t${client}.${i}`);
  };
  const all = Promise.all(clients.map(contend));
  for (const expiring of expiries) {
    void moment(`the key expires on node ${expiring}`).then(() => {
      const store = nodes[expiring]?.store;
      const reply = store?.inspect('k');
      if (reply?.kind === 'held')
        store?.release({
          keys: ['k'],
          ownerToken: reply.ownerToken ?? '',
          afterwards: 'hand over',
          reservation: 30,
        });
    });
  }
  // Patience ends at any moment, also in the midst of replies.
  for (let i = 0; i < 3; i++) void moment('patience ends').then(() => clock.advance(100));
  while ((await peek(all)) === 'pending') {
    await scheduler.waitIdle();
    clock.advance(100);
  }
  return held;
}

describe('fencing tokens', () => {
  test.prop([fc.scheduler(), size, clients, fates, expiries], { numRuns: 1_000 })(
    'grow from a holder to a later one, whatever the clocks, also if nodes let two in at once',
    async (...world) => {
      const all = await holders(...world);
      for (const { asked, token } of all)
        for (const earlier of all) if (earlier.won < asked) expect(earlier.token).toBeLessThan(token);
    },
  );

  test.prop([fc.scheduler(), size, clients, fates, expiries], { numRuns: 1_000 })(
    'are never given twice',
    async (...world) => {
      const tokens = (await holders(...world)).map(({ token }) => token);
      expect(new Set(tokens).size).toBe(tokens.length);
    },
  );
});
