import type { CommandLine } from './command-line.ts';
import { UsageError } from './exit-code.ts';

/** The only argument of a command. */
export function oneResource({ positionals, rest }: CommandLine): string {
  const [resource, more] = [...positionals, ...(rest ?? [])];
  if (resource === undefined || resource === '') throw new UsageError('give the name of a resource');
  if (more !== undefined) throw new UsageError('give one resource only');
  return resource;
}

/** For a command without arguments. */
export function noArguments({ positionals, rest }: CommandLine): void {
  if (positionals.length > 0 || (rest ?? []).length > 0) throw new UsageError('it takes no arguments');
}
