import { keyCountOf, type Operation } from './operation.ts';

/**
 * How many keys, counters included, leave in one command at most, unless one operation has more: a server is busy with them
 * for a millisecond or so.
 */
const LARGEST_BATCH = 128;

export interface BatchRules {
  readonly slotOf: (key: string) => number;
  /** Whether an operation with this first key leaves alone. */
  readonly isAlone: (key: string) => boolean;
}

/** Splits operations into commands, in order: one for each hash slot, and none larger than allowed. */
export function batchesOf(operations: readonly Operation[], { slotOf, isAlone }: BatchRules): Operation[][] {
  const batches: Operation[][] = [];
  const open = new Map<number, { batch: Operation[]; keys: number }>();
  for (const each of operations) {
    const first = each.keys[0] ?? '';
    const slot = slotOf(first);
    if (isAlone(first)) {
      batches.push([each]);
      open.delete(slot);
      continue;
    }
    const last = open.get(slot);
    const keys = keyCountOf(each);
    if (last && last.keys + keys <= LARGEST_BATCH) {
      last.batch.push(each);
      last.keys += keys;
    } else {
      const batch = [each];
      batches.push(batch);
      open.set(slot, { batch, keys });
    }
  }
  return batches;
}
