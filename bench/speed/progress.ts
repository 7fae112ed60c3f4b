import { createRequire } from 'node:module';

/** A dependency of the bench alone: without it this still has to compile. */
interface CliProgress {
  readonly SingleBar: new (options: {
    stream: NodeJS.WritableStream;
    format: string;
    hideCursor: boolean;
    fps: number;
    etaBuffer: number;
  }) => {
    start(total: number, value: number, payload: object): void;
    increment(steps: number, payload: object): void;
    update(payload: object): void;
    stop(): void;
  };
}

/** How far the run is; a bar on a terminal, or else a line for each scenario. */
export interface Progress {
  begin(scenario: string): void;
  /** Begins a step; all of them take about as long. */
  readonly step: (what: string) => void;
  /** Closes what was begun. */
  end(scenario: string): void;
  stop(): void;
}

/** `total`: how many steps there will be. */
export function showProgress(total: number): Progress {
  return process.stderr.isTTY ? bar(total) : lines();
}

function bar(total: number): Progress {
  const { SingleBar } = createRequire(import.meta.url)('cli-progress') as CliProgress;
  const shown = new SingleBar({
    stream: process.stderr,
    format: '{bar} {percentage} % | {duration_formatted} | {scenario}: {what}',
    hideCursor: true,
    fps: 2,
    etaBuffer: 50,
  });
  let scenario = '';
  shown.start(total, 0, { scenario, what: '' });
  return {
    begin: (name) => {
      scenario = name;
      shown.update({ scenario, what: '' });
    },
    step: (what) => shown.increment(1, { scenario, what }),
    end: () => {},
    stop: () => shown.stop(),
  };
}

function lines(): Progress {
  let began = 0;
  return {
    begin: () => {
      began = performance.now();
    },
    step: () => {},
    end: (scenario) => console.error(`${scenario}: ${((performance.now() - began) / 1_000).toFixed(0)} s`),
    stop: () => {},
  };
}
