import type { Fence } from '../../src/node/memory-store.ts';
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
      fence: isFenced ? { value: Number(fence), retention: Number(args[0]) } : undefined,
    });
    // The counters of its keys come after them.
    first += many * (isFenced ? 2 : 1);
  }
  return requests;
}
