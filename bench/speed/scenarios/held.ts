import { usedHeap } from '../../support/garbage.ts';
import { compare } from '../comparison.ts';
import { QUORLOCK, RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import { hoard } from '../hoard.ts';
import { measure, type Sample } from '../measure.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
/** Nothing expires while more is taken. */
const TTL = 600_000;
/** In ms. */
const WARM_UP = 1_000;
const NAMES = [QUORLOCK, RAW];

interface Held {
  readonly samples: Readonly<Record<string, Sample[]>>;
  /** Used heap in MB, by how many are held. */
  readonly heap: Readonly<Record<string, number>>;
}

/** What one more lock costs who holds many; plain ones. */
export async function held(setting: Setting): Promise<Finding> {
  const { counts } = setting.budget.held;
  const raw: Record<string, Held> = {};
  for (const name of NAMES) raw[name] = await hold(setting, name);
  const [first = 0] = counts;
  const outcomes = Object.fromEntries(
    NAMES.map((name) => {
      const outcome = compare(`One more lock, 1 in flight: ${name}`, raw[name]?.samples ?? {}, named(first));
      const rows = Object.entries(outcome.rows).map(([row, figures]) => [
        row,
        typeof figures === 'string' ? figures : { ...figures, heap: raw[name]?.heap[row] ?? Number.NaN },
      ]);
      return [
        name,
        {
          ...outcome,
          notes: [...outcome.notes, 'Heap: of the whole process, after a collection.'],
          columns: [...outcome.columns, { key: 'heap', title: 'heap, MB', digits: 1 }],
          rows: Object.fromEntries(rows),
        },
      ];
    }),
  );
  return {
    outcomes,
    raw,
  };
}

export function stepsOfHeld({ budget: { held } }: Pick<Setting, 'budget'>): number {
  return NAMES.length * held.rounds * held.counts.length;
}

async function hold(setting: Setting, name: string): Promise<Held> {
  const { budget, progress, fresh } = setting;
  const { rounds, ms, counts } = budget.held;
  const servers = await setting.servers(NODES);
  return setting.with(
    name,
    servers,
    async (client) => {
      const locks: unknown[] = [];
      const samples: Record<string, Sample[]> = {};
      const heap: Record<string, number> = {};
      // Who holds none is measured first, and must not pay for code that is new.
      await measure(client, servers, { inFlight: 64, ms: WARM_UP, fresh });
      for (const count of counts) {
        const more: unknown[] = [];
        await hoard(client, Array.from({ length: count - locks.length }, fresh), more);
        for (const lock of more) locks.push(lock);
        const so: Sample[] = [];
        for (let round = 0; round < rounds; round++) {
          progress.step(`${name}, ${named(count)}`);
          so.push(await measure(client, servers, { inFlight: 1, ms, fresh }));
        }
        samples[named(count)] = so;
        heap[named(count)] = await usedHeap();
      }
      return { samples, heap };
    },
    { ttl: TTL },
  );
}

function named(count: number): string {
  return `${count} held`;
}
