/** Durations in ms, kept outside of the heap, so that measuring makes nothing grow. */
export class Latencies {
  #values = new Float64Array(1 << 14);
  #count = 0;

  record(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#values.length);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#count++] = ms;
  }

  get count(): number {
    return this.#count;
  }

  /** The smallest value that a fraction of all does not exceed; NaN when there is none. */
  percentile(fraction: number): number {
    const sorted = this.#values.slice(0, this.#count).sort();
    return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? Number.NaN;
  }

  get max(): number {
    return this.percentile(1);
  }
}
