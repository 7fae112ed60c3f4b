/** A worker as a process of its own, started by workers.ts: takes a job, then orders; sends what it does. */
import { once } from 'node:events';
import type { WorkerEvent } from './referee.ts';
import { type Job, type Order, Worker } from './worker.ts';

// Ctrl-C reaches the whole process group; when to stop is for the demo to say.
process.on('SIGINT', () => {});

send('ready');
const [job] = (await once(process, 'message')) as [Job];
const worker = new Worker(job);
process.on('message', (order: Order) => worker.order(order));
// The demo is over without a word; what is locked expires.
process.once('disconnect', () => process.exit());
await worker.run(send);
if (process.connected) process.disconnect();

function send(message: 'ready' | WorkerEvent): void {
  if (process.connected) process.send?.(message);
}
