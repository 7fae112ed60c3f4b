import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const path = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

/** Everything that is published, with subscribers that throw each time. The process says what has become of its locks. */
const PROGRAM = `
import { subscribe, tracingChannel } from 'node:diagnostics_channel';
import { Redlock } from '${path('src/index.ts')}';
import { createMemoryNodes } from '${path('src/testing.ts')}';
import { ManualClock } from '${path('test/support/manual-clock.ts')}';

const thrown = [];
process.on('uncaughtException', (error) => thrown.push(error.message));
const fail = (name) => () => { throw new Error(name); };
for (const of of ['lock:acquired', 'lock:extended', 'lock:extendFailed', 'lock:lost', 'lock:released', 'waiting:local',
  'waiting:queued', 'waiting:notified', 'waiting:polling', 'node:up', 'node:down', 'node:closed'])
  subscribe('quorlock:' + of, fail(of));
for (const of of ['acquire', 'using'])
  tracingChannel('quorlock:' + of).subscribe({ start: fail(of), end: fail(of), asyncStart: fail(of), asyncEnd: fail(of), error: fail(of) });

const clock = new ManualClock(1_000);
const nodes = createMemoryNodes(3, { clock });
const [one, two] = [new Redlock(nodes, { clock, ttl: 1_000 }), new Redlock(nodes, { clock, ttl: 1_000 })];
const seen = {};
const lock = await one.acquire('a');
await lock.extend();
const local = one.acquire('a');
const queued = two.acquire('a');
await clock.advanceAsync(100);
seen.release = (await lock.release()).outcome;
const next = await local;
await clock.advanceAsync(10);
await next.release();
await clock.advanceAsync(10);
seen.waited = (await queued).state;
await (await queued).release();
seen.used = await one.using('b', ({ state }) => state);
const failing = await one.using('c', () => { throw new Error('mine'); }).catch((error) => error.message);
seen.failing = failing;
const kept = await one.acquire('d', { autoExtend: true });
let aborted = false;
kept.signal.addEventListener('abort', () => (aborted = true));
await clock.advanceAsync(1_000);
for (const node of nodes) node.fail();
await clock.advanceAsync(2_000);
seen.lost = [kept.state, aborted, kept.signal.reason.reason];
for (const node of nodes) node.heal();
for (const node of nodes) node.grant({ keys: ['e'], ownerToken: 'by hand', ttl: 60_000, wanted: () => true }, () => {});
const polling = one.acquire('e', { acquireTimeout: 5_000 }).catch((error) => error.code);
await clock.advanceAsync(10_000);
seen.timedOut = await polling;
for (const node of nodes) await node.close();
await one.close();
await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ seen, thrown: [...new Set(thrown)].sort() }));
`;

describe('a subscriber that throws', () => {
  it('harms no lock and no call: the error becomes an uncaughtException', async () => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--import', 'tsx', '--input-type=module', '--eval', PROGRAM],
      { cwd: path('.') },
    );
    expect(JSON.parse(stdout)).toEqual({
      seen: {
        release: 'released',
        waited: 'held',
        used: 'held',
        failing: 'mine',
        lost: ['lost', true, 'expired'],
        timedOut: 'ACQUIRE_TIMEOUT',
      },
      thrown: [
        'acquire',
        'lock:acquired',
        'lock:extendFailed',
        'lock:extended',
        'lock:lost',
        'lock:released',
        'node:closed',
        'node:down',
        'node:up',
        'using',
        'waiting:local',
        'waiting:notified',
        'waiting:polling',
        'waiting:queued',
      ],
    });
  }, 30_000);
});
