import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Call } from './call.ts';
import { type Connected, withRedlock } from './connect.ts';
import { LONGEST_TIMER } from './duration.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { blamingOptions } from './failure.ts';
import { jsonLine } from './json.ts';
import { contacted } from './nodes.ts';
import { Screen } from './screen.ts';
import { changeJson, changeLine, changesSince, type Sight, sightLines } from './sight.ts';

const USUAL_INTERVAL = 1_000;
const SHORTEST_INTERVAL = 100;
const ENDED_BY = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/** `quorlock watch` */
export async function watch(call: Call): Promise<number> {
  const { line } = call;
  const resources = [...line.positionals, ...(line.rest ?? [])];
  const interval = line.duration('interval') ?? USUAL_INTERVAL;
  if (interval < SHORTEST_INTERVAL) throw new UsageError('--interval must be at least 100ms');
  if (interval > LONGEST_TIMER) throw new UsageError('--interval must be at most 24 days');
  return withRedlock(call, async (connected) => {
    const show = viewOf(call);
    const end = new AbortController();
    let code: number = EXIT.ok;
    const stop = (signal: NodeJS.Signals): void => {
      // Ctrl-C is how one ends it.
      if (signal !== 'SIGINT') code = 128 + constants.signals[signal];
      end.abort();
    };
    for (const signal of ENDED_BY) process.on(signal, stop);
    try {
      await contacted(connected.redlock);
      while (!end.signal.aborted && !call.stdout.isClosed) {
        show.draw(await look(connected, resources));
        await delay(interval, undefined, { signal: end.signal }).catch(() => {});
      }
    } finally {
      show.close();
      for (const signal of ENDED_BY) process.off(signal, stop);
    }
    return code;
  });
}

async function look({ redlock, quorum }: Connected, resources: readonly string[]): Promise<Sight> {
  const inspected = await Promise.all(
    resources.map(async (resource) => ({
      resource,
      inspection: await blamingOptions(() => redlock.inspect(resource)),
    })),
  );
  return { at: new Date(), quorum, nodes: redlock.nodes, resources: inspected };
}

interface View {
  draw(sight: Sight): void;
  close(): void;
}

/** A picture on a terminal; otherwise a line for each change. */
function viewOf({ line, stdout }: Call): View {
  let last: Sight | undefined;
  if (stdout.isTerminal && !line.has('json')) {
    const screen = new Screen(stdout);
    const lines = (sight: Sight): string[] => sightLines(sight, stdout.paint);
    return {
      draw(sight) {
        last = sight;
        screen.draw(lines(sight));
      },
      close() {
        screen.close();
        if (last) stdout.print(...lines(last));
      },
    };
  }
  return {
    draw(sight) {
      const changes = changesSince(last, sight);
      last = sight;
      const format = line.has('json')
        ? changes.map((change) => jsonLine(changeJson(change, sight.at)))
        : changes.map((change) => changeLine(change, sight.at));
      if (format.length > 0) stdout.print(...format);
    },
    close() {},
  };
}
