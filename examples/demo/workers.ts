import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { atExit } from './at-exit.ts';
import type { WorkerEvent } from './referee.ts';
import { type Job, now, type Order, Worker } from './worker.ts';

/** A worker, wherever it runs. */
export interface Hired {
  /** Resolves when it is over, well or not; the events say which. */
  start(report: (event: WorkerEvent) => void): Promise<void>;
  order(order: Order): void;
}

/** How long a process may take to be ready, in ms. */
const PATIENCE = 30_000;

const PROGRAM = fileURLToPath(new URL('worker-process.ts', import.meta.url));

/** Resolves when all are ready to start. */
export async function hire(jobs: readonly Job[], asProcesses: boolean): Promise<Hired[]> {
  return asProcesses ? Promise.all(jobs.map(inProcess)) : jobs.map(inThisProcess);
}

function inThisProcess(job: Job): Hired {
  const worker = new Worker(job);
  return {
    start: (report) => worker.run(report).catch((error) => report(death(job, String(error)))),
    order: (order) => worker.order(order),
  };
}

async function inProcess(job: Job): Promise<Hired> {
  // With this process's execArgv, so through tsx as well.
  const child = fork(PROGRAM);
  atExit(() => child.kill('SIGKILL'));
  await ready(child);
  // Not 'exit', after which messages can still arrive.
  const closed: Promise<unknown[]> = once(child, 'close');
  const send = (message: Job | Order): void => {
    if (child.connected) child.send(message, () => {});
  };
  return {
    start: async (report) => {
      let finished = false;
      child.on('message', (event: WorkerEvent) => {
        finished ||= event.kind === 'finishes';
        report(event);
      });
      send(job);
      const [code, signal] = await closed;
      if (!finished) report(death(job, `its process ended with ${String(signal ?? code)}`));
    },
    order: send,
  };
}

async function ready(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit').then(([code, signal]: unknown[]) => {
    throw new Error(`a worker did not start: its process ended with ${String(signal ?? code)}`);
  });
  await Promise.race([once(child, 'message', { signal: AbortSignal.timeout(PATIENCE) }), exited]);
  exited.catch(() => {});
}

function death({ worker }: Job, why: string): WorkerEvent {
  return { worker, at: now(), kind: 'dies', why };
}
