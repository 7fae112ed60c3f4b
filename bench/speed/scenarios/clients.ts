import type { Column, Figures, Outcome } from '../../support/outcome.ts';
import { record } from '../../support/record.ts';
import { compare } from '../comparison.ts';
import { BY_CLIENT } from '../contestants/clients.ts';
import type { Open } from '../contestants/contestant.ts';
import { openerOf, RAW } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import type { Sample } from '../measure.ts';
import { type Group, inRounds } from '../rounds.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
const LOADS = [1, 64];
const CONTESTANTS: Readonly<Record<string, Open>> = { [RAW]: openerOf(RAW), ...BY_CLIENT };
/** Of the columns of a comparison. */
const SHOWN = ['p50', 'p50Ratio', 'perSecond', 'ratio', 'clientCpu', 'clientCpuRatio'];

/** What quorlock costs with each client that it supports. */
export async function clients(setting: Setting): Promise<Finding> {
  const { budget, random, progress } = setting;
  const { rounds, ms } = budget.clients;
  const servers = await setting.servers(NODES);
  const groupOf = (inFlight: number): Group<Sample> => ({
    trials: record(Object.keys(CONTESTANTS), (name) => {
      const open = CONTESTANTS[name] as Open;
      return () => setting.measure(open, servers, { inFlight, ms });
    }),
  });
  await inRounds(1, { 'warm-up': groupOf(Math.max(...LOADS)) }, random, progress.step);
  const raw = await inRounds(rounds, record(LOADS, groupOf), random, progress.step);
  return {
    outcomes: { clients: sideBySide(record(LOADS, (load) => compare('', raw[load] ?? {}, RAW))) },
    raw,
  };
}

export function stepsOfClients({ budget: { clients } }: Pick<Setting, 'budget'>): number {
  return (1 + clients.rounds * LOADS.length) * Object.keys(CONTESTANTS).length;
}

/** One table of several, by load. */
function sideBySide(byLoad: Readonly<Record<string, Outcome>>): Outcome {
  const parts = Object.entries(byLoad);
  const columns = parts.flatMap(([load, outcome]) =>
    outcome.columns
      .filter(({ key }) => SHOWN.includes(key))
      .map(
        ({ key, title, digits }): Column => ({ key: `${load} ${key}`, title: `${load}: ${title}`, digits }),
      ),
  );
  const rowOf = (name: string): Figures | string => {
    const figures: [string, number][] = [];
    for (const [load, { rows }] of parts) {
      const row = rows[name];
      if (typeof row !== 'object') return row ?? '';
      for (const key of SHOWN) figures.push([`${load} ${key}`, row[key] ?? Number.NaN]);
    }
    return Object.fromEntries(figures);
  };
  return {
    title: `Measured with each supported client, ${LOADS.join(' and ')} in flight on ${NODES} nodes`,
    notes: parts[0]?.[1].notes ?? [],
    columns,
    rows: record(Object.keys(CONTESTANTS), rowOf),
  };
}
