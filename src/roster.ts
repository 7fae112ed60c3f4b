/** Something that stands in one roster at most. */
export interface Entry {
  /** Where it stands; −1 while in none. The roster's to write. */
  place: number;
}

/**
 * Who is there, in no order. Unlike a `Set` it makes no garbage as entries come and go: a Set is copied every now and then,
 * and its old copies, once they have grown old, keep alive all that was in them.
 */
export class Roster<T extends Entry> {
  readonly #entries: T[] = [];

  /** All of them; a copy. */
  get all(): T[] {
    return [...this.#entries];
  }

  add(entry: T): void {
    entry.place = this.#entries.push(entry) - 1;
  }

  /** Does nothing for one that is not there. */
  delete(entry: T): void {
    const { place } = entry;
    if (place < 0) return;
    entry.place = -1;
    const last = this.#entries.pop();
    if (last === undefined || last === entry) return;
    this.#entries[place] = last;
    last.place = place;
  }
}
