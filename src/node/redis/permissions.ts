import { COUNTER_SUFFIX, counterOf } from '../counter.ts';
import { inboxOf, TURN } from '../inbox.ts';
import { LINE_SUFFIX, lineOf } from '../line.ts';
import type { Feature, Refusal, Subject } from '../node-facts.ts';
import { ScriptInput } from './encode.ts';
import { patternBeside, patternOfKeys } from './forbidden-keys.ts';
import type { Master } from './redis-connection.ts';
import { permissionScript } from './scripts/script.ts';

/** What a feature needs on one kind of key or channel. */
interface Need {
  readonly feature: Feature;
  readonly on: Subject;
  /** As ACL rules name them; after it what follows the key or the channel, so that the number of arguments is right. */
  readonly commands: readonly string[];
}

/** All that quorlock sends, and that its scripts run, apart from what connecting takes. PING is optional. */
const NEEDS: readonly Need[] = [
  { feature: 'lock', on: 'server', commands: ['info', 'script|load x', 'script|exists x'] },
  { feature: 'lock', on: 'lock', commands: ['set x', 'get', 'del', 'exists', 'pttl', 'pexpire 1'] },
  { feature: 'fencing', on: 'server', commands: ['time'] },
  { feature: 'fencing', on: 'counter', commands: ['set x GET', 'get', 'pexpire 1', 'del'] },
  {
    feature: 'waiting',
    on: 'line',
    commands: ['zadd 1 x', 'zcard', 'zpopmin', 'zrange 0 0', 'zrank x', 'zrem x'],
  },
  { feature: 'waiting', on: 'channel', commands: ['spublish x', 'ssubscribe', 'sunsubscribe'] },
  { feature: 'large values', on: 'lock', commands: ['getrange 0 1'] },
];

/** Only its name is used. */
const SAMPLE = '0'.repeat(40);

/**
 * What the user may not run on keys with this prefix. `isSharded`: inboxes name the hash tag of their key.
 *
 * @throws {Error} if it cannot be found out.
 */
export async function refusalsOn(
  master: Master,
  keyPrefix: string,
  isSharded: boolean,
): Promise<readonly Refusal[]> {
  const key = keyPrefix + SAMPLE;
  const targets: Record<Subject, readonly string[]> = {
    server: [],
    lock: [key],
    counter: [counterOf(key)],
    line: [lineOf(key)],
    channel: [inboxOf(SAMPLE, isSharded ? key : undefined)],
  };
  const args = NEEDS.flatMap(({ on, commands }) =>
    commands.flatMap((command) => {
      const [name = '', ...more] = command.split(' ');
      const words = [...name.split('|'), ...targets[on], ...more];
      return [words.length, ...words];
    }),
  );
  await master.load(permissionScript.text);
  const replies = await run(master, args);
  return NEEDS.flatMap(({ feature, on, commands }) => {
    const names = commands.map((command) => command.split(' ', 1)[0] ?? '');
    const found = replies.splice(0, names.length);
    const refused = names.filter((_, index) => found[index] === 0);
    const unknown = names.filter((_, index) => found[index] === -1);
    if (refused.length + unknown.length === 0) return [];
    // If all are refused, the reason may be the key.
    const patterns =
      names.length > 1 && refused.length === names.length ? patternsOf(on, key, keyPrefix) : [];
    const rules = [...refused.map((name) => `+${name}`), ...patterns];
    return { feature, on, commands: refused, unknown, rules };
  });
}

/** The refusal of a command without which nothing else can be found out. */
export function refusalOf(command: string): Refusal {
  return { feature: 'lock', on: 'server', commands: [command], unknown: [], rules: [`+${command}`] };
}

function patternsOf(on: Subject, key: string, keyPrefix: string): readonly string[] {
  switch (on) {
    case 'lock':
      return [patternOfKeys(keyPrefix)];
    case 'counter':
      return [patternBeside(key, keyPrefix, COUNTER_SUFFIX)];
    case 'line':
      return [patternBeside(key, keyPrefix, LINE_SUFFIX)];
    case 'channel':
      return [`&${TURN}*`];
    case 'server':
      return [];
  }
}

/** The names are no KEYS of the script, as nothing is done with them; so they may be in any hash slots. */
function run(master: Master, args: readonly (string | number)[]): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    master.evalsha(permissionScript.sha, new ScriptInput([], args), (error, reply) => {
      if (error) reject(error);
      else if (Array.isArray(reply)) resolve(reply);
      else reject(new Error('unexpected reply to the question for permissions'));
    });
  });
}
