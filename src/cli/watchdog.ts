import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/**
 * Reads what to signal, then waits for the end of its input, which comes when this program has ended for whatever reason. The argument is the
 * grace in tenths of a second. Some shells need the dashes before a negative number, and some do not know them.
 */
const SCRIPT = `
read -r target || exit 0
send() { kill -s "$1" -- "$target" || kill -s "$1" "$target"; }
read -r _
send TERM
send CONT
tenths=$1
while [ "$tenths" -gt 0 ] && send 0; do
  sleep 0.1 || sleep 1
  tenths=$((tenths - 1))
done
send KILL
`;

/** A shell that ends the command if this program dies without having done so: by SIGKILL, say. */
export class Watchdog {
  readonly #shell: ChildProcess;

  private constructor(shell: ChildProcess) {
    this.#shell = shell;
  }

  /** Undefined if there is no shell. */
  static async start(grace: number): Promise<Watchdog | undefined> {
    const tenths = Math.floor(grace / 100);
    // A session of its own: what ends the program's group must not end this.
    const shell = spawn('/bin/sh', ['-c', SCRIPT, 'quorlock-watchdog', String(tenths)], {
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    try {
      await once(shell, 'spawn');
    } catch {
      return undefined;
    }
    // It may die before the program does.
    shell.stdin?.on('error', () => {});
    return new Watchdog(shell);
  }

  /** From now on this is signalled if the program ends. */
  guard(target: number): void {
    (this.#shell.stdin as Writable).write(`${target}\n`);
  }

  /** Nothing is left to guard. */
  stop(): void {
    this.#shell.kill('SIGKILL');
  }
}
