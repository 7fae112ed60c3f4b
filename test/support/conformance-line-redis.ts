import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inboxOf, TURN } from '../../src/node/inbox.ts';
import { lineOf } from '../../src/node/line.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { onServerOf } from './conformance-redis.ts';
import { Ear } from './ear.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import type { RespReply } from './resp.ts';
import { tokenOf } from './token.ts';

const HOLDER = tokenOf(1, 1);
const FIRST = tokenOf(2, 0);
const SECOND = tokenOf(3, 0);

/** As many as a line takes, and as many as one release drops of it. */
const FULL = 10_000;
const AT_A_TIME = 1_000;

/** How a node on real servers keeps its lines, and what becomes of it when others meddle with them. */
export function describeLineKeepingConformance(name: string, start: () => Promise<Backend>): void {
  describe(`${name} keeps lines`, () => {
    let backend: Backend;
    let ask: Asker;
    const a = `${PREFIX}line:a`;
    const b = `${PREFIX}line:b`;
    const line = lineOf(a);
    const cli = (...command: [string, string, ...(string | number)[]]): Promise<RespReply> =>
      onServerOf(backend.servers, ...command);
    const inbox = (waiter: string): string => inboxOf(waiter, backend.servers.length > 1 ? a : undefined);

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(async () => {
      ask = new Asker(backend.createNode());
      await ask.inspect(a);
    });
    afterEach(async () => {
      await cli('DEL', line);
      await cli('DEL', a);
      await ask.node.close(1_000);
      expect(ask.answered).toBe(ask.asked);
      await expectNoKeys(backend.servers);
    });

    async function listen(waiter: string): Promise<Ear> {
      const ear = new Ear(ask.node, waiter, a);
      await ear.told('live');
      return ear;
    }

    /** How many messages scripts have published on all servers. */
    async function published(): Promise<number> {
      const stats = await Promise.all(backend.servers.map((server) => server.info('cmdstat_spublish')));
      return stats.reduce((sum, stat) => sum + Number(/calls=(\d+)/.exec(stat ?? '')?.[1] ?? 0), 0);
    }

    /** Names that nobody listens to. */
    async function fill(count: number): Promise<void> {
      for (let i = 0; i < count; i += AT_A_TIME) {
        const many = Array.from({ length: Math.min(AT_A_TIME, count - i) }, (_, j) => [
          i + j + 1,
          inbox(tokenOf(9, i + j)),
        ]);
        await cli('ZADD', line, ...many.flat());
      }
    }

    const length = (): Promise<RespReply> => cli('ZCARD', line);

    it('as sorted sets of inboxes beside the key, which expire', async () => {
      await ask.grant(a, HOLDER);
      const denial = await ask.stand(a, FIRST, FIRST);
      const { since } = (denial as { place: { since: number } }).place;
      expect(line).toBe(`${a}:quorlock:line`);
      expect(await cli('ZRANGE', line, 0, -1, 'WITHSCORES')).toEqual([inbox(FIRST), String(since)]);
      expect(inbox(FIRST)).toBe(`${TURN}${backend.servers.length > 1 ? '{conformance}:' : ''}${FIRST}`);
      expect(await cli('PTTL', line)).toSatisfy((ms: number) => ms > 30_000 && ms <= 60_000);
    });

    it('for longer, whenever somebody stands again', async () => {
      await ask.grant(a, HOLDER);
      await ask.stand(a, FIRST, FIRST);
      await cli('PEXPIRE', line, 20_000);
      await ask.stand(a, FIRST, FIRST);
      expect(await cli('PTTL', line)).toBeGreaterThan(30_000);
    });

    it('not at all when nobody waits any more', async () => {
      await listen(FIRST);
      await ask.grant(a, HOLDER);
      await ask.stand(a, FIRST, FIRST);
      await ask.release(a, HOLDER);
      expect(await cli('EXISTS', line)).toBe(0);
      await ask.stand(a, FIRST, FIRST);
      await ask.release(a, FIRST);
    });

    it('and the inbox of the first under the key, for as long as that is reserved', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      await ask.stand(a, FIRST, FIRST);
      await ask.release(a, HOLDER, { reservation: 20_000 });
      await first.told('turn');
      expect(await cli('GET', a)).toBe(inbox(FIRST));
      expect(await cli('PTTL', a)).toSatisfy((ms: number) => ms > 10_000 && ms <= 20_000);
      await ask.stand(a, FIRST, FIRST);
      await ask.release(a, FIRST);
    });

    it('in the order of names, for those who came in the same µs', async () => {
      await ask.grant(a, HOLDER);
      await ask.stand(a, SECOND, SECOND, { since: 77 });
      expect(await ask.stand(a, FIRST, FIRST, { since: 77 })).toMatchObject({ place: { position: 0 } });
    });

    it.each([
      ['a string', ['SET', 'x'], ['GET', 'x']],
      ['a list', ['RPUSH', 'x'], ['LINDEX', 'x', 0]],
    ] as const)(
      'as if there were none where %s is in their place',
      async (_what, [set, value], [get, left, ...more]) => {
        await cli(set, line, value);
        expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
        const denied = { kind: 'denied', remaining: expect.any(Number), key: a, owner: expect.any(String) };
        expect(await ask.stand(a, SECOND, SECOND)).toEqual(denied);
        expect(await ask.grant(a, SECOND)).toEqual(denied);
        const waiter = { name: FIRST, key: a, since: 0 };
        expect(await ask.release(a, FIRST, { afterwards: 'yield', waiter })).toEqual({ kind: 'released' });
        expect(await ask.grant([a, b], FIRST)).toEqual({ kind: 'granted' });
        expect(await ask.release([a, b], FIRST, { waiter })).toEqual({ kind: 'released' });
        expect(await ask.grant(a, FIRST)).toEqual({ kind: 'granted' });
        expect(await ask.release(a, FIRST)).toEqual({ kind: 'released' });
        expect(await cli(get, line, ...more)).toBe(left);
        expect(await cli('PTTL', line)).toBe(-1);
      },
    );

    it('in which nothing is an inbox but what begins like one: the rest is dropped, and never published to', async () => {
      const forged = [
        '',
        'evil',
        TURN.slice(1),
        TURN.slice(0, -1),
        TURN.toUpperCase(),
        ` ${TURN}`,
        'quorlock:released:x',
        'x'.repeat(1_000_000),
      ];
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      await ask.stand(a, FIRST, FIRST);
      for (const [score, member] of forged.entries()) await cli('ZADD', line, score, member);
      const before = await published();
      await ask.release(a, HOLDER);
      await first.told('turn');
      expect((await published()) - before).toBe(1);
      expect(await cli('EXISTS', line)).toBe(0);
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({ kind: 'granted' });
      await cli('ZADD', line, 1, 'evil', 2, 'evil, too');
      const waiter = { name: FIRST, key: a, since: -1 };
      expect(await ask.release(a, FIRST, { afterwards: 'yield', waiter })).toEqual({ kind: 'released' });
      expect((await published()) - before).toBe(1);
    });

    it.each(['inf', '-inf', '1e300', '9007199254740993'])(
      'that may have been forged: a place whose time is %s is none',
      async (score) => {
        await ask.grant(a, HOLDER);
        await cli('ZADD', line, score, inbox(FIRST));
        expect(await ask.stand(a, FIRST, FIRST)).toEqual({
          kind: 'denied',
          remaining: expect.any(Number),
          key: a,
          owner: expect.any(String),
        });
      },
    );

    it.each([
      ['inf', 30],
      ['-inf', 30],
      ['1e300', 30],
      ['-3', 30],
      ['1800000000000002.5', 30],
      ['7258118400000003', 30],
      ['9007199254740997', 30],
      ['1800000000000004', 480],
      ['1800000000000007', 1_000],
    ])(
      'whose scores may have been forged: with %s, a key is reserved for %d ms at most',
      async (score, most) => {
        const first = await listen(FIRST);
        await ask.grant(a, HOLDER);
        await cli('ZADD', line, score, inbox(FIRST));
        expect(await ask.release(a, HOLDER, { reservation: 1 })).toEqual({ kind: 'released' });
        await first.told('turn');
        expect(await cli('PTTL', a)).toSatisfy((ms: number) => ms <= most && (ms > 30 || most === 30));
      },
    );

    it('whose dead are told nothing: at most three of them are dropped to find the next', async () => {
      const first = await listen(FIRST);
      await ask.grant(a, HOLDER);
      await ask.stand(a, FIRST, FIRST, { since: 1 });
      const [dead, ...others] = [10, 11, 12].map((index) => inbox(tokenOf(9, index))) as [
        string,
        string,
        string,
      ];
      await cli('ZADD', line, 10, dead, 11, 'evil', 12, others[0], 13, others[1]);
      await ask.release(a, HOLDER);
      await first.told('turn');
      expect(await cli('ZRANGE', line, 0, -1)).toEqual([others[1]]);
    });

    it('whose dead are dropped, but no more of them at a time than delay nobody', async () => {
      await ask.grant(a, HOLDER);
      await fill(FULL);
      await ask.release(a, HOLDER);
      expect(await length()).toBe(FULL - AT_A_TIME);
      expect(await ask.release(a, HOLDER)).toEqual({ kind: 'absent' });
      expect(await length()).toBe(FULL - 2 * AT_A_TIME);
      await listen(FIRST);
      const denied = { kind: 'denied', remaining: 0, key: a, isReserved: true };
      expect(await ask.stand(a, FIRST, FIRST)).toEqual({
        ...denied,
        place: { position: FULL - 3 * AT_A_TIME, since: expect.any(Number) },
      });
    });

    it('with up to 10,000 places', async () => {
      await ask.grant(a, HOLDER);
      await fill(FULL - 1);
      expect(await ask.stand(a, FIRST, FIRST)).toMatchObject({ place: { position: FULL - 1 } });
      expect(await ask.stand(a, SECOND, SECOND)).not.toHaveProperty('place');
      expect(await ask.stand(a, SECOND, SECOND, { since: 1 })).not.toHaveProperty('place');
      await cli('PEXPIRE', line, 20_000);
      await ask.stand(a, SECOND, SECOND);
      expect(await cli('PTTL', line)).toBeLessThanOrEqual(20_000);
      expect(await ask.stand(a, FIRST, FIRST)).toMatchObject({ place: { position: FULL - 1 } });
      expect(await cli('PTTL', line)).toBeGreaterThan(30_000);
      const waiter = { name: SECOND, key: a, since: 1 };
      await ask.release(a, 'unheard of', { afterwards: 'yield', waiter });
      expect(await cli('ZSCORE', line, inbox(SECOND))).toBe(null);
    });

    it('and knows a reservation by more than its beginning', async () => {
      const long = `lock:{${'x'.repeat(1_000)}}`;
      const first = new Ear(ask.node, FIRST, long);
      await first.told('live');
      await ask.grant(long, HOLDER);
      await ask.stand(long, FIRST, FIRST, { key: long });
      await ask.release(long, HOLDER);
      await first.told('turn');
      expect(await ask.stand(long, SECOND, SECOND, { key: long })).toMatchObject({ isReserved: true });
      expect(await ask.inspect(long)).toEqual({ kind: 'free' });
      expect(await ask.stand(long, FIRST, FIRST, { key: long })).toEqual({ kind: 'granted' });
      await ask.release(long, FIRST);
      await cli('DEL', lineOf(long));
    });

    it('and takes a forged reservation for one, until it expires', async () => {
      await cli('SET', a, `${TURN}nobody`, 'PX', TTL);
      const denied = { kind: 'denied', remaining: expect.any(Number), key: a, isReserved: true };
      expect(await ask.grant(a, HOLDER)).toEqual(denied);
      expect(await ask.release(a, HOLDER)).toEqual({ kind: 'absent' });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
    });

    it('by a grant whose error is the reply as ever, and then the next one is served', async () => {
      const [first, second] = [await listen(FIRST), await listen(SECOND)];
      await ask.grant(a, HOLDER);
      await ask.stand(a, FIRST, FIRST);
      await ask.stand(a, SECOND, SECOND);
      await ask.release(a, HOLDER);
      await first.told('turn');
      const future = (Date.now() + 7_200_000) * 1_000;
      expect(await ask.stand(a, FIRST, FIRST, { hint: future })).toMatchObject({
        kind: 'unusable',
        why: expect.stringContaining('clock'),
      });
      await second.told('turn');
      expect(await ask.stand(a, SECOND, SECOND)).toEqual({ kind: 'granted' });
      await ask.release(a, SECOND);
    });
  });
}
