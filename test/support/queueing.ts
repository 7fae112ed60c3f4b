import { LocalQueue, type Queued } from '../../src/acquire/local-queue.ts';

/** Calls that write down under their names when and how they lead, and when something was freed. */
export function queueing(isContested = false): {
  queue: LocalQueue;
  log: string[];
  call: (name: string, ...keys: string[]) => Queued;
} {
  const log: string[] = [];
  return {
    queue: new LocalQueue(() => isContested),
    log,
    call: (name, ...keys) => ({
      keys: keys.length > 0 ? keys : ['k'],
      leads: false,
      lead: (how) => log.push(how === 'afresh' ? name : `${name} ${how}`),
      freed: () => log.push(`${name} freed`),
    }),
  };
}

export function tick(): Promise<void> {
  return new Promise((resolve) => process.nextTick(resolve));
}

/** As a call that got the lock does: it holds the keys, and waits no more. */
export function win(queue: LocalQueue, call: Queued): void {
  queue.hold(call.keys);
  queue.leave(call);
}

/** As a lock does that is released: it hands its keys on if it can. */
export function release(queue: LocalQueue, keys: readonly string[]): void {
  queue.free(keys, queue.handsOn(keys));
}
