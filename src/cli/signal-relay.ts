import type { ProcessFamily } from './process-family.ts';

const USUAL = ['SIGHUP', 'SIGTERM', 'SIGUSR1', 'SIGUSR2'] as const;
/** The terminal sends these to the command itself, as it is in the same group. */
const KEYBOARD = ['SIGINT', 'SIGQUIT'] as const;
/** A command in another session does not notice these. */
const JOB_CONTROL = ['SIGWINCH', 'SIGTSTP', 'SIGCONT'] as const;
const ENDING: ReadonlySet<NodeJS.Signals> = new Set<NodeJS.Signals>([
  'SIGHUP',
  'SIGTERM',
  'SIGINT',
  'SIGQUIT',
]);

/** Passes on the signals that this program gets. Before there is a command, one that ends programs ends the waiting. */
export class SignalRelay {
  readonly #sharesTerminal: boolean;
  readonly #beforeStart = new AbortController();
  #family: ProcessFamily | undefined;
  #onContinue: (() => void) | undefined;
  #ending: NodeJS.Signals | undefined;
  #passedTerm = false;
  readonly #handle = (signal: NodeJS.Signals): void => this.#relay(signal);

  constructor(sharesTerminal: boolean) {
    this.#sharesTerminal = sharesTerminal;
  }

  /** Aborts if the program is to end before the command was started. */
  get beforeStart(): AbortSignal {
    return this.#beforeStart.signal;
  }

  /** The first signal that asked the program, or the command, to end. */
  get ending(): NodeJS.Signals | undefined {
    return this.#ending;
  }

  /** Whether the command has got a SIGTERM. */
  get passedTerm(): boolean {
    return this.#passedTerm;
  }

  start(): void {
    for (const signal of this.#signals) process.on(signal, this.#handle);
  }

  stop(): void {
    for (const signal of this.#signals) process.off(signal, this.#handle);
  }

  /** `onContinue`: called before the command goes on after a stop. */
  attach(family: ProcessFamily, onContinue: () => void): void {
    this.#family = family;
    this.#onContinue = onContinue;
  }

  get #signals(): readonly NodeJS.Signals[] {
    return [...USUAL, ...KEYBOARD, ...(this.#sharesTerminal ? [] : JOB_CONTROL)];
  }

  #relay(signal: NodeJS.Signals): void {
    if (ENDING.has(signal)) this.#ending ??= signal;
    const family = this.#family;
    if (signal === 'SIGTSTP') {
      // A command that runs on while the program is stopped would outlast its lock.
      family?.signal('SIGSTOP');
      process.kill(process.pid, 'SIGSTOP');
    } else if (!family) {
      if (ENDING.has(signal)) this.#beforeStart.abort();
    } else if (!(this.#sharesTerminal && isOf(KEYBOARD, signal))) {
      if (signal === 'SIGCONT') this.#onContinue?.();
      family.signal(signal);
      if (signal === 'SIGTERM') this.#passedTerm = true;
    }
  }
}

function isOf(signals: readonly NodeJS.Signals[], signal: NodeJS.Signals): boolean {
  return signals.includes(signal);
}
