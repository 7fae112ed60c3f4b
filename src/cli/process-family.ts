import { descendants, type ProcessEntry, readProcessTable } from './process-table.ts';

/** The processes of a command, for signals. */
export interface ProcessFamily {
  /** What `kill` has to be given to reach them: a process, or minus a group. */
  readonly target: number;
  /** To be called once when the command has started, before it can have ended. */
  note(): void;
  signal(signal: NodeJS.Signals): void;
  /** Whether one of them runs. `unknown`: the system does not list processes, so that those that run look like zombies. */
  state(): 'running' | 'ended' | 'unknown';
}

/** All processes of a group, whose leader is the command. */
export class GroupFamily implements ProcessFamily {
  readonly target: number;

  constructor(leader: number) {
    this.target = -leader;
  }

  note(): void {
    // The system keeps the number of a group for as long as it has members.
  }

  signal(signal: NodeJS.Signals): void {
    kill(this.target, signal);
  }

  state(): 'running' | 'ended' | 'unknown' {
    if (!kill(this.target, 0)) return 'ended';
    // Zombies count for `kill`. A container whose first process is this program keeps them.
    const members = readProcessTable().filter(({ group }) => group === -this.target);
    if (members.length === 0) return 'unknown';
    return members.some(({ isZombie }) => !isZombie) ? 'running' : 'ended';
  }
}

/**
 * A command that shares its group with this program, and all of its descendants that were ever seen. A descendant whose parent ended
 * before the first signal is not found.
 */
export class DescendantFamily implements ProcessFamily {
  readonly target: number;
  readonly #seen = new Map<number, string>();

  constructor(root: number) {
    this.target = root;
  }

  note(): void {
    const own = readProcessTable().find(({ pid }) => pid === this.target);
    if (own) this.#seen.set(own.pid, own.started);
  }

  signal(signal: NodeJS.Signals): void {
    // Without a table of processes, at least the command itself.
    const pids = this.#seen.size === 0 ? [this.target] : this.#look();
    for (const pid of pids) kill(pid, signal);
  }

  state(): 'running' | 'ended' {
    return this.#look().length > 0 ? 'running' : 'ended';
  }

  #look(): number[] {
    const all = readProcessTable();
    const isSame = ({ pid, started }: ProcessEntry): boolean => this.#seen.get(pid) === started;
    const roots = new Set(all.filter(isSame).map(({ pid }) => pid));
    const alive = descendants(all, roots).filter(({ isZombie }) => !isZombie);
    for (const { pid, started } of alive) this.#seen.set(pid, started);
    return alive.map(({ pid }) => pid);
  }
}

/** Whether there was a process to signal. */
function kill(target: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    // Processes of another user are there, too.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
