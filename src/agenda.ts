/** Something that is to be done at an instant, which may be moved. */
export interface Appointment {
  /** In any unit; those of one agenda in the same. */
  readonly due: number;
  /** Where it stands in its agenda; −1 while in none. The agenda's to write. */
  place: number;
}

/**
 * What is to be done, the earliest first: a binary heap whose entries know their places, so that each can be moved and
 * removed in O(log n), and costs eight bytes.
 */
export class Agenda<T extends Appointment> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** The earliest. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  /** All of them, in no order; a copy. */
  get all(): T[] {
    return [...this.#heap];
  }

  add(entry: T): void {
    this.#heap.push(entry);
    this.#rise(entry, this.#heap.length - 1);
  }

  /** To be called when its `due` has changed; does nothing for one that is not there. */
  moved(entry: T): void {
    if (entry.place < 0) return;
    this.#rise(entry, entry.place);
    this.#sink(entry, entry.place);
  }

  delete(entry: T): void {
    const { place } = entry;
    if (place < 0) return;
    entry.place = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === entry) return;
    this.#rise(last, place);
    this.#sink(last, last.place);
  }

  #rise(entry: T, from: number): void {
    let place = from;
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = this.#heap[above];
      if (!parent || parent.due <= entry.due) break;
      this.#put(parent, place);
      place = above;
    }
    this.#put(entry, place);
  }

  #sink(entry: T, from: number): void {
    let place = from;
    for (;;) {
      const child = this.#earlier(2 * place + 1, 2 * place + 2);
      if (!child || child.due >= entry.due) break;
      const below = child.place;
      this.#put(child, place);
      place = below;
    }
    this.#put(entry, place);
  }

  #earlier(left: number, right: number): T | undefined {
    const one = this.#heap[left];
    const other = this.#heap[right];
    return one && other && other.due < one.due ? other : one;
  }

  #put(entry: T, place: number): void {
    this.#heap[place] = entry;
    entry.place = place;
  }
}
