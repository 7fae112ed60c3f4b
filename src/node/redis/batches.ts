import type { Form, Operation } from './operation.ts';

/**
 * How many keys, counters included, leave in one command at most, unless one operation has more: a server is busy with them
 * for a millisecond or so.
 */
const LARGEST_BATCH = 128;

/** How many operations leave in one command at most. */
export const MOST_OPERATIONS = 64;

export interface BatchRules {
  readonly slotOf: (key: string) => number;
  /** Whether an operation with this first key leaves alone. */
  readonly isAlone: (key: string) => boolean;
  /** The briefest form that its server may be sent. */
  readonly formOf: (operation: Operation) => Form;
}

/** Operations that leave in one command. */
export interface Batch {
  readonly form: Form;
  readonly operations: readonly Operation[];
}

interface OpenBatch extends Batch {
  readonly operations: Operation[];
  readonly index: number;
  keys: number;
}

/**
 * Splits operations into commands: each has one hash slot and one form, and none is larger than allowed. Operations on one key stay in order.
 * A hand-over and what follows on its keys leave in one general command, so that nobody gets in between.
 */
export function batchesOf(
  operations: readonly Operation[],
  { slotOf, isAlone, formOf }: BatchRules,
): Batch[] {
  const batches: OpenBatch[] = [];
  const handedOver = keysHandedOver(operations);
  /** Those that may get more operations, by slot and form. */
  const open = new Map<number, OpenBatch>();
  /** The last batch that has a key. The first one is left out: all others are behind it anyway. */
  const lastWith = new Map<string, number>();
  for (const each of operations) {
    const { firstKey, keyCount } = each;
    const form = handedOver?.has(firstKey) ? 'general' : formOf(each);
    const place = slotOf(firstKey) + SLOTS * codeOf(form);
    const isLone = isAlone(firstKey);
    let batch = isLone ? undefined : open.get(place);
    if (
      !batch ||
      batch.operations.length >= MOST_OPERATIONS ||
      batch.keys + keyCount > LARGEST_BATCH ||
      (batch.index < batches.length - 1 && isAfter(batch.index, each.keys, lastWith))
    ) {
      batch = { form, operations: [], keys: 0, index: batches.length };
      batches.push(batch);
      if (!isLone) open.set(place, batch);
    }
    batch.operations.push(each);
    batch.keys += keyCount;
    if (batch.index > 0) for (const key of each.keys) lastWith.set(key, batch.index);
  }
  return batches;
}

/** How many hash slots there are. */
const SLOTS = 16_384;

/** A whole number for each form. */
function codeOf(form: Form): number {
  if (typeof form === 'number') return 2 + form;
  return form === 'general' ? 0 : form === 'plain' ? 1 : 2;
}

/** Whether one of the keys is in a batch behind that one. */
function isAfter(index: number, keys: readonly string[], lastWith: ReadonlyMap<string, number>): boolean {
  return keys.some((key) => (lastWith.get(key) ?? 0) > index);
}

/** Undefined if there are none, as in most ticks. */
function keysHandedOver(operations: readonly Operation[]): Set<string> | undefined {
  let handedOver: Set<string> | undefined;
  for (const { verb, afterwards, keys } of operations) {
    if (verb !== 'release' || afterwards !== 'hand over') continue;
    handedOver ??= new Set();
    for (const key of keys) handedOver.add(key);
  }
  return handedOver;
}
