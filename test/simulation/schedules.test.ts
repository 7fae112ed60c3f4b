import { beforeAll, describe, expect, it } from 'vitest';
import { bundle } from '../support/mutants/bundle.ts';
import type { Quarry } from '../support/mutants/hunt.ts';
import { HUNT, sendHunter } from '../support/mutants/hunter.ts';
import { MODELS, type Model } from '../support/simulation/schedules.ts';

/** How many schedules of each model are run; a contended one takes as long as seven others. */
const SCHEDULES: Record<Model, number> = {
  lawful: 1_200,
  forgetful: 1_200,
  restarting: 1_200,
  contended: 150,
  held: 250,
  operated: 800,
};

/** The same for every change; SIM_SEED=… runs others, and `npm run sim` as many as there is time for. */
const seed = Number(process.env.SIM_SEED ?? 1);

describe(`the product in random schedules (with seed=${seed})`, () => {
  let quarries: Record<string, Quarry> = {};

  beforeAll(async () => {
    const program = await bundle('schedules', HUNT);
    const hunts = MODELS.map((model) =>
      sendHunter(program, { model, seed, schedules: SCHEDULES[model], shrink: true }),
    );
    const found = await Promise.all(hunts);
    quarries = Object.fromEntries(MODELS.map((model, index) => [model, found[index] as Quarry]));
  });

  it.each(MODELS)('breaks no rule in a %s world', (model) => {
    const { schedules, rules, message, path } = quarries[model] as Quarry;
    const replay = `npm run sim -- --seed ${seed} --path ${path} --model ${model}`;
    expect(rules, `${message}\n${replay}`).toEqual([]);
    expect(schedules).toBe(SCHEDULES[model]);
  });
});
