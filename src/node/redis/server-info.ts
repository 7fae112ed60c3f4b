import type { Unusable } from '../lock-node.ts';
import type { Incarnation } from './scripts/script.ts';

/** What INFO tells of a server. */
export interface ServerInfo {
  /** Random, and new with every start of the server. */
  readonly runId: string;
  /** New with every start, and whenever the server has become a master. */
  readonly incarnation: Incarnation;
  /** How long it says that it has been running, in ms: up to a second more than it has. 0 if that is no valid number. */
  readonly uptime: number;
  /** Whether it was a replica, and has become a master since it started; true also if INFO does not clearly deny it. */
  readonly promoted: boolean;
  /** Its wall clock, in µs since 1970, if it tells. */
  readonly wallTime: number | undefined;
  readonly fields: ReadonlyMap<string, string>;
}

/** `text`: what a server answers to INFO, which may be no text at all. */
export function parseInfo(text: unknown): ServerInfo {
  const fields = new Map<string, string>();
  for (const line of typeof text === 'string' ? text.split(/\r?\n/) : []) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const runId = fields.get('run_id') ?? '';
  const uptime = Number(fields.get('uptime_in_seconds')) * 1_000;
  return {
    runId,
    incarnation: `${runId} ${fields.get('master_replid') ?? ''}`,
    // Too young is the safe mistake: the server is then in quarantine for the full time.
    uptime: Number.isFinite(uptime) ? Math.max(0, uptime) : 0,
    wallTime: timeOf(fields.get('server_time_usec')),
    promoted: !(Number(fields.get('second_repl_offset') ?? -1) < 0),
    fields,
  };
}

function timeOf(text: string | undefined): number | undefined {
  const time = Number(text);
  return Number.isSafeInteger(time) && time > 0 ? time : undefined;
}

/** Whether the server is still reading its data: not to be asked yet. */
export function isLoading({ fields }: ServerInfo): boolean {
  return fields.get('loading') === '1';
}

/** The oldest version with all that the scripts need (PEXPIRE … GT). */
const OLDEST_MAJOR_VERSION = 7;

/** Why a server must not hold locks, if so. `bySentinel`: a Sentinel says that it is the master. */
export function unfit({ fields }: Pick<ServerInfo, 'fields'>, bySentinel: boolean): Unusable | undefined {
  if (fields.size === 0) return permanent('it says nothing about itself in INFO');
  if (fields.get('redis_mode') === 'sentinel')
    return permanent(
      'it is a Sentinel; give { sentinels: [{ host, port }, …], name } as the node, with the Sentinels as they are',
    );
  const version = fields.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR_VERSION)) {
    return permanent(`version ${version} is older than ${OLDEST_MAJOR_VERSION}.0`);
  }
  const unnamed = ['run_id', 'master_replid'].find((field) => !fields.get(field));
  if (unnamed) return permanent(`INFO has no ${unnamed}, so a restart could not be recognised`);
  // It may be promoted.
  if (fields.get('role') !== 'master')
    return { kind: 'unusable', why: `its role is ${fields.get('role')}: a replica takes no locks` };
  const policy = fields.get('maxmemory_policy');
  if (Number(fields.get('maxmemory') ?? 0) !== 0 && policy !== 'noeviction') {
    return permanent(`maxmemory-policy ${policy} would evict locks; set it to noeviction`);
  }
  // INFO has this field only if replicas are required. Otherwise an old master that does not hear of a failover would grant locks for ever.
  if (bySentinel && !fields.has('min_slaves_good_slaves')) {
    return permanent(
      'min-replicas-to-write is 0: after a failover the old master would go on granting locks; set it to 1 or more',
    );
  }
  return undefined;
}

function permanent(why: string): Unusable {
  return { kind: 'unusable', why, isPermanent: true };
}
