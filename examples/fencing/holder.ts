import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { atExit } from '../demo/at-exit.ts';
import type { HolderEvent, Job } from './holder-process.ts';

const PROGRAM = fileURLToPath(new URL('holder-process.ts', import.meta.url));
/** How long each step may take, in ms. */
const PATIENCE = 15_000;

/** A process that takes locks; it ends with this one. */
export class Holder {
  readonly #child: ChildProcess;
  readonly #events: HolderEvent[] = [];
  #notify: () => void = () => {};

  private constructor() {
    // With this process's execArgv, so through tsx as well.
    const child = fork(PROGRAM);
    this.#child = child;
    atExit(() => child.kill('SIGKILL'));
    child.on('message', (event: HolderEvent) => {
      this.#events.push(event);
      this.#notify();
    });
    child.once('exit', () => this.#notify());
  }

  static async start(): Promise<Holder> {
    const holder = new Holder();
    await holder.next('ready');
    return holder;
  }

  give(job: Job): void {
    this.#child.send(job);
  }

  wake(): void {
    this.#child.kill('SIGCONT');
  }

  /** Resolves with the next thing that it says; rejects if that is something else, or too late, or nothing any more. */
  async next<Kind extends HolderEvent['kind']>(
    ...kinds: Kind[]
  ): Promise<Extract<HolderEvent, { kind: Kind }>> {
    const deadline = AbortSignal.timeout(PATIENCE);
    deadline.addEventListener('abort', () => this.#notify());
    while (this.#events.length === 0) {
      if (deadline.aborted || this.#over) throw new Error(`a holder never said: ${kinds.join(' or ')}`);
      await new Promise<void>((resolve) => (this.#notify = resolve));
    }
    const event = this.#events.shift() as HolderEvent;
    if (!kinds.includes(event.kind as Kind)) throw new Error(`a holder said: ${JSON.stringify(event)}`);
    return event as Extract<HolderEvent, { kind: Kind }>;
  }

  get #over(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}
