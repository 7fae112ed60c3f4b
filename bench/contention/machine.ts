import { readdir, readFile } from 'node:fs/promises';

/** CPU time since some moment, in the kernel's ticks. */
export interface CpuTime {
  /** Of all processors together, idle time included. */
  readonly all: number;
  readonly busy: number;
  /** Of this process and of all that it has started. */
  readonly own: number;
}

/** undefined where there is no `/proc`. */
export async function cpuTime(): Promise<CpuTime | undefined> {
  try {
    const [line = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
    const [user = 0, nice = 0, system = 0, idle = 0, wait = 0, irq = 0, soft = 0, steal = 0] = line
      .split(/\s+/)
      .slice(1)
      .map(Number);
    const busy = user + nice + system + irq + soft + steal;
    return { all: busy + idle + wait, busy, own: await ownTime() };
  } catch {
    return undefined;
  }
}

/** The share of the machine that other programs used between two moments, from 0 to 1. */
export function usedByOthers(before: CpuTime | undefined, after: CpuTime | undefined): number {
  if (!before || !after) return Number.NaN;
  const others = after.busy - before.busy - (after.own - before.own);
  return Math.max(0, others) / (after.all - before.all);
}

async function ownTime(): Promise<number> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const times = await Promise.all(
    pids.map(async (pid) => {
      // It may have ended since.
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
      // The name, in parentheses, may contain spaces.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      const [parent, user, system, ofEndedUser, ofEndedSystem] = [1, 11, 12, 13, 14].map((i) =>
        Number(fields[i]),
      );
      if (Number(pid) === process.pid) return sum(user, system, ofEndedUser, ofEndedSystem);
      return parent === process.pid ? sum(user, system) : 0;
    }),
  );
  return sum(...times);
}

function sum(...values: readonly (number | undefined)[]): number {
  return values.reduce<number>((all, value) => all + (value ?? 0), 0);
}
