import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Asker, TTL } from './asker.ts';
import { type Backend, PREFIX } from './conformance.ts';
import { expectNoKeys } from './expect-no-keys.ts';
import type { RedisServer } from './redis-server.ts';
import type { RespReply } from './resp.ts';

/** The server where a key is, with the eyes of somebody who may do everything. */
export async function onServerOf(
  servers: readonly RedisServer[],
  ...command: [string, string, ...(string | number)[]]
): Promise<RespReply> {
  for (const server of servers) {
    try {
      return await server.cli(...command);
    } catch (error) {
      if (!/^(MOVED|READONLY)/.test((error as Error).message)) throw error;
    }
  }
  throw new Error(`no server has ${command[1]}`);
}

/** The one that grants, the gate, and the one that does all the rest. */
const SCRIPTS = 3;

async function scriptLoads(server: RedisServer): Promise<number> {
  return Number((await server.info('cmdstat_script|load'))?.match(/calls=(\d+)/)?.[1] ?? 0);
}

/** What a node on real servers promises beside: what others keep there, and scripts that are gone. */
export function describeRedisConformance(name: string, start: () => Promise<Backend>): void {
  describe(`${name} beside other programs`, () => {
    let backend: Backend;
    let ask: Asker;
    const [a, b, c] = ['a', 'b', 'c'].map((key) => PREFIX + key) as [string, string, string];
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
      await ask.node.close(1_000);
      expect(ask.answered).toBe(ask.asked);
      await expectNoKeys(backend.servers);
    });

    it('stores the owner token as a plain string that expires', async () => {
      await ask.grant([a, b], 'owner');
      for (const key of [a, b]) {
        expect(await cli('GET', key)).toBe('owner');
        expect(await cli('PTTL', key)).toBeGreaterThan(TTL / 2);
      }
      await ask.release([a, b], 'owner');
    });

    it.each([
      ['a key of another type', ['RPUSH', 'x'], ['TYPE', 'list']],
      ['a key without expiry', ['SET', 'x'], ['GET', 'x']],
      ['an empty string', ['SET', ''], ['GET', '']],
    ] as const)('counts %s as held by another', async (_what, [set, value], [get, left]) => {
      await cli(set, b, value);
      const foreign = set === 'SET' ? 'value' : 'type';
      const denied = { kind: 'denied', remaining: Number.POSITIVE_INFINITY, key: b, foreign };
      const taken = { kind: 'taken', remaining: Number.POSITIVE_INFINITY };
      const replies = await Promise.all([
        ask.grant(a, 'owner'),
        ask.grant(b, 'owner'),
        ask.grant([b, c], 'owner'),
        ask.grant(c, 'owner'),
        ask.extend([a, b], 'owner', TTL * 10),
        ask.inspect(b),
        ask.release([a, b], 'owner'),
        ask.release(c, 'owner'),
      ]);
      const owner = set === 'SET' ? { ownerToken: value } : {};
      expect(replies).toEqual([
        { kind: 'granted' },
        denied,
        denied,
        { kind: 'granted' },
        taken,
        { kind: 'held', remaining: Number.POSITIVE_INFINITY, foreign, ...owner },
        { kind: 'absent' },
        { kind: 'released' },
      ]);
      expect(await cli(get, b)).toBe(left);
      expect(await cli('PTTL', b)).toBe(-1);
      await cli('DEL', b);
    });

    it('keeps an expiry away that somebody took off the own key', async () => {
      await ask.grant(a, 'owner');
      await cli('PERSIST', a);
      expect(await ask.extend(a, 'owner')).toEqual({ kind: 'extended' });
      expect(await ask.release(a, 'owner')).toEqual({ kind: 'released' });
    });

    it('survives SCRIPT FLUSH with one load of each script', async () => {
      await ask.grant(a, 'owner');
      const before = await Promise.all(backend.servers.map(scriptLoads));
      await Promise.all(backend.servers.map((server) => server.cli('SCRIPT', 'FLUSH')));
      const first = [ask.extend(a, 'owner'), ask.grant(b, 'owner'), ask.release(a, 'owner')];
      await new Promise((resolve) => setImmediate(resolve));
      const second = [ask.grant(a, 'next'), ask.grant(b, 'next')];
      const replies = await Promise.all([...first, ...second]);
      expect(replies.map(({ kind }) => kind)).toEqual([
        'extended',
        'granted',
        'released',
        'granted',
        'denied',
      ]);
      const after = await Promise.all(backend.servers.map(scriptLoads));
      after.forEach((loads, index) => expect(loads - (before[index] ?? 0)).toBeLessThanOrEqual(SCRIPTS));
      expect(await ask.release(b, 'owner')).toEqual({ kind: 'released' });
      expect(await ask.release(a, 'next')).toEqual({ kind: 'released' });
    });

    it('sets nothing that is missing after SCRIPT FLUSH until it has the script for that again', async () => {
      await ask.grant(a, 'owner');
      await Promise.all(backend.servers.map((server) => server.cli('SCRIPT', 'FLUSH')));
      const replies = await Promise.all([
        ask.repair([a, b], 'owner', TTL, 5),
        ask.repair(a, 'owner', TTL, 5),
        ask.confirm(a, 'owner', 7),
      ]);
      expect(replies).toEqual([
        { kind: 'quarantined', remaining: 0 },
        { kind: 'extended' },
        { kind: 'confirmed' },
      ]);
      expect(await ask.inspect(b)).toEqual({ kind: 'free' });
      expect(await ask.repair([a, b], 'owner')).toEqual({ kind: 'repaired' });
      expect(await ask.release([a, b], 'owner')).toEqual({ kind: 'released' });
    });

    it('does not write a claim that nobody waits for when the first connection stands', async () => {
      let wanted = true;
      const reply = ask.grant(a, 'owner', TTL, () => wanted);
      const neighbour = ask.grant(b, 'owner');
      wanted = false;
      expect(await reply).toEqual({ kind: 'unreachable', cause: expect.any(Error), maybeExecuted: false });
      expect(await neighbour).toEqual({ kind: 'granted' });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
      await ask.release(b, 'owner');
    });

    it('does not write a claim that nobody waits for when the script is loaded again', async () => {
      await ask.inspect(a);
      await Promise.all(backend.servers.map((server) => server.cli('SCRIPT', 'FLUSH')));
      let asked = 0;
      // Wanted when it is sent first, not any more when it is sent again.
      const reply = ask.grant(a, 'owner', TTL, () => ++asked === 1);
      expect(await reply).toEqual({ kind: 'unreachable', cause: expect.any(Error), maybeExecuted: false });
      expect(await ask.inspect(a)).toEqual({ kind: 'free' });
    });
  });
}
