import type { LockClient } from './lock-client.ts';

/** What no lock over a network can beat: a queue in memory, for one process. */
export function openIdeal(): LockClient {
  const queues = new Map<string, (() => void)[]>();
  return {
    acquire: async (resource) => {
      const queue = queues.get(resource);
      if (queue) await new Promise<void>((resolve) => queue.push(resolve));
      else queues.set(resource, []);
      return async () => {
        const next = queues.get(resource)?.shift();
        // As late in a turn of the event loop as a reply from a network would be.
        if (next) setImmediate(next);
        else queues.delete(resource);
      };
    },
  };
}
