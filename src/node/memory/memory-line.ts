import { inboxOf } from '../inbox.ts';
import { LINE_KEPT, LONGEST_LINE, scoreOf } from '../line.ts';
import type { Place, Waiter } from '../lock-node.ts';

interface Entry {
  readonly name: string;
  /** Its score: see {@link scoreOf}. */
  readonly since: number;
}

/** The line of one key, as a server keeps it in a sorted set. */
export class MemoryLine {
  /** In order: by `since`, and then by inbox, as the members of a sorted set are. */
  readonly #entries: Entry[] = [];
  readonly #names = new Set<string>();
  /** When it is dropped, in ms of the server's own time. */
  #expiresAt = 0;

  get expiresAt(): number {
    return this.#expiresAt;
  }

  get names(): string[] {
    return this.#entries.map(({ name }) => name);
  }

  /**
   * A waiter that is in the line keeps its place; a full line takes no more. `reservation`: what it needs when it has its turn, in ms.
   * `wallTime`: in µs since 1970.
   */
  stand({ name, since }: Waiter, reservation: number, now: number, wallTime: number): void {
    const known = this.placeOf(name)?.since;
    if (known === undefined && this.#entries.length >= LONGEST_LINE) return;
    this.#expiresAt = now + LINE_KEPT;
    const entry = { name, since: scoreOf(known ?? (since > 0 ? since : wallTime + since), reservation) };
    if (entry.since === known) return;
    this.leave(name);
    const before = this.#entries.findLastIndex((each) => isBefore(each, entry));
    this.#entries.splice(before + 1, 0, entry);
    this.#names.add(name);
  }

  leave(name: string): void {
    if (this.#names.delete(name)) this.#entries.splice(this.#positionOf(name), 1);
  }

  takeFirst(): Entry | undefined {
    const first = this.#entries.shift();
    if (first) this.#names.delete(first.name);
    return first;
  }

  /** The first one, or the first other than `name`. */
  first(name?: string): string | undefined {
    return this.#entries.find((entry) => entry.name !== name)?.name;
  }

  placeOf(name: string): Place | undefined {
    if (!this.#names.has(name)) return undefined;
    const position = this.#positionOf(name);
    return { position, since: (this.#entries[position] as Entry).since };
  }

  /** Searches from the end, where new waiters are. */
  #positionOf(name: string): number {
    return this.#entries.findLastIndex((entry) => entry.name === name);
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.since < other.since || (one.since === other.since && inboxOf(one.name) < inboxOf(other.name));
}
