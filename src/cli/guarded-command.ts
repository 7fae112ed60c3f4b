import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { DescendantFamily, GroupFamily, type ProcessFamily } from './process-family.ts';

/** Between two looks at whether processes have ended, in ms. */
const PAUSE = 50;
/** The same for processes that survive SIGKILL. */
const LONG_PAUSE = 1_000;
/** How long the system may take to end a process after SIGKILL, in ms. */
const PATIENCE = 2_000;

/** How a command has ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface CommandPlan {
  readonly command: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Whether it is to be in a group, and a session, of its own. */
  readonly hasOwnGroup: boolean;
  /** How long its processes may take to end after SIGTERM, in ms. */
  readonly grace: number;
}

/** What a command that is waited for has to know. */
export interface Wait {
  /** Whether its processes have got SIGTERM already: they do not get a second one. */
  readonly wasTerminated: () => boolean;
  /** Called again and again if processes survive SIGKILL, such as those of another user. Whether to wait for them. */
  readonly onSurvivors: () => boolean;
}

/** A command that runs, with the input and output of this program, and can be stopped with all of its processes. */
export class GuardedCommand {
  readonly family: ProcessFamily;
  readonly #grace: number;
  readonly #exit: Promise<unknown[]>;
  #killTimer: NodeJS.Timeout | undefined;
  #killedAt: number | undefined;

  private constructor(child: ChildProcess, pid: number, { hasOwnGroup, grace }: CommandPlan) {
    this.family = hasOwnGroup ? new GroupFamily(pid) : new DescendantFamily(pid);
    this.#grace = grace;
    this.#exit = once(child, 'exit');
  }

  /**
   * Starts it. `onStart` is called in the same turn of the event loop.
   *
   * @throws {Error} of the system, if it cannot be started.
   */
  static async start(plan: CommandPlan, onStart: (family: ProcessFamily) => void): Promise<GuardedCommand> {
    const [file = '', ...args] = plan.command;
    const child = spawn(file, args, { stdio: 'inherit', detached: plan.hasOwnGroup, env: plan.env });
    if (child.pid === undefined) {
      await once(child, 'spawn');
      throw new Error('it has no pid');
    }
    const command = new GuardedCommand(child, child.pid, plan);
    onStart(command.family);
    command.family.note();
    return command;
  }

  /** Ends all of its processes: by SIGTERM, and after the grace by SIGKILL. */
  stop(): void {
    if (this.#killTimer) return;
    this.family.signal('SIGTERM');
    // One that is stopped would not notice.
    this.family.signal('SIGCONT');
    this.#killAfterGrace();
  }

  /** Resolves when all of its processes have ended. Those that are left when the command itself has ended are stopped. */
  async ended({ wasTerminated, onSurvivors }: Wait): Promise<Ending> {
    const [code, signal] = (await this.#exit) as [number | null, NodeJS.Signals | null];
    if (this.family.state() !== 'ended') {
      if (wasTerminated()) this.#killAfterGrace();
      else this.stop();
      await this.#allEnded(onSurvivors);
    }
    clearTimeout(this.#killTimer);
    return { code, signal };
  }

  async #allEnded(onSurvivors: () => boolean): Promise<void> {
    for (;;) {
      const state = this.family.state();
      if (state === 'ended') return;
      const isPastPatience = this.#isPastPatience();
      if (isPastPatience && (state === 'unknown' || !onSurvivors())) return;
      await delay(isPastPatience ? LONG_PAUSE : PAUSE);
      // One that was started at the moment of the first SIGKILL has missed it.
      if (this.#killedAt !== undefined) this.family.signal('SIGKILL');
    }
  }

  #killAfterGrace(): void {
    this.#killTimer ??= setTimeout(() => {
      this.#killedAt = performance.now();
      this.family.signal('SIGKILL');
    }, this.#grace);
  }

  #isPastPatience(): boolean {
    return this.#killedAt !== undefined && performance.now() > this.#killedAt + PATIENCE;
  }
}
