import { constants } from 'node:os';

const lastActs: (() => void)[] = [];

process.on('exit', () => {
  for (const act of lastActs) act();
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => process.exit(128 + constants.signals[signal]));
}

// Whoever read the output has gone, as in `npm run demo | head`.
process.stdout.on('error', () => process.exit(1));

/** Runs `act`, which has to be synchronous, when the demo ends: finished, failed or interrupted. */
export function atExit(act: () => void): void {
  lastActs.push(act);
}
