import type { ServerInfo } from './server-info.ts';

/** What to do about servers that come back without memory: see {@link RedlockOptions.restartGuard}. */
export type RestartGuard = 'auto' | 'strict' | 'off';

/** A single node that was restarted cannot be told from one that is new: `auto` lets it vote at once. */
export function guardFor(nodes: number, guard: RestartGuard): RestartGuard {
  return nodes === 1 && guard === 'auto' ? 'off' : guard;
}

/** How much longer a server may say that it has been running than it has, in ms: its uptime is a difference of whole seconds. */
const UPTIME_RESOLUTION = 1_000;

/**
 * For how long a server does not vote after it has started, in ms by its own clock: until every lock that it may have
 * forgotten has expired.
 */
export function quarantineOf(maxTtl: number, driftFactor: number): number {
  return maxTtl * (1 + driftFactor) + UPTIME_RESOLUTION;
}

/** What was found out of a server on one connection. */
export interface Evidence {
  readonly server: ServerInfo;
  /** Whether it has the gate, and so was admitted by somebody who knew that it remembers. */
  readonly hasGate: boolean;
}

export interface Verdict {
  /** Until when the server is in quarantine, in ms of the clock; −Infinity if it is admitted. */
  readonly until: number;
  /**
   * Whether it took another's place, so that its own age says nothing, nor that others have admitted it: they may
   * not know that there was another.
   */
  readonly replaced: boolean;
  /** Whether it may just be a new one: too young to be admitted, and nobody has. */
  readonly blank: boolean;
}

/** What one client knows of the servers that it has found behind one address, one after the other. */
export class Quarantine {
  readonly #length: number;
  #runId: string | undefined;
  #incarnation: string | undefined;
  #lastSeen = Number.NEGATIVE_INFINITY;
  #until = Number.NEGATIVE_INFINITY;
  #replaced = false;

  constructor(length: number) {
    this.#length = length;
  }

  /** The connection to the server is lost: another may be there when it is made again. */
  parted(now: number): void {
    this.#lastSeen = now;
  }

  /** What to think of the server, which has not changed since the last call if it is the same incarnation. */
  judge({ server, hasGate }: Evidence, now: number): Verdict {
    const { runId, incarnation, uptime, promoted } = server;
    if (incarnation !== this.#incarnation) {
      const wasRunning = uptime - UPTIME_RESOLUTION > now - this.#lastSeen;
      this.#replaced = (runId !== this.#runId && wasRunning) || (promoted && !hasGate);
      this.#until = now + this.#length - (this.#replaced ? 0 : uptime);
      this.#runId = runId;
      this.#incarnation = incarnation;
    }
    this.#lastSeen = now;
    const isAdmitted = now >= this.#until || (hasGate && !this.#replaced);
    return {
      until: isAdmitted ? Number.NEGATIVE_INFINITY : this.#until,
      replaced: !isAdmitted && this.#replaced,
      blank: !isAdmitted && !hasGate && !this.#replaced,
    };
  }
}
