import { type Queued, Queues } from '../../src/acquire/queues.ts';

/** Calls that write down under their names when and how they lead, and when something was freed. */
export function queueing(isContested = false): {
  queues: Queues;
  log: string[];
  call: (name: string, ...keys: string[]) => Queued;
} {
  const log: string[] = [];
  return {
    queues: new Queues(() => isContested),
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
export function win(queues: Queues, call: Queued): void {
  queues.hold(call.keys);
  queues.leave(call);
}
