import type { Enabled } from './exploration.ts';

/** What an exploration is measured against: it tries every order, one after the other. */
export class BruteForce {
  readonly #states: { readonly enabled: readonly string[]; chosen: number }[] = [];
  #depth = 0;

  choose(enabled: readonly Enabled[]): string | undefined {
    if (enabled.length === 0) return undefined;
    this.#states[this.#depth] ??= { enabled: enabled.map(({ process }) => process), chosen: 0 };
    const state = this.#states[this.#depth++];
    return state?.enabled[state.chosen];
  }

  performed(): void {}

  next(): boolean {
    this.#depth = 0;
    for (;;) {
      const state = this.#states.at(-1);
      if (!state) return false;
      if (++state.chosen < state.enabled.length) return true;
      this.#states.pop();
    }
  }
}
