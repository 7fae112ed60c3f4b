import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** A process of this machine. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** It has ended, and only its parent has not noticed. */
  readonly isZombie: boolean;
  /** When it was started. Tells processes apart that have had the same pid. */
  readonly started: string;
}

/** All processes, or none if the system does not list them. */
export function readProcessTable(): ProcessEntry[] {
  try {
    return process.platform === 'linux' ? readProc() : parsePs(runPs());
  } catch {
    return [];
  }
}

function readProc(): ProcessEntry[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}

/** @see proc_pid_stat(5): the name is in parentheses, and may have any characters. */
export function parseStat(text: string): ProcessEntry {
  const end = text.lastIndexOf(')');
  const fields = text.slice(end + 2).split(' ');
  return {
    pid: Number.parseInt(text, 10),
    parent: Number(fields[1]),
    group: Number(fields[2]),
    isZombie: fields[0] === 'Z' || fields[0] === 'X',
    started: fields[19] ?? '',
  };
}

function runPs(): string {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,lstart='], { encoding: 'utf8' });
}

/** The columns pid, ppid, pgid, stat and lstart. */
export function parsePs(text: string): ProcessEntry[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((columns) => columns.length > 4)
    .map(([pid, parent, group, state = '', ...started]) => ({
      pid: Number(pid),
      parent: Number(parent),
      group: Number(group),
      isZombie: state.startsWith('Z'),
      started: started.join(' '),
    }));
}

/** Those among the processes that descend from one of `roots`, which are included. */
export function descendants(all: readonly ProcessEntry[], roots: ReadonlySet<number>): ProcessEntry[] {
  const found = new Set(roots);
  for (let size = -1; size !== found.size; ) {
    size = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid));
}
