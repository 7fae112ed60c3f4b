import type { Figures } from '../support/outcome.ts';

/** What one contestant has to do: `measure` once in each turn, `figures` at the end. */
export interface Trial {
  measure(): Promise<void>;
  figures(): Figures;
}

/**
 * All contestants in each turn, so that a machine's mood passes over all of them. Whoever fails drops out, and the
 * others go on.
 */
export async function inTurns(
  turns: number,
  trials: Readonly<Record<string, Trial>>,
): Promise<Record<string, Figures | string>> {
  const failed = new Map<string, string>();
  for (let turn = 0; turn < turns; turn++) {
    for (const [name, trial] of Object.entries(trials)) {
      if (failed.has(name)) continue;
      try {
        await trial.measure();
      } catch (error) {
        failed.set(name, error instanceof Error ? error.message : String(error));
      }
    }
  }
  const rows = Object.entries(trials).map(([name, trial]) => [name, failed.get(name) ?? trial.figures()]);
  return Object.fromEntries(rows);
}
