import { Redlock, type RedlockError } from 'quorlock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bulk, type FakeRedis, info, startFakeRedis } from '../support/fake-redis.ts';
import { enforceNoLeaks } from '../support/leaks.ts';
import { rejectionOf } from '../support/peek.ts';
import { textsOf } from '../support/texts-of.ts';

enforceNoLeaks();

const USER = 'bobsecret';
const PASSWORD = 'pässword';
const SETTINGS = { ttl: 30_000, nodeTimeout: 5_000, connectTimeout: 10_000 } as const;

let fake: FakeRedis;
/** What each operation of a batch is answered, unless it is a release. */
let refusal = '';

beforeAll(async () => {
  fake = await startFakeRedis((command) => {
    const [name = '', , keys] = command;
    switch (name.toLowerCase()) {
      case 'info':
        return info({
          redis_version: '7.0.15',
          run_id: 'fake',
          master_replid: 'fake',
          uptime_in_seconds: '100000',
          loading: '0',
          role: 'master',
        });
      case 'script':
        return command[1]?.toLowerCase() === 'exists'
          ? `*${command.length - 2}\r\n${':1\r\n'.repeat(command.length - 2)}`
          : bulk('sha');
      case 'evalsha': {
        // After the time for which counters are kept, five for each operation.
        const verbs = command.slice(4 + Number(keys)).filter((_, index) => index % 5 === 0);
        const answers = verbs.map((verb) => (verb === 'release' ? '+absent\r\n' : `-${refusal}\r\n`));
        return `*${answers.length}\r\n${answers.join('')}`;
      }
      default:
        return '+OK\r\n';
    }
  });
});
afterAll(() => fake.stop());

const openRedlock = (): Redlock =>
  new Redlock([`redis://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${fake.port}`], SETTINGS);

/** Two calls of one tick, and so of one command: their errors. */
async function failuresOf(redlock: Redlock): Promise<RedlockError[]> {
  const calls = ['r', 's'].map((resource) => rejectionOf(redlock.tryAcquire(resource)));
  return (await Promise.all(calls)) as RedlockError[];
}

describe('an error that stands among the replies of a command', () => {
  it.each([
    [
      'NOPERM',
      `NOPERM User ${USER} has no permissions to run the 'set' command`,
      'unusable',
      "NOPERM User *** has no permissions to run the 'set' command",
    ],
    ['OOM', `OOM no memory for ${USER}, ${PASSWORD}`, 'unreachable', 'OOM no memory for ***, ***'],
  ])('shows no credentials: %s', async (_code, text, kind, shown) => {
    refusal = text;
    await using redlock = openRedlock();
    const errors = await failuresOf(redlock);
    const inspection = await redlock.inspect('r');
    for (const { message, votes } of errors) {
      expect(message).toContain(shown);
      expect(votes).toMatchObject([kind === 'unusable' ? { kind, why: shown } : { kind }]);
    }
    const texts = [...errors, inspection].map((each) => textsOf(each)).join('\n');
    expect(texts).toContain(shown);
    for (const secret of [USER, PASSWORD, encodeURIComponent(PASSWORD)]) expect(texts).not.toContain(secret);
  });

  it('is a plain error, with nothing of the command', async () => {
    refusal = `OOM no memory for ${USER}`;
    await using redlock = openRedlock();
    for (const { votes } of await failuresOf(redlock)) {
      const [vote] = votes;
      const cause = vote?.kind === 'unreachable' ? vote.cause : undefined;
      expect(Object.getPrototypeOf(cause)).toBe(Error.prototype);
      expect(new Set(Reflect.ownKeys(cause ?? {}))).toEqual(new Set(['message', 'name', 'stack']));
    }
  });
});
