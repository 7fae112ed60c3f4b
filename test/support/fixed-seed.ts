import * as fc from 'fast-check';

// Property tests draw the same cases in every run, so that a failure belongs to the change that it meets. FC_SEED=2 draws
// others, FC_SEED=random new ones in each run. A seed that a test names itself wins.
const seed = process.env['FC_SEED'] ?? '1';
if (seed !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
