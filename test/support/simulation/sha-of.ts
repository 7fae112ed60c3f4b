import { createHash } from 'node:crypto';

const known = new Map<string, string>();

/** What a server calls a script. The same few are loaded again and again. */
export function shaOf(script: string): string {
  let sha = known.get(script);
  if (sha === undefined) {
    // Thousands of servers with a script each are too many to remember.
    if (known.size > 100) known.clear();
    sha = createHash('sha1').update(script).digest('hex');
    known.set(script, sha);
  }
  return sha;
}
