import { describe, expect, it } from 'vitest';
import { calmWorld, keep } from '../support/simulation/by-hand.ts';
import type { Step } from '../support/simulation/schedule.ts';
import { take } from '../support/simulation/schedule-of.ts';
import { simulate } from '../support/simulation/world.ts';
import { tokenOf } from '../support/token.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** How a client may round an instant: a network that answers within a millisecond, and a timer. */
const SOON = 2;

/** What became of the clients' calls but for the last ones, by which they close. */
async function outcomes(...clients: (readonly Step[])[]): Promise<string[]> {
  const { calls } = await simulate(calmWorld({ clients }));
  return calls.filter(({ verb }) => verb !== 'close').map(({ verb, outcome }) => `${verb}: ${outcome}`);
}

describe('a simulated client', () => {
  it('writes down a lock from when it had it until it gave it back', async () => {
    const { calls, sections } = await simulate(calmWorld({ clients: [[take(400, { hold: 100 })]] }));
    expect(calls).toMatchObject([
      {
        verb: 'acquire',
        resources: ['r'],
        invokedAt: 400,
        token: tokenOf(0, 1),
        once: true,
        outcome: 'ok',
        stale: [],
      },
      { verb: 'release', token: tokenOf(0, 1), outcome: 'ok' },
      { verb: 'close', resources: [], token: undefined },
    ]);
    const [section] = sections;
    const [acquired, released] = calls;
    expect(section).toMatchObject({ client: 0, token: tokenOf(0, 1), maxHoldTime: NEVER, abortedAt: NEVER });
    expect(section?.from).toBe(acquired?.settledAt);
    expect(section?.releasedAt).toBe(released?.invokedAt);
    expect((section?.releasedAt ?? 0) - (section?.from ?? 0)).toBeCloseTo(100, -0.5);
    // 1000 ms, less 1 % and 2 ms, from before the first byte.
    expect(section?.validity).toHaveLength(1);
    expect(section?.validity[0]?.until).toBeCloseTo(400 + 1_000 - 12, 6);
    // Less than that by what the attempt may take, in two rounds.
    expect(section?.worth).toBe(988 - 2 * 50 - 8);
  });

  it('writes down when it was told of a loss', async () => {
    const { sections } = await simulate(calmWorld({ clients: [[keep(400)]] }));
    expect(sections).toHaveLength(1);
    const [section] = sections;
    expect(section?.abortedAt).toBeLessThanOrEqual(1_388);
    expect(section?.abortedAt).toBeGreaterThan(1_388 - SOON);
    // It gives it back all the same, which is too late.
    expect(section?.releasedAt).toBe(NEVER);
  });

  it('writes down the growth of a validity', async () => {
    const steps: Step[] = [
      take(400, { hold: 2_000 }),
      { gap: 500, do: 'extend', which: 0, ttl: undefined },
      { gap: 500, do: 'extend', which: 0, ttl: 2_000 },
      // Which shortens nothing.
      { gap: 100, do: 'extend', which: 0, ttl: 100 },
    ];
    const { sections } = await simulate(calmWorld({ clients: [steps] }));
    const [section] = sections;
    expect(section?.validity.map(({ until }) => Math.round(until))).toEqual([1_388, 1_888, 3_378]);
    expect(section?.validity.map(({ at }) => Math.round(at))).toEqual([400, 900, 1_400]);
  });

  it('writes down validity in true time, whatever its clock', async () => {
    const { sections } = await simulate(
      calmWorld({ driftFactor: 0.1, rates: [5], clients: [[take(400, { hold: 100 })]] }),
    );
    expect(sections[0]?.validity[0]?.until).toBeCloseTo(400 + (1_000 - 102) / 1.5, 6);
  });

  it('holds as long as the routine of `using` runs, or until it is told', async () => {
    const steps = [
      take(400, { hold: 100, acquireTimeout: 100, do: 'using' }),
      take(1_000, { hold: 1_000, ttl: 200, do: 'using' }),
    ];
    const { calls, sections } = await simulate(calmWorld({ clients: [steps] }));
    expect(calls.map(({ verb, outcome }) => `${verb}: ${outcome}`)).toEqual([
      'using: ok',
      'using: LOCK_LOST',
      'close: ok',
    ]);
    const [whole, lost] = sections;
    expect(whole?.abortedAt).toBe(NEVER);
    expect(whole?.releasedAt).toBeGreaterThan(500);
    expect(whole?.releasedAt).toBeLessThan(500 + SOON);
    expect(lost?.abortedAt).toBeLessThanOrEqual(1_400 + 196);
    expect(lost?.releasedAt).toBeGreaterThan(2_400);
  });

  it('says what became of each call', async () => {
    expect(
      await outcomes(
        [
          { gap: 300, do: 'inspect', resource: 0 },
          keep(100),
          { gap: 100, do: 'extend', which: 0, ttl: undefined },
          { gap: 100, do: 'inspect', resource: 0 },
          { gap: 100, do: 'release', which: 0 },
          { gap: 100, do: 'extend', which: 0, ttl: undefined },
        ],
        [keep(450, { do: 'tryAcquire' }), keep(10, { acquireTimeout: 50, abortAfter: 20 })],
      ),
    ).toEqual([
      'inspect: free',
      'acquire: ok',
      'tryAcquire: null',
      'acquire: changed its mind',
      'extend: ok',
      'inspect: held',
      'release: ok',
      'extend: LOCK_RELEASED',
      'release: ok',
    ]);
  });

  it('has nothing to extend or to release before it has a lock', async () => {
    expect(
      await outcomes([
        { gap: 300, do: 'extend', which: 0, ttl: undefined },
        { gap: 100, do: 'release', which: 3 },
      ]),
    ).toEqual([]);
  });

  it('does what it does without a gap in one turn', async () => {
    const { exchanges } = await simulate(
      calmWorld({ clients: [[keep(400), keep(0, { resources: [1] })]], latency: { least: 1, span: 10 } }),
    );
    const grants = exchanges.filter(({ operation, node }) => operation === 'grant' && node === 0);
    // Both were in one command.
    expect(grants).toHaveLength(2);
    expect(new Set(grants.map(({ executedAt }) => executedAt)).size).toBe(1);
  });

  it('draws a token for each attempt', async () => {
    const { attempts, calls } = await simulate(
      calmWorld({ clients: [[keep(400)], [keep(500, { acquireTimeout: 200 })]] }),
    );
    const second = calls.find(({ client, verb }) => client === 1 && verb === 'acquire');
    expect(second).toMatchObject({ token: tokenOf(1, 1), once: false, bound: 200 + 8 });
    expect(attempts.filter(({ client }) => client === 0)).toEqual([
      { client: 0, token: tokenOf(0, 1), at: 400 },
    ]);
    expect(attempts.filter(({ client }) => client === 1).length).toBeGreaterThan(1);
  });

  it('may wait longer while it is new, for its first contact', async () => {
    const { calls } = await simulate(
      calmWorld({ clients: [[take(100, { hold: 10 }), take(300, { hold: 10 })]], connectTimeout: 300 }),
    );
    const bounds = calls.filter(({ verb }) => verb === 'acquire').map(({ bound }) => bound);
    expect(bounds).toEqual([200 + 4 * 50 + 8, 3 * 50 + 8]);
  });
});
