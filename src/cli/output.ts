import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { EXIT } from './exit-code.ts';
import { type Paint, paintFor } from './paint.ts';

/** One of the program's output streams. */
export interface Output {
  readonly isTerminal: boolean;
  readonly paint: Paint;
  /** Lines of the terminal. */
  readonly rows: number;
  /** Whether nobody reads it any more, as in `quorlock watch | head`. */
  readonly isClosed: boolean;
  /** Writes text as it is. */
  write(text: string): void;
  /** Writes lines. */
  print(...lines: readonly string[]): void;
}

/** What a program assumes when the terminal does not say how large it is. */
const USUAL_ROWS = 24;

/** Standard output. */
export interface StandardOutput extends Output {
  /** Resolves when all is written. Errors of the system are reported only after the program has gone on. */
  flush(): Promise<void>;
}

/** Standard output. Not touched before something is written: see {@link standardError}. */
export function standardOutput(env: NodeJS.ProcessEnv): StandardOutput {
  let opened: NodeJS.WriteStream | undefined;
  let isClosed = false;
  const noteError = ({ code, message }: NodeJS.ErrnoException): void => {
    isClosed = code === 'EPIPE';
    if (isClosed) return;
    writeToStandardError(`quorlock: cannot write the output: ${message}\n`);
    process.exit(EXIT.error);
  };
  const open = (): NodeJS.WriteStream => {
    opened ??= process.stdout.on('error', noteError);
    return opened;
  };
  return {
    ...common(1, env, (text) => void open().write(text)),
    get rows() {
      return open().rows || USUAL_ROWS;
    },
    get isClosed() {
      return isClosed;
    },
    flush: () =>
      new Promise((resolve) => {
        if (opened) opened.write('', () => resolve());
        else resolve();
      }),
  };
}

/**
 * Standard error, written synchronously. `process.stderr` would make a pipe non-blocking, and with it that of the command that `run` has
 * started, which has the same one.
 */
export function standardError(env: NodeJS.ProcessEnv): Output {
  return { ...common(2, env, writeToStandardError), rows: USUAL_ROWS, isClosed: false };
}

function writeToStandardError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // Nobody reads it, or cannot read so fast.
  }
}

function common(
  fd: number,
  env: NodeJS.ProcessEnv,
  write: (text: string) => void,
): Omit<Output, 'rows' | 'isClosed'> {
  const isTerminal = isatty(fd);
  return {
    isTerminal,
    paint: paintFor(isTerminal, env),
    write,
    print: (...lines) => write(lines.map((line) => `${line}\n`).join('')),
  };
}
