/**
 * `npm run example:fencing`: a holder is stopped for longer than its lock is valid, and writes when it wakes up.
 * Once to a store that is shown the fencing tokens, once to one that is not. Exits with 0 if it comes out as told,
 * 1 if not, 2 where there is no redis-server.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from '../demo/at-exit.ts';
import { type Server, serverOnPath, startServer } from '../demo/nodes.ts';
import { Holder } from './holder.ts';
import { play, type Setting } from './round.ts';

/** ms; holder 2 waits for so long. */
const TTL = 1_000;

const urlOf = ({ port }: Server): string => `redis://127.0.0.1:${port}`;

async function prepare(program: string): Promise<Setting> {
  const dir = mkdtempSync(join(tmpdir(), 'quorlock-fencing-'));
  atExit(() => rmSync(dir, { recursive: true, force: true }));
  const [store, ...nodes] = await Promise.all(Array.from({ length: 6 }, () => startServer(program, dir)));
  console.log(
    `Five nodes keep a lock with a ttl of ${TTL} ms; another server keeps the balance of an account: 100.`,
  );
  return { nodes: nodes.map(urlOf), store: urlOf(store as Server), ttl: TTL };
}

/** The balance in the end, and what it means if it is what it should be. */
function tell(balance: number, expected: number, meaning: string): boolean {
  const asTold = balance === expected;
  console.log(`  balance: ${balance}. ${asTold ? meaning : `It should have been ${expected}.`}`);
  return asTold;
}

async function demonstrate(program: string): Promise<boolean> {
  const [setting, ...holders] = await Promise.all([prepare(program), Holder.start(), Holder.start()]);
  console.log('\nWith the guard:');
  const kept = tell(
    await play(setting, holders, true),
    150,
    'Nothing is lost; holder 1 knows that it has to try again.',
  );
  console.log('\nWithout the guard:');
  const lost = tell(
    await play(setting, holders, false),
    110,
    'The 50 of holder 2 are lost, and nobody knows.',
  );
  return kept && lost;
}

async function main(): Promise<number> {
  const program = serverOnPath();
  if (!program) {
    console.error('neither redis-server nor valkey-server is on PATH');
    return 2;
  }
  try {
    const asTold = await demonstrate(program);
    console.log(asTold ? '\nOK' : '\nBROKEN');
    return asTold ? 0 : 1;
  } catch (error) {
    console.error(error);
    return 1;
  }
}

process.exit(await main());
