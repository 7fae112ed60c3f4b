import type { Clock } from '../../clock.ts';
import { counterOf } from '../counter.ts';
import { ScriptInput } from './encode.ts';
import { Quarantine, type RestartGuard } from './quarantine.ts';
import type { Master } from './redis-connection.ts';
import {
  allButGrants,
  gateScript,
  grantScript,
  type Incarnation,
  type Script,
  UNGUARDED,
} from './scripts/script.ts';
import type { ServerInfo } from './server-info.ts';

/** Whether a server votes. Its grant script has `sha`; one in quarantine may still have got it, from somebody who has admitted it. */
export type Admission =
  | { readonly kind: 'admitted'; readonly sha: string }
  | {
      readonly kind: 'quarantined';
      readonly sha: string;
      /** In ms of the clock. */
      readonly until: number;
      /** Whether its votes do not count, whatever others think of it. */
      readonly replaced: boolean;
      /** Whether it is too young to be admitted, and nobody has: it may have forgotten locks, or be new. */
      readonly blank: boolean;
    };

export interface AdmissionsPlan {
  /** Keys that are like all that this node will have, and never locked: permissions are checked with them. */
  readonly sampleKeys: readonly string[];
  readonly guard: RestartGuard;
  /** How long a quarantine takes, in ms. */
  readonly quarantine: number;
  readonly clock: Clock;
}

interface Known {
  readonly incarnation: Incarnation;
  admission: Admission;
  /** Whether its script was found to be gone. */
  stale: boolean;
  /** By how much its wall clock is ahead of our clock, in µs; undefined if it does not tell. */
  readonly lead: number | undefined;
  /** Whether our user was found to have all permissions for a lock, so that brief commands need not check them. */
  permits: boolean;
}

/** How far above a server's clock the number of a brief grant may be, in µs: a minute less than general grants check. */
const LONGEST_LEAD = 3_540_000_000;

/**
 * Which masters of a node are known to remember every lock that they may hold. A restart empties a server's script
 * cache, so having the grant script is the sign of it; and only servers that certainly forgot nothing are given it.
 */
export class Admissions {
  readonly #plan: AdmissionsPlan;
  /** By connection: what is known ends with it. */
  readonly #known = new WeakMap<Master, Known>();
  readonly #quarantines = new Map<string, Quarantine>();

  constructor(plan: AdmissionsPlan) {
    this.#plan = plan;
  }

  /** undefined: the master has to be looked at (again) before it may vote. */
  of(master: Master): Admission | undefined {
    const known = this.#known.get(master);
    if (!known || known.stale) return undefined;
    const { admission } = known;
    return admission.kind === 'quarantined' && this.#plan.clock.now() >= admission.until
      ? undefined
      : admission;
  }

  /** Whether the master has been looked at, over this connection. */
  knows(master: Master): boolean {
    return this.#known.has(master);
  }

  /**
   * The largest number that a brief grant may ask a counter for, as the server does not compare it with its clock; −Infinity if no brief
   * command may be sent.
   */
  briefLimit(master: Master): number {
    const known = this.#known.get(master);
    if (!known?.permits || known.lead === undefined) return Number.NEGATIVE_INFINITY;
    return this.#plan.clock.now() * 1_000 + known.lead + LONGEST_LEAD;
  }

  /** Whether our user is known to have all permissions for a lock. */
  permits(master: Master): boolean {
    return this.#known.get(master)?.permits === true;
  }

  /** Our user was refused something: from now on each grant checks the permissions. */
  refused(master: Master): void {
    const known = this.#known.get(master);
    if (known) known.permits = false;
  }

  /** Finds out whether the master remembers, and gives it the grant script if so. All on its one connection. */
  async look(master: Master, server: ServerInfo): Promise<Admission> {
    const { guard, clock } = this.#plan;
    const incarnation = guard === 'off' ? UNGUARDED : server.incarnation;
    const gate = gateScript(incarnation);
    const grants = grantScript(incarnation);
    const scripts = [gate.sha, grants.sha, allButGrants.sha];
    const [hasGate = false, hasGrants = false, hasOthers = false] = await master.hasScripts(scripts);
    const { until, replaced, blank } = this.#quarantine(master).judge({ server, hasGate }, clock.now());
    // The very server that this connection has seen admitted before has lost its scripts, not its memory.
    const isKnown = this.#remembered(master, incarnation);
    if (guard === 'off' || isKnown || until === Number.NEGATIVE_INFINITY) {
      await this.#load(master, [
        ...(hasGate || guard === 'off' ? [] : [gate]),
        ...(hasGrants ? [] : [grants]),
      ]);
      return this.#note(master, server, incarnation, { kind: 'admitted', sha: grants.sha });
    }
    await this.#load(master, hasOthers ? [] : [allButGrants]);
    const quarantined = { kind: 'quarantined', sha: grants.sha, until, replaced, blank } as const;
    return this.#note(master, server, incarnation, quarantined);
  }

  /** Admits a master in quarantine for other reasons than its age; only on the connection that it was looked at. */
  async admit(master: Master): Promise<void> {
    const known = this.#known.get(master);
    if (!known) return;
    const grants = grantScript(known.incarnation);
    await this.#load(master, [gateScript(known.incarnation), grants]);
    known.admission = { kind: 'admitted', sha: grants.sha };
    this.#checkPermissions(master, known);
  }

  /** The master ran the grant script, so somebody has admitted it; returns whether that is news. */
  granted(master: Master): boolean {
    const known = this.#known.get(master);
    if (known?.admission.kind !== 'quarantined' || known.admission.replaced) return false;
    known.admission = { kind: 'admitted', sha: known.admission.sha };
    this.#checkPermissions(master, known);
    return true;
  }

  /** The master has not got the grant script any more: it is to be looked at. */
  missing(master: Master): void {
    const known = this.#known.get(master);
    if (known) known.stale = true;
  }

  /** The connection to the master is lost. */
  parted(): void {
    for (const quarantine of this.#quarantines.values()) quarantine.parted(this.#plan.clock.now());
  }

  #quarantine({ name }: Master): Quarantine {
    let quarantine = this.#quarantines.get(name);
    if (!quarantine) {
      quarantine = new Quarantine(this.#plan.quarantine);
      this.#quarantines.set(name, quarantine);
    }
    return quarantine;
  }

  #remembered(master: Master, incarnation: Incarnation): boolean {
    const known = this.#known.get(master);
    return known?.admission.kind === 'admitted' && known.incarnation === incarnation;
  }

  #note(master: Master, { wallTime }: ServerInfo, incarnation: Incarnation, admission: Admission): Admission {
    const lead = wallTime === undefined ? undefined : wallTime - this.#plan.clock.now() * 1_000;
    const known: Known = { incarnation, admission, stale: false, lead, permits: false };
    this.#known.set(master, known);
    if (admission.kind === 'admitted') this.#checkPermissions(master, known);
    return admission;
  }

  /** Asks whether brief commands would be permitted. What is sent meanwhile is general. */
  #checkPermissions(master: Master, known: Known): void {
    const { sampleKeys } = this.#plan;
    if (sampleKeys.length === 0) return;
    // They are no KEYS, and so may be in any hash slots.
    const input = new ScriptInput([], ['permits', ...sampleKeys.flatMap((key) => [key, counterOf(key)])]);
    master.evalsha(known.admission.sha, input, (error, reply) => {
      if (!error && reply === 1) known.permits = true;
    });
  }

  async #load(master: Master, scripts: readonly Script[]): Promise<void> {
    await Promise.all(scripts.map(({ text }) => master.load(text)));
  }
}
