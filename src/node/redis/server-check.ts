import type { Unusable } from '../lock-node.ts';
import type { Admissions } from './admissions.ts';
import type { ColdStart, Member, View } from './cold-start.ts';
import type { Master, RedisConnection } from './redis-connection.ts';
import type { ServerClocks } from './server-clocks.ts';
import { isLoading, type ServerInfo } from './server-info.ts';
import type { Servers } from './servers.ts';

export interface ServerCheckPlan {
  readonly connection: RedisConnection;
  readonly servers: Servers;
  readonly admissions: Admissions;
  readonly clocks: ServerClocks;
  readonly coldStart: ColdStart;
  /** How long a server that may have forgotten locks does not vote, in ms. */
  readonly quarantine: number;
  /** Called when the node was admitted as a new one. */
  readonly onAdmitted: () => void;
}

/** What is to be known of a node's masters before they get anything: who they are, whether they are fit to hold locks, and whether they remember them. */
export class ServerCheck {
  readonly #plan: ServerCheckPlan;
  readonly #member: Member;
  /** The masters when they were last looked at, and what was found. */
  #seen: readonly Master[] = [];
  #view: View = 'unknown';
  /** The masters at the second look. */
  #probed: readonly Master[] = [];

  constructor(plan: ServerCheckPlan) {
    this.#plan = plan;
    const { name } = plan.connection;
    this.#member = { name, probe: () => this.#probe(), admit: () => this.#admit() };
    plan.coldStart.join(this.#member);
  }

  /**
   * Why the node must not hold locks, if so; otherwise it is known afterwards which of its masters vote. One that does not
   * answer does not keep the others from it.
   *
   * @throws {Error} why not one of them is ready.
   */
  async look(): Promise<Unusable | undefined> {
    const { connection, servers } = this.#plan;
    const masters = connection.masters();
    if (masters.length === 0) throw new Error('no master is known');
    const asked = await Promise.allSettled(masters.map((master) => this.#ask(master)));
    const known = masters.flatMap((master, i) => {
      const answer = asked[i];
      return answer?.status === 'fulfilled' ? { master, server: answer.value } : [];
    });
    if (known.length === 0) throw (asked[0] as PromiseRejectedResult).reason;
    const unfit = servers.check(
      connection.name,
      known.map(({ server }) => server),
      connection.bySentinel === true,
    );
    const why = unfit ?? (await this.#oneOfMany(known));
    const view = why ? 'other' : await this.#lookAt(known);
    this.#seen = masters;
    this.#report(known.length === masters.length ? view : 'other');
    return why;
  }

  /** The node can not be looked at. */
  failed(): void {
    this.#report('other');
  }

  /** Whether all masters may be new, as far as they answer. */
  get isBlank(): boolean {
    return this.#view === 'blank';
  }

  /** Whether all masters remember. */
  get votes(): boolean {
    return this.quarantinedUntil === Number.NEGATIVE_INFINITY;
  }

  /** When the first master can leave quarantine, in ms of the clock; −Infinity if none is in it. */
  get quarantinedUntil(): number {
    const { connection, admissions } = this.#plan;
    const instants = connection.masters().map((master) => {
      const admission = admissions.of(master);
      return admission?.kind === 'quarantined' ? admission.until : Number.POSITIVE_INFINITY;
    });
    const first = Math.min(...instants);
    return first === Number.POSITIVE_INFINITY ? Number.NEGATIVE_INFINITY : first;
  }

  async #ask(master: Master): Promise<ServerInfo> {
    const server = await this.#plan.clocks.info(master);
    if (isLoading(server)) throw new Error('LOADING the server is reading its data');
    return server;
  }

  /** Why a server that is not known as a Redis Cluster's must not hold locks because it is one of several masters, if so. */
  async #oneOfMany(known: readonly { master: Master; server: ServerInfo }[]): Promise<Unusable | undefined> {
    const { connection } = this.#plan;
    const [first] = known;
    if (connection.reorders || first?.server.fields.get('cluster_enabled') !== '1') return undefined;
    connection.sharded();
    const size = await first.master.clusterSize();
    if (size === undefined || size <= 1) return undefined;
    const why = `it is one of ${size} masters of a Redis Cluster; give a Cluster client as the node, such as new Cluster([…])`;
    return { kind: 'unusable', why, isPermanent: true };
  }

  async #lookAt(known: readonly { master: Master; server: ServerInfo }[]): Promise<View> {
    const { admissions, quarantine } = this.#plan;
    const found = await Promise.all(known.map(({ master, server }) => admissions.look(master, server)));
    if (found.every(({ kind }) => kind === 'admitted'))
      return known.every(({ server }) => server.uptime < quarantine) ? 'admitted young' : 'admitted';
    return found.every((admission) => admission.kind === 'quarantined' && admission.blank)
      ? 'blank'
      : 'other';
  }

  async #probe(): Promise<boolean> {
    const before = this.#seen;
    await this.look();
    this.#probed = this.#seen;
    return areSame(before, this.#seen) && this.#view === 'blank';
  }

  async #admit(): Promise<void> {
    const { connection, admissions, onAdmitted } = this.#plan;
    // A connection that was made anew leads to a server that was not looked at twice.
    if (!areSame(this.#probed, connection.masters())) return;
    await Promise.all(this.#probed.map((master) => admissions.admit(master)));
    this.#report('admitted young');
    onAdmitted();
  }

  #report(view: View): void {
    this.#view = view;
    this.#plan.coldStart.report(this.#member, view);
  }
}

/** Whether they are the same servers, over the same connections. */
function areSame(some: readonly Master[], others: readonly Master[]): boolean {
  return some.length === others.length && some.every((master, i) => master === others[i]);
}
