import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { NodeMisconfiguredError, Redlock } from '../../src/index.ts';
import { counterOf } from '../../src/node/counter.ts';
import { lineOf } from '../../src/node/line.ts';
import { ALL_BUT_GRANTS, OPERATIONS } from '../../src/node/redis/scripts/operations.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { LEAST_ACL, SPARING_ACL } from '../support/least-acl.ts';
import { type RedisServer, startRedis } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { tokenOf } from '../support/token.ts';
import { connected, openRedlock, rejection, startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

const SEED = Number(process.env['SEED'] ?? 20_261_130);
const TOKEN = tokenOf(1, 1);
const OTHER = tokenOf(2, 1);
const RETENTION = '3600000';

let server: RedisServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());
beforeEach(() => server.cli('FLUSHALL'));

const run = (script: string, keys: readonly string[], ...args: readonly string[]): Promise<unknown> =>
  server.cli('EVAL', script, String(keys.length), ...keys, ...args).catch((error: Error) => error.message);

const grant = (script: string, number: number): Promise<unknown> =>
  run(script, ['k', counterOf('k')], 'fenced', RETENTION, TOKEN, '60000', String(number));

const release = (script: string): Promise<unknown> => run(script, ['k'], 'release', '30', TOKEN);

interface Break {
  /** What the script does when it is broken so. */
  readonly name: string;
  readonly script?: string;
  readonly edit: readonly [from: string, to: string];
  /** What can be seen of it. */
  readonly seen: (script: string) => Promise<unknown>;
  readonly right: unknown;
}

const BREAKS: readonly Break[] = [
  {
    name: 'keeps the key of a grant whose counter gives no number',
    edit: ["      call('DEL', key)\n      error(number, 0)", '      error(number, 0)'],
    seen: async (script) => {
      await server.cli('SET', counterOf('k'), 'nonsense');
      await grant(script, 500);
      return [await server.cli('EXISTS', 'k'), await server.cli('GET', counterOf('k'))];
    },
    right: [0, 'nonsense'],
  },
  {
    name: 'lowers a counter',
    edit: [
      "if type(before) ~= 'string' or not ((tonumber(before) or number) < number) then",
      'if false then',
    ],
    seen: async (script) => {
      await server.cli('SET', counterOf('k'), '900');
      return [await grant(script, 500), await server.cli('GET', counterOf('k'))];
    },
    right: [[['granted', '901']], '901'],
  },
  {
    name: 'takes a counter that is no number for a small one',
    edit: ['not ((tonumber(before) or number) < number)', '(tonumber(before) or number) >= number'],
    seen: async (script) => {
      await server.cli('SET', counterOf('k'), 'nan');
      await grant(script, 500);
      return [await server.cli('EXISTS', 'k'), await server.cli('GET', counterOf('k'))];
    },
    right: [0, 'nan'],
  },
  {
    name: 'grants what somebody else has',
    edit: [
      "try('SET', KEYS[key], ARGV[i], 'NX', 'PX', ARGV[i + 1])",
      "try('SET', KEYS[key], ARGV[i], 'PX', ARGV[i + 1])",
    ],
    seen: async (script) => {
      await server.cli('SET', 'k', OTHER, 'PX', '60000');
      await grant(script, 500);
      return server.cli('GET', 'k');
    },
    right: OTHER,
  },
  {
    name: 'grants by a server that may have forgotten locks',
    script: ALL_BUT_GRANTS,
    edit: ["if remembers and (form == 'fenced'", "if (form == 'fenced'"],
    seen: async (script) => {
      await grant(script, 500);
      return server.cli('EXISTS', 'k');
    },
    right: 0,
  },
  {
    name: 'releases what somebody else has',
    edit: ["if token == '' or try('GETRANGE', KEYS[i], '0', '127') ~= token then", 'if false then'],
    seen: async (script) => {
      await server.cli('SET', 'k', OTHER);
      return [await release(script), await server.cli('GET', 'k')];
    },
    right: [[0], OTHER],
  },
  {
    name: 'serves no line',
    edit: ["type(waiting) == 'number' and waiting > 0", 'false'],
    seen: async (script) => {
      await server.cli('SET', 'k', TOKEN);
      // Nobody hears for it, so that it is taken out of the line.
      await server.cli('ZADD', lineOf('k'), '1', `quorlock:turn:${tokenOf(9, 9)}`);
      return [await release(script), await server.cli('EXISTS', lineOf('k'))];
    },
    right: [1, 0],
  },
];

describe('a script is caught that', () => {
  it.each(BREAKS)('$name', async ({ script = OPERATIONS, edit: [from, to], seen, right }) => {
    expect(await seen(script)).toEqual(right);
    await server.cli('FLUSHALL');
    expect(script.split(from)).toHaveLength(2);
    expect(await seen(script.replace(from, () => to))).not.toEqual(right);
  });
});

describe('of two releases of one key in one command', () => {
  it('the second finds it gone', async () => {
    await server.cli('SET', 'k', TOKEN);
    expect(await run(OPERATIONS, ['k', 'k'], 'release', '30', TOKEN, TOKEN)).toEqual([1, 0]);
  });
});

/** Gives the user `late` what a lock needs, and these rules. */
const allow = (...rules: readonly string[]): Promise<unknown> =>
  server.cli(
    'ACL',
    'SETUSER',
    'late',
    'reset',
    'on',
    '>secret',
    '~*',
    ...LEAST_ACL,
    ...SPARING_ACL,
    ...rules,
  );

describe('a user whose permission is taken away while it is connected', () => {
  it('gets locks until an operation is refused, and none from then on until it is allowed again', async () => {
    await allow();
    await using redlock = new Redlock([`redis://late:secret@127.0.0.1:${server.port}`], { ttl: 5_000 });
    await (await redlock.acquire('a')).release();
    await allow('-pexpire');
    const late = await redlock.acquire('b');
    expect(await rejection(late.extend())).toBeInstanceOf(NodeMisconfiguredError);
    await late.release();
    const refused = await rejection(redlock.acquire('c'));
    expect(refused).toBeInstanceOf(NodeMisconfiguredError);
    expect(refused.message.toLowerCase()).toContain('pexpire');
    await allow();
    await (await redlock.acquire('d')).release();
  });
});

describe('fencing tokens of brief, general and several-key grants', () => {
  /** How far the wall clocks of the clients are off, in ms. */
  const SKEWS = [-50, 0, 30];

  it(`grow while clients with clocks that differ compete (seed ${SEED})`, async () => {
    const random = seededRandom(SEED);
    const servers = await startNodes(5);
    const clients = [...SKEWS, ...SKEWS].map((skew) =>
      openRedlock(servers, { clock: { ...systemClock, wallTime: () => systemClock.wallTime() + skew } }),
    );
    for (const client of clients) await connected(client, servers);
    const last = new Map<string, number>();
    const turns = clients.map(async (client) => {
      for (let turn = 0; turn < 60; turn++) {
        const wanted = [['a'], ['b'], ['a', 'b']][Math.floor(random.fraction() * 3)] as string[];
        const lock = await client.acquire(wanted, { acquireTimeout: 50_000 });
        for (const resource of lock.resources) {
          expect(lock.fencingToken).toBeGreaterThan(last.get(resource) ?? 0);
          last.set(resource, lock.fencingToken);
        }
        await lock.release();
      }
    });
    await Promise.all(turns);
  }, 60_000);
});
