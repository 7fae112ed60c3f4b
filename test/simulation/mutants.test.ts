import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../support/mutants/bundle.ts';
import type { Quarry } from '../support/mutants/hunt.ts';
import { HUNT, sendHunter } from '../support/mutants/hunter.ts';
import { MUTANTS, type Mutant } from '../support/mutants/mutants.ts';

/** Within how many schedules each mutant has to be caught. */
const MOST_SCHEDULES = 20_000;
/** The same for each run, so that a mutant needs as many schedules in all of them; and for nearly all mutants. */
const SEED = 1;

async function hunt({
  name,
  edits,
  breaks,
  directed,
  model = 'lawful',
  seed = SEED,
}: Mutant): Promise<Quarry> {
  const program = await bundle(`mutant ${name}`, HUNT, edits);
  return sendHunter(program, {
    model,
    directed,
    seed,
    schedules: MOST_SCHEDULES,
    rule: breaks,
    shrink: false,
  });
}

function worldOf({ directed, model = 'lawful' }: Mutant): string {
  return directed ? 'by hand' : model;
}

/** Those of docs/testing.md, and how many schedules each took. */
function tableOf(quarries: ReadonlyMap<string, Quarry>): string {
  const rows = MUTANTS.map((mutant) => {
    const { name, breaks } = mutant;
    const { rules, schedules } = quarries.get(name) as Quarry;
    const others = rules.filter((rule) => rule !== breaks);
    return `| ${name} | ${[`**${breaks}**`, ...others].join(', ')} | ${worldOf(mutant)} | ${schedules} |`;
  });
  return ['| Mutant | Rules that it broke | World | Schedules |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}

describe('a product that is broken on purpose is caught when', () => {
  const quarries = new Map<string, Quarry>();

  beforeAll(async () => {
    const waiting = [...MUTANTS];
    const work = async (): Promise<void> => {
      for (let mutant = waiting.shift(); mutant; mutant = waiting.shift())
        quarries.set(mutant.name, await hunt(mutant));
    };
    await Promise.all(Array.from({ length: availableParallelism() }, work));
  });

  afterAll(() => console.log(tableOf(quarries)));

  it.each(MUTANTS)('$name', ({ name, breaks }) => {
    expect(quarries.get(name)?.rules).toContain(breaks);
  });

  it('(the documentation names it, the rule, and the world)', async () => {
    const page = await readFile(new URL('../../docs/testing.md', import.meta.url), 'utf8');
    const rows = page.matchAll(/^\| (.+?) +\| \*\*(.+?)\*\*[^|]*\| (.+?) +\|$/gm);
    const documented = Array.from(rows, ([, name, rule, world]) => ({ name, rule, world }));
    expect(documented).toEqual(
      MUTANTS.map((mutant) => ({ name: mutant.name, rule: mutant.breaks, world: worldOf(mutant) })),
    );
  });
});
