import type { Clock } from '../../clock.ts';
import { publishClockJump } from '../../tracing.ts';
import type { PastJump } from '../node-facts.ts';
import { ClockWatch, type TimeReport } from './clock-watch.ts';
import type { Master, RedisConnection } from './redis-connection.ts';
import { parseInfo, type ServerInfo } from './server-info.ts';

export interface ServerClocksPlan {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  /** Whether the user may do everything on this master, TIME included. A refused command would be listed in the server's ACL LOG. */
  readonly permits: (master: Master) => boolean;
}

/** What is known of one server's clock. */
interface Watched {
  readonly runId: string;
  readonly watch: ClockWatch;
  jump: PastJump | undefined;
}

/** After how many ms a server in use is asked for its time again. */
const NEXT_TIME = 5_000;

/**
 * The wall clocks of a node's servers. INFO reports the time, but is read only when a connection is made; so TIME follows a command every
 * {@link NEXT_TIME} ms. No timer is needed for that, and nothing is sent for clients that use no lock.
 */
export class ServerClocks {
  readonly #plan: ServerClocksPlan;
  /** By the names of the masters: a new connection to the same server continues its watch. */
  readonly #watched = new Map<string, Watched>();
  /** The same by connection: another server may have the name by now. */
  readonly #ofMaster = new WeakMap<Master, Watched>();
  /** When TIME is due, in ms of the clock. */
  #due = Number.POSITIVE_INFINITY;

  constructor(plan: ServerClocksPlan) {
    this.#plan = plan;
  }

  /** Reads INFO, and notes the time in it. */
  async info(master: Master): Promise<ServerInfo> {
    return (await this.timedInfo(master)).server;
  }

  /** The same, with the report of the time; undefined if the server reports none. */
  async timedInfo(master: Master): Promise<{ server: ServerInfo; report: TimeReport | undefined }> {
    const { clock } = this.#plan;
    const sentAt = clock.now();
    const text = await master.info();
    const receivedAt = clock.now();
    const server = parseInfo(text);
    if (server.wallTime === undefined) return { server, report: undefined };
    const report = { sentAt, receivedAt, time: server.wallTime / 1_000 };
    this.#heard(master, this.#watch(master, server.runId), report);
    this.#due = receivedAt + NEXT_TIME;
    return { server, report };
  }

  /** A command was sent to one of the masters at `now`, in ms of the clock: TIME can follow it. */
  commandSent(now: number): void {
    if (now < this.#due) return;
    this.#due = now + NEXT_TIME;
    for (const master of this.#plan.connection.masters()) this.#ask(master);
  }

  /** The last jump that was noticed. */
  lastJump(master: Master): PastJump | undefined {
    return this.#ofMaster.get(master)?.jump;
  }

  #ask(master: Master): void {
    const watched = this.#ofMaster.get(master);
    const { clock, permits } = this.#plan;
    if (!watched || !permits(master)) return;
    const sentAt = clock.now();
    master.time?.((error, reply) => {
      const time = error ? undefined : timeOf(reply);
      if (time !== undefined) this.#heard(master, watched, { sentAt, receivedAt: clock.now(), time });
    });
  }

  #watch(master: Master, runId: string): Watched {
    const before = this.#watched.get(master.name);
    const watched = before?.runId === runId ? before : { runId, watch: new ClockWatch(), jump: undefined };
    this.#watched.set(master.name, watched);
    this.#ofMaster.set(master, watched);
    return watched;
  }

  #heard(master: Master, watched: Watched, report: TimeReport): void {
    const jump = watched.watch.heard(report);
    if (!jump) return;
    const { connection, clock } = this.#plan;
    watched.jump = { ...jump, noticedAt: new Date(clock.wallTime()) };
    publishClockJump({
      node: connection.name,
      ...(connection.reorders ? { server: master.name } : {}),
      ...jump,
    });
  }
}

/** The reply to TIME, in ms since 1970: seconds and µs, as texts. */
function timeOf(reply: unknown): number | undefined {
  const [seconds, micros] = Array.isArray(reply) ? reply.map(Number) : [];
  const time = (seconds ?? Number.NaN) * 1_000 + (micros ?? Number.NaN) / 1_000;
  return Number.isFinite(time) ? time : undefined;
}
