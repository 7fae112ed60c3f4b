import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { counterOf } from '../../src/node/counter.ts';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { LAST } from './conformance-fencing.ts';
import { onServerOf } from './conformance-redis.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import type { RespReply } from './resp.ts';

const HOUR = 3_600_000;

/** What a node on real servers promises of counters beside: how they are kept, and what others put there. */
export function describeCounterConformance(name: string, start: () => Promise<Backend>): void {
  describe(`${name} keeps fencing counters`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b] = [`${PREFIX}counter:a`, `${PREFIX}counter:b`];
    const counters = [counterOf(a), counterOf(b)];
    const [counter] = counters as [string];
    const cli = (...command: [string, string, ...(string | number)[]]): Promise<RespReply> =>
      onServerOf(backend.servers, ...command);

    beforeAll(async () => {
      backend = await start();
    });
    afterAll(() => backend.stop());
    beforeEach(() => {
      ask = new Asker(backend.createNode());
    });
    afterEach(async () => {
      await cli('DEL', counters[0] as string, counters[1] as string);
      await ask.node.close(1_000);
      expect(ask.answered).toBe(ask.asked);
      await expectNoKeys(backend.servers);
    });

    it('in digits, to the last one', async () => {
      await ask.grantAbove(0, a, 'owner');
      expect(await cli('GET', counter)).toBe('1');
      for (const number of [1_700_000_000_000_001, LAST - 1, LAST]) {
        await ask.confirm(a, 'owner', number);
        expect(await cli('GET', counter)).toBe(String(number));
      }
      await ask.release(a, 'owner');
    });

    it('in digits, when a grant moves it on', async () => {
      await cli('SET', counter, String(LAST - 2), 'PX', HOUR);
      expect(await ask.grantAbove(0, a, 'owner')).toEqual({ kind: 'granted', counter: LAST - 1 });
      expect(await cli('GET', counter)).toBe(String(LAST - 1));
      await ask.release(a, 'owner');
      expect(await ask.grantAbove(0, [a, b], 'owner')).toEqual({ kind: 'granted', counter: LAST });
      for (const each of counters) expect(await cli('GET', each)).toBe(String(LAST));
      await ask.release([a, b], 'owner');
    });

    it('for their retention, from whatever was done last', async () => {
      await ask.grantAbove(0, [a, b], 'owner');
      const touched = [
        () => ask.confirm([a, b], 'owner', 5),
        () => ask.confirm([a, b], 'owner', 2),
        () => ask.extend([a, b], 'owner', TTL, 5),
        () => ask.extend([a, b], 'owner', TTL, 9),
        async () => {
          await ask.release([a, b], 'owner');
          await ask.repair([a, b], 'owner', TTL, 9);
        },
        async () => {
          await ask.release([a, b], 'owner');
          await ask.grantAbove(0, [a, b], 'owner');
        },
      ];
      for (const touch of touched) {
        for (const each of counters) await cli('PEXPIRE', each, 60_000);
        await touch();
        for (const each of counters) expect(await cli('PTTL', each)).toBeGreaterThan(HOUR / 2);
      }
      await ask.release([a, b], 'owner');
      for (const each of counters) expect(await cli('PTTL', each)).toBeGreaterThan(HOUR / 2);
    });

    it('for one key as for several', async () => {
      await ask.grantAbove(0, a, 'owner');
      expect(await cli('PTTL', counter)).toSatisfy((ms: number) => ms > HOUR / 2 && ms <= HOUR);
      await ask.release(a, 'owner');
    });

    it('only with fencing', async () => {
      await ask.grant(a, 'owner');
      await ask.repair([a, b], 'owner');
      await ask.release([a, b], 'owner');
      for (const each of counters) expect(await cli('EXISTS', each)).toBe(0);
    });

    it.each([
      ['a key of another type', ['RPUSH', 'x'], 'unusable', /fencing counter|WRONGTYPE/],
      ['a year after 2200', ['SET', String(LAST + 1)], 'unusable', /beyond the year 2200/],
      ['the largest exact number', ['SET', '9007199254740991'], 'unusable', /beyond the year 2200/],
      ['infinity', ['SET', 'inf'], 'unusable', /fencing counter/],
      ['what is no number', ['SET', 'x'], 'unusable', /fencing counter/],
      ['an empty string', ['SET', ''], 'unusable', /fencing counter/],
      ['NaN', ['SET', 'nan'], 'unusable', /fencing counter/],
    ] as const)('and fails closed where there is %s', async (_what, [set, value], kind, why) => {
      await cli(set, counter, value);
      const replies = [
        await ask.grantAbove(0, a, 'owner'),
        await ask.grantAbove(0, [b, a], 'owner'),
        await ask.repair([b, a], 'owner', TTL, 5),
      ];
      for (const reply of replies) {
        expect(reply.kind).toBe(kind);
        const said = reply.kind === 'unreachable' ? reply.cause.message : (reply as { why: string }).why;
        expect(said).toMatch(why);
        expect(said).not.toContain('user_script');
      }
      for (const key of [a, b]) expect(await ask.inspect(key)).toEqual({ kind: 'free' });
      if (set === 'SET') expect(await cli('GET', counter)).toBe(value);
      else expect(await cli('LRANGE', counter, 0, -1)).toEqual([value]);
    });

    it('and confirms nothing where there is something else', async () => {
      await ask.grant(a, 'owner');
      await cli('SET', counter, 'x');
      expect(await ask.confirm(a, 'owner', 5)).toMatchObject({ kind: 'unusable' });
      expect(await cli('GET', counter)).toBe('x');
      expect(await ask.release(a, 'owner')).toEqual({ kind: 'released' });
    });

    it('and locks without fencing where there is something else', async () => {
      await cli('SET', counter, 'x');
      expect(await ask.grant(a, 'owner')).toEqual({ kind: 'granted' });
      expect(await ask.extend(a, 'owner')).toEqual({ kind: 'extended' });
      expect(await ask.release(a, 'owner')).toEqual({ kind: 'released' });
      expect(await cli('GET', counter)).toBe('x');
    });
  });
}
