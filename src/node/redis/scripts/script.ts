import { createHash } from 'node:crypto';
import { ALL_BUT_GRANTS, OPERATIONS } from './operations.ts';
import { PERMISSIONS } from './permissions.ts';

/** A script, and the name that a server knows it by once it is loaded. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/**
 * One life of a server's memory. A server that was a replica for a while keeps its scripts but not its locks; so it
 * is another one then, and scripts that name the one before are not its own.
 */
export type Incarnation = string;

/** Stands for a server whose restarts nobody minds: its script admits it for nobody else. */
export const UNGUARDED: Incarnation = 'unguarded';

/** The one script that grants. A server that has it is known to remember every lock that it may hold. */
export function grantScript(incarnation: Incarnation): Script {
  return script(`${OPERATIONS}-- ${incarnation}`);
}

/** Says that a server remembers. It never changes, so that another version of quorlock, with another grant script, knows too. */
export function gateScript(incarnation: Incarnation): Script {
  return script(`return 1 -- quorlock: this server remembers its locks: ${incarnation}`);
}

/** For all that only a holder sends, and for reading: may run on servers that do not vote yet. */
export const allButGrants: Script = script(ALL_BUT_GRANTS);

/** Tells what the user may run. Any server may have it. */
export const permissionScript: Script = script(PERMISSIONS);
