import { parseArgs } from 'node:util';
import { Redlock } from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';

export interface DemoOptions {
  /** Servers of the user's; the demo starts its own without. */
  readonly nodes: readonly string[] | undefined;
  readonly memory: boolean;
  readonly workers: number;
  readonly seconds: number;
  /** ms */
  readonly ttl: number;
  readonly locked: boolean;
}

export const HELP = `Workers add to a shared counter under one lock, while two of the five nodes that hold the lock die and come back.

npm run demo -- [options]

  --workers N         how many compete for the lock, 1 to 64 (4)
  --seconds S         for how long (10)
  --ttl MS            for how long nodes keep the lock unless it is extended (1000)
  --nodes URL,URL,…   these Redis servers instead of own ones; nothing is killed then
  --memory            nodes in memory, workers in one process; the default without redis-server
  --without-lock      the same work unprotected: updates get lost
  --help

Exits with 0 if no two workers were ever inside at once and no update was lost, 1 if not, 2 for a bad option.
`;

/** @throws {Error} whose message says which option is wrong, and why. */
export async function readOptions(args: string[]): Promise<DemoOptions | 'help'> {
  const { values } = parseArgs({
    args,
    options: {
      nodes: { type: 'string' },
      memory: { type: 'boolean', default: false },
      workers: { type: 'string', default: '4' },
      seconds: { type: 'string', default: '10' },
      ttl: { type: 'string', default: '1000' },
      'without-lock': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  const options: DemoOptions = {
    nodes: values.nodes?.split(',').map((url) => url.trim()),
    memory: values.memory,
    workers: number('--workers', values.workers, 1, 64, Number.isInteger),
    seconds: number('--seconds', values.seconds, 1, 600),
    ttl: number('--ttl', values.ttl, 100, 30_000, Number.isInteger),
    locked: !values['without-lock'],
  };
  if (options.nodes && options.memory) throw new Error('--nodes and --memory exclude each other');
  const shortest = (2.5 * options.ttl) / 1000;
  if (options.seconds < shortest)
    throw new Error(
      `--seconds must be at least ${shortest}, 2.5 times the ttl of ${options.ttl} ms, not ${values.seconds}`,
    );
  // The library knows best what it takes.
  await new Redlock(options.nodes ?? createMemoryNodes(1), { ttl: options.ttl }).close();
  return options;
}

function number(
  name: string,
  text: string,
  min: number,
  max: number,
  accepts: (value: number) => boolean = Number.isFinite,
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (accepts(value) && value >= min && value <= max) return value;
  const kind = accepts === Number.isInteger ? 'a whole number' : 'a number';
  throw new Error(`${name} must be ${kind} from ${min} to ${max}, not ${JSON.stringify(text)}`);
}
