import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Work that is under way when the process is told to stop, and goes on for a moment. */
export async function charge(order: string, signal: AbortSignal): Promise<{ charged: string }> {
  console.log('charging');
  await once(process, 'SIGTERM');
  await sleep(300);
  signal.throwIfAborted();
  console.log('charged');
  return { charged: order };
}
