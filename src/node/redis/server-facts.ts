import type { Clock } from '../../clock.ts';
import type { ClockFacts, Look, Refusal, ServerFacts } from '../node-facts.ts';
import { type Lead, leadOf } from './clock-watch.ts';
import { refusalOf, refusalsOn } from './permissions.ts';
import type { Master } from './redis-connection.ts';
import type { ServerClocks } from './server-clocks.ts';

export interface FactsPlan {
  readonly clock: Clock;
  readonly clocks: ServerClocks;
  /** What all keys begin with. */
  readonly keyPrefix: string;
  /** Whether the server is a member of a Redis Cluster. */
  readonly isSharded: boolean;
}

/** How often a server is asked for INFO, one after the other: the fastest answer tells its time best, the slowest how slow it can be. */
const TIMES = 5;

/** How an error names the command that the user may not run. */
const REFUSED_COMMAND = /^NOPERM\b.*'([\w|]+)' (?:command|subcommand)/i;

/** Asks a server about itself. One that does not answer is a fact too. */
export async function factsOf(
  master: Master,
  name: string,
  what: Look,
  plan: FactsPlan,
): Promise<ServerFacts> {
  const { clock, clocks, keyPrefix, isSharded } = plan;
  const roundTrips: number[] = [];
  const leads: Lead[] = [];
  let info: ReadonlyMap<string, string> = new Map();
  let refused: readonly Refusal[] = [];
  let failure: string | undefined;
  try {
    for (let i = 0; i < TIMES; i++) {
      const sentAt = clock.now();
      const { server, report } = await clocks.timedInfo(master);
      roundTrips.push(clock.now() - sentAt);
      if (report) leads.push(leadOf(report));
      info = server.fields;
    }
    if (what === 'all') refused = await refusalsOn(master, keyPrefix, isSharded);
  } catch (error) {
    const { message } = error as Error;
    const [, command] = REFUSED_COMMAND.exec(message) ?? [];
    if (command === undefined) failure = message;
    else refused = [refusalOf(command.toLowerCase())];
  }
  const time = clockFacts(leads, clock);
  const jump = clocks.lastJump(master);
  return {
    name,
    info,
    roundTrips,
    refused,
    ...(failure === undefined ? {} : { failure }),
    ...(time ? { clock: time } : {}),
    ...(jump ? { jump } : {}),
  };
}

/** The tightest of the bounds: a server's clock does not move against ours by more than a fraction of a µs in the time of a look. */
function clockFacts(leads: readonly Lead[], clock: Clock): ClockFacts | undefined {
  const [best] = [...leads].sort((a, b) => a.high - a.low - (b.high - b.low));
  if (!best) return undefined;
  const { low, high, since, until } = best;
  const clientLead = clock.wallTime() - clock.now();
  return { low, high, at: (since + until) / 2, aheadOfClient: (low + high) / 2 - clientLead };
}
