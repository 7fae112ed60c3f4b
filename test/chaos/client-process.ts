/** A client as a process of its own, started by client.ts: takes a job, works until it is told to finish, and reports. */
import { once } from 'node:events';
import { seededRandom } from '../support/seeded-random.ts';
import type { Answer, Job, Request } from './client.ts';
import { now } from './clock.ts';
import { type ClientEvent, Log } from './log.ts';
import { Recorder } from './recorder.ts';
import { Workload } from './workload.ts';

// Ctrl-C reaches the whole process group; when to stop is for the harness to say.
process.on('SIGINT', () => {});
// The harness is gone without a word.
process.once('disconnect', () => process.exit());

process.send?.('ready');
const [job] = (await once(process, 'message')) as [Job];
const log = new Log(job.log);
const write = (event: ClientEvent): void => log.write(event);
const leftover = (error: unknown): void =>
  write({ client: job.client, at: now(), type: 'info', f: 'leftover', what: String(error) });
process.on('unhandledRejection', leftover);
process.on('uncaughtException', leftover);

const answers = new Map<number, (answer: never) => void>();
let asked = 0;
function ask<T>(request: Request): Promise<T> {
  const id = asked++;
  return new Promise((resolve) => {
    answers.set(id, resolve);
    process.send?.({ id, request });
  });
}

const random = seededRandom(job.seed);
const recorder = new Recorder({ ...job, random, write });
const workload = new Workload({
  recorder,
  store: {
    read: (resource, fencingToken) => ask({ do: 'read', resource, fencingToken }),
    write: (resource, fencingToken, seen) => ask({ do: 'write', resource, fencingToken, seen }),
  },
  resources: job.resources,
  callers: job.callers,
  maxTtl: job.maxTtl,
  random,
});

process.on('message', (message: 'stop' | 'close' | Answer) => {
  if (message === 'stop') workload.stop();
  else if (message === 'close') void close();
  else {
    answers.get(message.id)?.(message.answer as never);
    answers.delete(message.id);
  }
});
await workload.run();
process.send?.('idle');

/** Apart from the end of the work, so that what stands on the nodes can be looked at while nodes can still be told. */
async function close(): Promise<void> {
  await recorder.close();
  log.close();
  process.disconnect();
}
