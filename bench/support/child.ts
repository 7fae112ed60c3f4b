import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

const TO_START = 60_000;

/** To a child. */
interface Call {
  readonly id: number;
  readonly verb: string;
  readonly request: unknown;
}

/** From a child; the first one has id 0, and says that it is ready. */
interface Answer {
  readonly id: number;
  readonly reply?: unknown;
  readonly error?: string;
}

type Request<Verb> = Verb extends (request: infer R) => Promise<unknown> ? R : never;
type Reply<Verb> = Verb extends (request: never) => Promise<infer R> ? R : never;

/** A process that does what it is told, by the verbs that it serves. */
export class Child<Verbs> {
  readonly #child: ChildProcess;
  readonly #pending = new Map<
    number,
    { resolve: (reply: unknown) => void; reject: (error: Error) => void; timer: NodeJS.Timeout }
  >();
  #calls = 0;

  constructor(file: string, args: readonly string[]) {
    // Children are plain JavaScript: the loader of a parent that runs from TypeScript would only slow their start.
    this.#child = fork(file, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    this.#child.on('message', (message: Answer) => this.#settle(message));
    this.#child.on('exit', () => {
      for (const id of this.#pending.keys()) this.#settle({ id, error: 'the process has ended' });
    });
  }

  get started(): Promise<void> {
    return this.#answer(0, TO_START) as Promise<void>;
  }

  /** Rejects if it takes longer than `patience` in ms: peers may hang. */
  call<V extends keyof Verbs & string>(
    verb: V,
    request: Request<Verbs[V]>,
    patience = 15_000,
  ): Promise<Reply<Verbs[V]>> {
    const id = ++this.#calls;
    this.#child.send({ id, verb, request } satisfies Call);
    return this.#answer(id, patience) as Promise<Reply<Verbs[V]>>;
  }

  /** Without a chance to release anything. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Resolves once the process has ended and its connections are closed. */
  async ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
  }

  /** Hangs, with its connections open. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Ends {@link pause}. */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  #answer(id: number, patience: number): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#pending.delete(id);
        reject(new Error(`no answer within ${patience / 1_000} s`));
      }, patience);
      this.#pending.set(id, { resolve, reject, timer });
    });
  }

  #settle({ id, reply, error }: Answer): void {
    const waiting = this.#pending.get(id);
    if (!waiting) return;
    this.#pending.delete(id);
    clearTimeout(waiting.timer);
    if (error === undefined) waiting.resolve(reply);
    else waiting.reject(new Error(error));
  }
}

/** The other side: says that this process is ready, and does what it is told from now on. */
export function serve(verbs: object): void {
  process.on('message', ({ id, verb, request }: Call) => {
    const does = verbs[verb as keyof typeof verbs] as (request: unknown) => Promise<unknown>;
    does(request).then(
      (reply) => answer({ id, reply }),
      (error: unknown) => answer({ id, error: String(error) }),
    );
  });
  // Without its parent it has nothing to do.
  process.on('disconnect', () => process.exit());
  if (process.connected) answer({ id: 0 });
  else process.exit();
}

function answer(message: Answer): void {
  process.send?.(message);
}
