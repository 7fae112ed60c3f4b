import type { Incarnation } from './scripts/script.ts';

/** What INFO tells of a server. */
export interface ServerInfo {
  /** Random, and new with every start of the server. */
  readonly runId: string;
  /** New with every start, and whenever the server has become a master. */
  readonly incarnation: Incarnation;
  /** For how long it has been running, in ms; up to a second more than that. */
  readonly uptime: number;
  /** Whether it was a replica, and has become a master since it started. */
  readonly promoted: boolean;
  readonly fields: ReadonlyMap<string, string>;
}

export function parseInfo(text: string): ServerInfo {
  const fields = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  const runId = fields.get('run_id') ?? '';
  return {
    runId,
    incarnation: `${runId} ${fields.get('master_replid') ?? ''}`,
    uptime: Number(fields.get('uptime_in_seconds') ?? 0) * 1_000,
    promoted: Number(fields.get('second_repl_offset') ?? -1) >= 0,
    fields,
  };
}

/** Whether the server is still reading its data: not to be asked yet. */
export function isLoading({ fields }: ServerInfo): boolean {
  return fields.get('loading') === '1';
}

/** The oldest version with all that the scripts need (PEXPIRE … GT). */
const OLDEST_MAJOR_VERSION = 7;

/** Why a server must not hold locks, if so. */
export function unfit({ fields }: ServerInfo): string | undefined {
  const version = fields.get('redis_version') ?? 'unknown';
  if (!(Number.parseInt(version, 10) >= OLDEST_MAJOR_VERSION)) {
    return `version ${version} is older than ${OLDEST_MAJOR_VERSION}.0`;
  }
  if (fields.get('role') !== 'master') {
    return `its role is ${fields.get('role')}: a replica takes no locks`;
  }
  const policy = fields.get('maxmemory_policy');
  if (Number(fields.get('maxmemory')) > 0 && policy !== 'noeviction') {
    return `maxmemory-policy ${policy} would evict locks; set it to noeviction`;
  }
  return undefined;
}
