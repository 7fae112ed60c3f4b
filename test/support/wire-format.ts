import type { Fence } from '../../src/node/memory/memory-store.ts';
import type { Operation } from './checker/history.ts';

/** One operation of a command, as a server reads it off its KEYS and ARGV. */
export interface Request {
  readonly operation: Operation;
  readonly keys: readonly string[];
  readonly token: string;
  /** 0 in a release. */
  readonly ttl: number;
  /** Whether those who listen are told of a release. */
  readonly announce: boolean | 'gone';
  readonly fence: Fence | undefined;
}

/** For how long counters are kept, and then five arguments for each operation, as src/node/scripts/operations.ts has it. */
export function requestsOf(keys: readonly string[], args: readonly (string | number)[]): Request[] {
  const requests: Request[] = [];
  let first = 0;
  for (let i = 1; i < args.length; i += 5) {
    const [operation, count, token, ttl, fence] = args.slice(i, i + 5);
    const many = Number(count);
    const isFenced = fence !== '';
    requests.push({
      operation: operation as Operation,
      keys: keys.slice(first, first + many),
      token: String(token),
      ttl: Number(ttl) || 0,
      announce: ttl === 'gone' ? 'gone' : ttl === 'announce',
      // A grant says which number it wants, and not what that comes after.
      fence: isFenced
        ? { value: Number(fence) - (operation === 'grant' ? 1 : 0), retention: Number(args[0]) }
        : undefined,
    });
    // The counters of its keys come after them.
    first += many * (isFenced ? 2 : 1);
  }
  return requests;
}

/** What the script says of an operation that was done just as asked, or did not find its keys. */
const ON_WIRE: Readonly<Record<string, unknown>> = {
  granted: 1,
  confirmed: 1,
  extended: 1,
  released: 1,
  absent: 0,
};

/** A reply of one word, as the script gives it. */
export function onWire(word: unknown): unknown {
  return typeof word === 'string' && word in ON_WIRE ? ON_WIRE[word] : word;
}

const DONE: Partial<Record<Operation, string>> = {
  grant: 'granted',
  confirm: 'confirmed',
  extend: 'extended',
  repair: 'extended',
  release: 'released',
};

/** The word for an operation's reply, or the error in its place. */
export function wordOf(operation: Operation, reply: unknown): string {
  if (reply instanceof Error) return reply.message;
  if (reply === 1) return DONE[operation] ?? '1';
  if (reply === 0) return 'absent';
  return String(Array.isArray(reply) ? reply[0] : reply);
}
