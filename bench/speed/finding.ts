import type { Outcome } from '../support/outcome.ts';

/** What a scenario has found. */
export interface Finding {
  /** By what they are about. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
  /** Every figure that was measured, for who wants to reckon anew. */
  readonly raw: unknown;
}
