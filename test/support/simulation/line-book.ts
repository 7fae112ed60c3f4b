import type { MemoryStore } from '../../../src/node/memory/memory-store.ts';
import type { Entry, Exchange, History, Reservation } from '../checker/history.ts';
import { drawerOf } from '../token.ts';
import type { Told } from './server.ts';
import type { Timeline } from './timeline.ts';

export interface LineBookPlan {
  readonly node: number;
  readonly timeline: Timeline;
  readonly history: History;
  readonly store: MemoryStore;
  /** In how many ms of true time a key expires that has so many ms left by the server's clock. */
  readonly toTrue: (remaining: number) => number;
}

/** What a line was, to be restored: names, and their scores. */
export type SavedLine = readonly { readonly name: string; readonly since: number }[];

/** Asks for the value of a key without being its owner. */
const STRANGER = { ownerToken: '' } as const;

/** Two computations of one instant can differ by so much, in ms. */
const ROUNDING = 1e-6;

/** Writes down who stands in the lines of a server, and for whom it keeps keys. */
export class LineBook {
  readonly #plan: LineBookPlan;
  readonly #lines = new Map<string, Map<string, Entry>>();
  readonly #reservations = new Map<string, Reservation>();
  /** To whom the operation that is under way has given a turn, by key. */
  readonly #served = new Map<string, string>();

  constructor(plan: LineBookPlan) {
    this.#plan = plan;
  }

  /** A waiter was told something, and heard it. */
  told(name: string, what: Told, key: string): void {
    if (what === 'turn') this.#served.set(key, name);
  }

  /** Compares keys with what is known of them. `by`: what was done to them. */
  look(keys: readonly string[], by?: Exchange, since: number = by?.since ?? 0): void {
    for (const key of keys) {
      this.#lookAtLine(key, by, since);
      this.#lookAtKey(key, by);
    }
    this.#served.clear();
  }

  /** All is gone. */
  forget(): void {
    const { now } = this.#plan.timeline;
    for (const line of this.#lines.values())
      for (const entry of line.values()) Object.assign(entry, { until: now, end: 'forgotten' });
    for (const reservation of this.#reservations.values())
      if (reservation.until > now) Object.assign(reservation, { until: now, end: 'forgotten' });
    this.#lines.clear();
    this.#reservations.clear();
  }

  /** The line of a key, first to last. */
  save(key: string): SavedLine {
    return [...(this.#lines.get(key) ?? [])].map(([name, { since }]) => ({ name, since }));
  }

  #lookAtLine(key: string, by: Exchange | undefined, since: number): void {
    const { store, timeline, history, node } = this.#plan;
    const names = store.line(key);
    let known = this.#lines.get(key);
    if (!known) {
      if (names.length === 0) return;
      known = new Map();
      this.#lines.set(key, known);
    }
    for (const [name, entry] of known) {
      if (names.includes(name)) continue;
      known.delete(name);
      entry.until = timeline.now;
      entry.end = this.#howLeft(key, name, entry, by);
      entry.endedOverDead = by?.overDead === true;
    }
    for (const name of names) {
      const former = known.get(name);
      if (former) {
        // It keeps its place, but its score also says how long it needs a turn to last.
        if (by?.reply === 'denied' && by.waits && by.client === former.client)
          Object.assign(former, { since });
        continue;
      }
      const entry: Entry = {
        node,
        key,
        client: drawerOf(name),
        since,
        isStray: by === undefined || by.overDead,
        from: timeline.now,
        until: Number.POSITIVE_INFINITY,
        end: 'stands',
      };
      known.set(name, entry);
      history.entries.push(entry);
    }
  }

  #howLeft(key: string, name: string, { client }: Entry, by: Exchange | undefined): Entry['end'] {
    if (this.#served.get(key) === name) return 'served';
    if (by === undefined) return 'aged';
    if (by.waits !== true || by.client !== client) return 'unheard';
    if (by.operation !== 'grant') return 'left';
    // A stand that is denied may find that nobody hears for its own waiter.
    return by.reply === 'granted' ? 'granted' : 'unheard';
  }

  #lookAtKey(key: string, by: Exchange | undefined): void {
    const { timeline, history, node, toTrue } = this.#plan;
    const { now } = timeline;
    let known = this.#reservations.get(key);
    const heir = this.#served.get(key);
    if (!known && heir === undefined) return;
    const left = this.#reservedFor(key);
    if (known && (heir !== undefined || left === undefined)) {
      if (known.until > now + ROUNDING) {
        const isHeirs = by?.client === known.client && by.waits === true;
        known.until = now;
        known.end = isHeirs && by.reply === 'granted' ? 'taken' : isHeirs ? 'given back' : 'forgotten';
      }
      this.#reservations.delete(key);
      known = undefined;
    }
    if (left === undefined) return;
    const until = now + toTrue(left);
    if (known) {
      known.until = until;
      return;
    }
    const reservation: Reservation = {
      node,
      key,
      client: drawerOf(heir ?? ''),
      from: now,
      until,
      end: 'expired',
    };
    this.#reservations.set(key, reservation);
    history.reservations.push(reservation);
  }

  /** For how many ms more a key is kept for somebody, though nobody has it. */
  #reservedFor(key: string): number | undefined {
    const { store } = this.#plan;
    if (store.inspect(key).kind !== 'free') return undefined;
    const reply = store.extend({ ...STRANGER, keys: [key] }, 0, undefined);
    return reply.kind === 'taken' ? reply.remaining : undefined;
  }
}
