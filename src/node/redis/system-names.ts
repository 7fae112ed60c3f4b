import dns from 'node:dns';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { inspect } from 'node:util';
import type { Cancel } from '../../clock.ts';

/** Which addresses are wanted: 0 for any, or only those of IPv4 or IPv6. */
export type Family = 0 | 4 | 6;

/** IP addresses, the best first; none if there is an error. */
export type Addresses = (error: Error | null, addresses: readonly string[]) => void;

/** The ways to look up a name. Each calls `answer` once; perhaps before it returns. */
export interface SystemNames {
  /**
   * `dns.lookup`: all that the machine knows (hosts file, search domains, other name services), in the machine's order. It occupies one of the
   * few threads that the process has for this, cannot be cancelled, and keeps the process alive.
   */
  lookup(name: string, family: Family, answer: Addresses): void;
  /** Asks only the name servers, and only for this very name. It occupies no thread, and can be cancelled; it may answer all the same. */
  resolve(name: string, family: 4 | 6, answer: Addresses): Cancel;
  /** The text of the hosts file; empty if there is none. */
  hosts(): string;
}

/**
 * Of c-ares. Each try waits twice as long as the last one, less up to a half at random, and hears no answer to an earlier try. The first is
 * short, as the first name server may be dead; the last is long enough for one that takes 10 s.
 */
const RESOLVER: dns.ResolverOptions = { timeout: 2_500, tries: 4 };

export const systemNames: SystemNames = {
  lookup(name, family, answer) {
    // Through the module at the time of the call: programs and tests replace this function.
    answerOnce(answer, (callback) => dns.lookup(name, { all: true, family }, callback));
  },

  resolve(name, family, answer) {
    const resolver = new dns.Resolver(RESOLVER);
    const answered = (error: Error | null, addresses: string[]): void =>
      answer(error, error ? [] : addresses);
    try {
      if (family === 4) resolver.resolve4(name, answered);
      else resolver.resolve6(name, answered);
    } catch (error) {
      // Such as a name that c-ares does not take; the system may.
      answered(error as Error, []);
    }
    return () => resolver.cancel();
  },

  hosts() {
    const folder = process.platform === 'win32' ? `${process.env.SystemRoot}\\System32\\drivers` : '';
    const path = folder ? `${folder}\\etc\\hosts` : '/etc/hosts';
    try {
      // Reading asynchronously would wait for a thread of the pool that look-ups block.
      return readFileSync(path, 'utf8');
    } catch {
      return '';
    }
  },
};

/** Whether it means that no name server answered. Any other error is an answer. */
export function isSilence(error: NodeJS.ErrnoException | null): boolean {
  return error?.code === 'ETIMEOUT';
}

/** Whether the text of a hosts file mentions a name. */
export function isInHosts(text: string, name: string): boolean {
  const wanted = name.toLowerCase();
  const lines = text.toLowerCase();
  if (!lines.includes(wanted)) return false;
  return lines.split('\n').some((line) => {
    const [, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return names.includes(wanted);
  });
}

/**
 * Calls a function that answers as `dns.lookup` does, with `(error, address, family)` or `(error, [{ address, family }, …])`. It may be the
 * user's: what it throws is its answer, and a second answer is ignored.
 */
export function answerOnce(
  answer: (error: Error | null, hosts: readonly string[]) => void,
  ask: (callback: (error: unknown, found?: unknown) => void) => void,
): void {
  let isAnswered = false;
  const callback = (error: unknown, found?: unknown): void => {
    if (isAnswered) return;
    isAnswered = true;
    if (error)
      answer(error instanceof Error ? error : new Error(`the look-up failed: ${inspect(error)}`), []);
    else answer(null, hostsIn(found));
  };
  try {
    ask(callback);
  } catch (error) {
    callback(error ?? new Error('it failed'));
  }
}

function hostsIn(found: unknown): string[] {
  const all: unknown[] = Array.isArray(found) ? found : [found];
  return all.flatMap((one) => {
    const host: unknown = typeof one === 'object' && one !== null && 'address' in one ? one.address : one;
    return typeof host === 'string' && host !== '' ? [host] : [];
  });
}

export function onlyAddresses(hosts: readonly string[]): string[] {
  return hosts.filter((host) => isIP(host) !== 0);
}
