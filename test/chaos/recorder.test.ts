import { expect, it, onTestFinished } from 'vitest';
import { startRedises } from '../support/redis-server.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { ClientEvent } from './log.ts';
import { Recorder } from './recorder.ts';

const TTL = 20_000;
const PATIENCE = 30_000;

// The harness kills clients that have just got a lock: what they have not written by then, nobody will ever know.
it('a client writes that a call has won before the call ends, whatever the call', async () => {
  const servers = await startRedises(3);
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  const events: ClientEvent[] = [];
  const recorder = new Recorder({
    client: 0,
    urls: servers.map(({ url }) => url),
    maxTtl: TTL,
    nodeTimeout: 5_000,
    connectTimeout: 5_000,
    restartGuard: 'auto',
    redisClient: 'ioredis',
    random: seededRandom(1),
    write: (event) => void events.push(event),
  });

  let whileHeld: string[] = [];
  await recorder.using(['used'], PATIENCE, { ttl: TTL }, async () => {
    whileHeld = eventsOfCalls(events);
  });
  expect(whileHeld).toEqual(['0 invoke using', '0 info won']);
  const acquired = await recorder.acquire(['acquired'], PATIENCE, { ttl: TTL });
  const tried = await recorder.tryAcquire(['tried'], { ttl: TTL });
  expect(await recorder.tryAcquire(['tried'], { ttl: TTL })).toBeUndefined();
  expect(eventsOfCalls(events)).toEqual([
    '0 invoke using',
    '0 info won',
    '0 ok using',
    '1 invoke acquire',
    '1 info won',
    '1 ok acquire',
    '2 invoke tryAcquire',
    '2 info won',
    '2 ok tryAcquire',
    '3 invoke tryAcquire',
    '3 fail tryAcquire',
  ]);
  for (const held of [acquired, tried]) if (held) await recorder.release(held);
  await recorder.close();
});

function eventsOfCalls(events: readonly ClientEvent[]): string[] {
  return events.flatMap((event) => ('call' in event ? [`${event.call} ${event.type} ${event.f}`] : []));
}
