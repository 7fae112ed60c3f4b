import { setTimeout } from 'node:timers/promises';
import { usedHeap } from '../../support/garbage.ts';
import type { Figures, Outcome } from '../../support/outcome.ts';
import { record } from '../../support/record.ts';
import type { Finding } from '../finding.ts';
import { giveBack, hoard } from '../hoard.ts';
import { inRounds, type Rounds } from '../rounds.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
/** Nothing expires and nothing is extended while it is looked at. */
const TTL = 60_000;
const WARM_UP = 500;
/** What was needed to get a lock is gone, timers of rounds included; in ms. */
const SETTLED = 1_000;
const KINDS = { plain: false, extending: true };

/** How much heap a held lock takes. The strings that name resources are there before, and so are not counted. */
export async function heap(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const { contestants, locks } = budget.heap;
  const groups = record(Object.keys(KINDS) as (keyof typeof KINDS)[], (kind) => ({
    trials: record(contestants, (name) => () => bytesPerLock(setting, name, KINDS[kind])),
  }));
  const raw = await inRounds(1, groups, random, progress.step);
  const outcome: Outcome = {
    title: `Heap per held lock, ${locks} of them (bytes)`,
    notes: [
      'After a collection. The strings that name the resources are not counted. Extending: with automatic extension; by libraries that extend only while a routine runs, with a routine that waits.',
      ...failuresOf(raw),
    ],
    columns: Object.keys(KINDS).map((key) => ({ key, title: key, digits: 0 })),
    rows: record(contestants, (name) => rowOf(raw, name)),
  };
  return {
    outcomes: { heap: outcome },
    raw,
  };
}

export function stepsOfHeap({ budget: { heap } }: Pick<Setting, 'budget'>): number {
  return heap.contestants.length * Object.keys(KINDS).length;
}

async function bytesPerLock(setting: Setting, name: string, autoExtend: boolean): Promise<number> {
  const servers = await setting.servers(NODES);
  return setting.with(
    name,
    servers,
    async (client) => {
      const { locks } = setting.budget.heap;
      const some = Array.from({ length: WARM_UP }, setting.fresh);
      const early: unknown[] = Array.from(some, () => undefined);
      await hoard(client, some, early);
      await giveBack(client, early);
      await setTimeout(SETTLED);
      const resources = flat(Array.from({ length: locks }, setting.fresh));
      const held: unknown[] = Array.from(resources, () => undefined);
      const before = await usedHeap();
      await hoard(client, resources, held);
      await setTimeout(SETTLED);
      const after = await usedHeap();
      await giveBack(client, held);
      return ((after - before) * 2 ** 20) / locks;
    },
    { ttl: TTL, autoExtend },
  );
}

/** A string that is made of parts is turned into one of a piece by whoever reads it first, which would then count. */
function flat(strings: readonly string[]): string[] {
  return strings.map((each) => Buffer.from(each).toString());
}

function failuresOf(raw: Readonly<Record<string, Record<string, Rounds<number>>>>): string[] {
  return Object.entries(raw).flatMap(([kind, measured]) =>
    Object.entries(measured).flatMap(([name, rounds]) =>
      typeof rounds === 'string' ? [`${name}, ${kind}: ${rounds}.`] : [],
    ),
  );
}

function rowOf(raw: Readonly<Record<string, Record<string, Rounds<number>>>>, name: string): Figures {
  return record(Object.keys(KINDS), (kind) => bytesIn(raw[kind]?.[name]));
}

/** NaN for a kind of lock that a library does not have, or that failed. */
function bytesIn(rounds: Rounds<number> | undefined): number {
  return typeof rounds === 'object' ? (rounds[0] ?? Number.NaN) : Number.NaN;
}
