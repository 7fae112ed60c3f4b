import { setTimeout as delay } from 'node:timers/promises';
import { Redlock } from '../redlock.ts';
import { createMemoryNodes, type MemoryNode } from '../testing.ts';
import type { Call } from './call.ts';
import { DemoWorker, type Ledger } from './demo-worker.ts';
import { EXIT } from './exit-code.ts';
import { jsonLine } from './json.ts';
import type { Cell } from './paint.ts';
import { noArguments } from './resource.ts';
import { fields } from './table.ts';

const RESOURCE = 'counter';
const NODES = 5;
const WORKERS = 4;
const TTL = 1_000;
/** How long the workers work undisturbed, in ms, before something happens. */
const ACT = 1_000;

type Tell = (text: string) => void;

/** `quorlock demo` */
export async function demo({ line, stdout }: Call): Promise<number> {
  noArguments(line);
  const isJson = line.has('json');
  const startedAt = performance.now();
  const tell: Tell = (text) => {
    const ms = performance.now() - startedAt;
    stdout.print(
      isJson
        ? jsonLine({ ms: Math.round(ms), text })
        : `${`${(ms / 1_000).toFixed(1)} s`.padStart(7)}  ${text}`,
    );
  };
  if (!isJson)
    stdout.print(
      `${WORKERS} workers add to one counter under one lock, which ${NODES} nodes in memory hold.`,
      'Each reads the counter, thinks, and writes it back. Without the lock, additions would be lost.',
      '',
    );
  const { counter, additions, overlaps, lost } = await play(tell);
  const isRight = counter === additions && overlaps === 0 && additions > 0;
  if (isJson) stdout.print(jsonLine({ additions, counter, overlaps, lost, isRight }));
  else {
    const facts: [string, Cell][] = [
      ['additions', String(additions)],
      ['counter', String(counter)],
      ['writes without the lock', String(overlaps)],
      ['locks lost', String(lost)],
    ];
    const verdict: Cell = isRight ? { text: 'OK', tone: 'good' } : { text: 'BROKEN', tone: 'bad' };
    stdout.print('', ...fields(facts, stdout.paint), `verdict: ${stdout.paint(verdict)}`);
  }
  return isRight ? EXIT.ok : EXIT.no;
}

async function play(tell: Tell): Promise<Ledger> {
  const nodes = createMemoryNodes(NODES);
  const ledger: Ledger = {
    counter: 0,
    additions: 0,
    overlaps: 0,
    lost: 0,
    holder: undefined,
    onSlow: undefined,
  };
  const workers = Array.from(
    { length: WORKERS },
    (_, index) =>
      new DemoWorker(`worker-${index + 1}`, nodes, { resource: RESOURCE, ttl: TTL, ledger, tell }),
  );
  const end = new AbortController();
  const working = Promise.all(workers.map((worker) => worker.work(end.signal)));
  try {
    await disturb(nodes, ledger, tell);
  } finally {
    end.abort();
    await working;
  }
  return ledger;
}

/** What goes wrong while the workers work. */
async function disturb(nodes: readonly MemoryNode[], ledger: Ledger, tell: Tell): Promise<void> {
  const [first, second] = nodes as [MemoryNode, MemoryNode];
  const progress = (): void =>
    tell(`the counter is at ${ledger.counter}, and ${ledger.holder ?? 'nobody'} holds the lock`);
  await delay(ACT);
  progress();
  first.fail();
  second.hang();
  tell(`${first.name} fails and ${second.name} hangs: the other ${NODES - 2} are still a majority`);
  await delay(ACT);
  progress();
  first.heal();
  second.heal();
  tell(`${first.name} and ${second.name} are back`);
  await delay(ACT);
  progress();
  await new Promise<void>((resolve) => {
    ledger.onSlow = resolve;
  });
  await revoke(nodes, tell);
  await delay(2 * ACT);
  progress();
}

/** As `quorlock revoke` does. */
async function revoke(nodes: readonly MemoryNode[], tell: Tell): Promise<void> {
  const redlock = new Redlock(nodes);
  const { outcome, owner } = await redlock.revoke(RESOURCE);
  await redlock.close();
  tell(
    outcome === 'revoked'
      ? `the lock of ${owner?.label} is revoked; nobody gets it before it would have expired`
      : 'there was no lock to revoke at this moment',
  );
}
