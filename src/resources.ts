import { wrong } from './bad-input.ts';
import { COUNTER_SUFFIX } from './node/counter.ts';
import { LINE_SUFFIX } from './node/line.ts';
import { enumerate, quote } from './quote.ts';

/** One lock's keys go into one script call, whose arguments a server can only take so many of. */
const MOST_RESOURCES = 1_000;

/** Ends of the keys that quorlock keeps beside a lock's own. */
const RESERVED = [COUNTER_SUFFIX, LINE_SUFFIX];

/**
 * Checks what is to be locked, and removes duplicates.
 *
 * @throws {TypeError} for anything but a non-empty string or a non-empty array of those; {@link RangeError} for
 * more than 1,000 and for a reserved name.
 */
export function resolveResources(resources: string | readonly string[]): readonly string[] {
  if (typeof resources === 'string') {
    checkResource(resources);
    return [resources];
  }
  const all: readonly string[] = Array.isArray(resources) ? resources : [resources];
  if (all.length === 0) throw wrong(TypeError, 'resources', resources, 'at least one resource');
  for (const resource of all) checkResource(resource);
  const unique = [...new Set(all)];
  if (unique.length > MOST_RESOURCES) {
    throw wrong(RangeError, 'resources', unique.length, `at most ${MOST_RESOURCES} in one lock`);
  }
  return unique;
}

function checkResource(resource: unknown): void {
  if (typeof resource !== 'string' || resource === '')
    throw wrong(TypeError, 'resource', resource, 'a non-empty string');
  for (const suffix of RESERVED)
    if (resource.endsWith(suffix))
      throw wrong(RangeError, 'resource', resource, `a string that does not end in ${suffix}`);
}

/** How many resources a message names. */
const MOST_NAMED = 5;

/** Resources as messages name them. */
export function list(resources: readonly string[]): string {
  return enumerate(resources.map(quote), MOST_NAMED);
}
