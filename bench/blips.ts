/*
 * How many locks survive that nodes hang for a while: a majority of three nodes is stopped (SIGSTOP) for each length of time, at
 * evenly spaced moments of the extension interval, the worst one included. A measurement, not a test.
 *
 *   npm run bench:blips [-- --moments=4]
 */
import { parseArgs } from 'node:util';
import { Redlock } from '../src/index.ts';
import { type RedisServer, startRedises } from '../test/support/redis-server.ts';

const { values } = parseArgs({ options: { moments: { type: 'string', default: '4' } } });
const MOMENTS = Number(values.moments);
const TTLS = [3_000, 10_000, 30_000];
const BLIPS = [1_500, 3_000, 6_000];
/** Just before an extension begins, so that its request is the first that hangs, in ms. */
const BEFORE = 20;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function survives(ttl: number, blip: number, moment: number): Promise<boolean> {
  const servers = await startRedises(3);
  const redlock = new Redlock(
    servers.map(({ url }) => url),
    { ttl },
  );
  try {
    await (await redlock.acquire('warm')).release();
    const lock = await redlock.acquire('r', { autoExtend: true });
    // A third of the validity after each success.
    const interval = lock.remaining() / 3;
    await sleep(interval - BEFORE - (interval * moment) / MOMENTS);
    const hung: readonly RedisServer[] = servers.slice(1);
    for (const server of hung) server.pause();
    await sleep(blip);
    for (const server of hung) server.resume();
    await sleep(ttl);
    const { state } = lock;
    await lock.release();
    return state === 'held';
  } finally {
    await redlock.close();
    await Promise.all(servers.map((server) => server.stop()));
  }
}

console.log(`| ttl | ${BLIPS.map((blip) => `hang of ${blip / 1_000} s`).join(' | ')} |`);
console.log(`| --- | ${BLIPS.map(() => '---').join(' | ')} |`);
for (const ttl of TTLS) {
  const cells = await Promise.all(
    BLIPS.map(async (blip) => {
      const kept = await Promise.all(
        Array.from({ length: MOMENTS }, (_, moment) => survives(ttl, blip, moment)),
      );
      return `${kept.filter(Boolean).length} of ${MOMENTS} kept`;
    }),
  );
  console.log(`| ${ttl / 1_000} s | ${cells.join(' | ')} |`);
}
