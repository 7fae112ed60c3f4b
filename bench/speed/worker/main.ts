/* One process of the bench: a client of one library that does what the parent tells it. */
import { setTimeout } from 'node:timers/promises';
import { serve } from '../../support/child.ts';
import { usedHeap } from '../../support/garbage.ts';
import { Latencies } from '../../support/latencies.ts';
import { now } from '../../support/monotonic.ts';
import { closedLoop } from '../closed-loop.ts';
import type { Contestant } from '../contestants/contestant.ts';
import { openerOf } from '../contestants/contestants.ts';
import type { Verbs } from './verbs.ts';

const WARM_UP = 200;

/** All stay open, as in a service. */
const clients = new Map<string, Contestant>();
let client: Contestant | undefined;
let serial = 0;
const fresh = (): string => `resource ${process.pid} ${(serial++).toString(36)}`;

function opened(): Contestant {
  if (!client) throw new Error('nobody is open');
  return client;
}

const verbs: Verbs = {
  open: async ({ name, urls, terms }) => {
    client = clients.get(name) ?? (await openerOf(name)(urls, terms));
    clients.set(name, client);
    await closedLoop(client, { inFlight: 16, ms: WARM_UP, fresh }, { pairs: new Latencies() });
  },
  load: async ({ inFlight, from, ms }) => {
    const pairs = new Latencies();
    await setTimeout(Math.max(0, from - now()));
    const cpu = process.cpuUsage();
    const { elapsed, failed } = await closedLoop(opened(), { inFlight, ms, fresh }, { pairs });
    const { user, system } = process.cpuUsage(cpu);
    return {
      perSecond: (pairs.count / elapsed) * 1_000,
      p50: pairs.percentile(0.5),
      p99: pairs.percentile(0.99),
      clientCpu: (user + system) / pairs.count,
      count: pairs.count,
      failed,
    };
  },
  soak: async ({ ms, settle }) => {
    // What measures must not grow itself.
    const pairs = { record: () => {} };
    const began = serial;
    const first = await closedLoop(opened(), { inFlight: 1, ms: settle, fresh }, { pairs });
    const before = await usedHeap();
    const rest = await closedLoop(opened(), { inFlight: 1, ms: ms - settle, fresh }, { pairs });
    return {
      before,
      after: await usedHeap(),
      count: serial - began,
      failed: first.failed + rest.failed,
    };
  },
};

serve(verbs);
