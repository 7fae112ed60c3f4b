/*
 * How long a lock takes while nodes fail, beside the healthy case and beside the floor, all in one run. A
 * measurement, not a test: misses are flagged, and the exit code is 0.
 *
 *   npm run bench:faults [-- --json] [-- --cut-off=5]     (seconds behind a firewall that drops packets)
 */
import { parseArgs } from 'node:util';
import { dropPackets, noFirewall } from '../test/integration/fixtures/firewall.ts';
import { FAULTS, type Fault, HEALTHY, kill, pause, restart, resume } from './support/fault.ts';
import { usedHeap } from './support/garbage.ts';
import { Latencies } from './support/latencies.ts';
import { load, Samples, type Take } from './support/load.ts';
import { openRaw } from './support/raw.ts';
import { evaluate, type Measured, print, type Report } from './support/report.ts';
import { givenUp, healthy, openSetting, type Setting, takeWith, untilService } from './support/setting.ts';

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, 'cut-off': { type: 'string', default: '5' } },
});

const NODE_TIMEOUT = 500;
/** Each case that many times, in turns: a machine's mood passes over all of them. */
const TURNS = 3;
/** Longer than a silent node is waited for before it is given up on, in ms: both phases count. */
const SLICE = { one: 1_300, many: 700 };
const MANY = 64;

const CASES: readonly Fault[] = [HEALTHY, ...FAULTS];

const measured = (): Measured => ({ one: new Samples(), many: new Samples() });

async function measureCases(
  setting: Setting,
  raw: Measured,
): Promise<{ cases: Map<string, Measured>; heapGrowth: number }> {
  let heapBefore = Number.NaN;
  const results = new Map(CASES.map(({ name }) => [name, measured()]));
  for (let turn = 0; turn < TURNS; turn++) {
    await measureRaw(setting, raw);
    for (const each of CASES) {
      const redlock = setting[each.over];
      await healthy(redlock, setting.servers);
      await each.begin(setting);
      const into = results.get(each.name) as Measured;
      await load(takeWith(redlock), 1, SLICE.one, into.one);
      await load(takeWith(redlock), MANY, SLICE.many, into.many);
      await each.end(setting);
      await healthy(setting.direct, setting.servers);
    }
    // Code that is compiled in the first turn is no growth.
    if (turn === 0) heapBefore = await usedHeap();
  }
  return { cases: results, heapGrowth: (await usedHeap()) - heapBefore };
}

async function measureRaw({ servers }: Setting, raw: Measured): Promise<void> {
  const floor = await openRaw(servers.map(({ url }) => url));
  const take: Take = async (resource) => {
    const own = await floor.acquire(resource);
    return async () => {
      await floor.release(own);
      return true;
    };
  };
  await load(take, MANY, 300, new Samples());
  await load(take, 1, SLICE.one, raw.one);
  await load(take, MANY, SLICE.many, raw.many);
  await floor.close();
}

async function timeToReject(setting: Setting): Promise<Record<string, Latencies>> {
  const lost = setting.servers.slice(2);
  const rejections = async (begin: () => unknown, end: () => unknown): Promise<Latencies> => {
    const times = new Latencies();
    await begin();
    for (const until = performance.now() + 2_000; performance.now() < until; ) {
      const began = performance.now();
      await setting.direct.tryAcquire('nothing').catch(() => times.record(performance.now() - began));
    }
    await end();
    await healthy(setting.direct, setting.servers);
    return times;
  };
  return {
    'three hung': await rejections(
      () => pause(lost),
      () => resume(lost),
    ),
    'three dead': await rejections(
      () => kill(lost),
      () => restart(lost),
    ),
  };
}

async function timeToService(setting: Setting): Promise<Record<string, Latencies | string>> {
  const { direct, servers } = setting;
  const lost = servers.slice(2);
  const back = async (begin: () => unknown, end: () => unknown, turns = TURNS): Promise<Latencies> => {
    const times = new Latencies();
    for (let turn = 0; turn < turns; turn++) {
      await begin();
      await givenUp(direct, lost.length);
      await end();
      times.record(await untilService(direct));
      await healthy(direct, servers);
    }
    return times;
  };
  const behindFirewall = async (): Promise<Latencies> => {
    let plugIn: (() => void) | undefined;
    const cutOff = async (): Promise<void> => {
      plugIn = dropPackets(lost.map(({ port }) => port));
      const until = performance.now() + Number(options['cut-off']) * 1_000;
      // With grants pending, and with attempts to reconnect.
      while (performance.now() < until) await direct.tryAcquire('nothing').catch(() => null);
    };
    try {
      return await back(cutOff, () => plugIn?.(), 2);
    } finally {
      plugIn?.();
    }
  };
  return {
    'three hung, until SIGCONT': await back(
      () => pause(lost),
      () => resume(lost),
    ),
    'three dead, until they accept connections': await back(
      () => kill(lost),
      () => restart(lost),
    ),
    [`three behind a firewall for ${options['cut-off']} s`]: noFirewall() ?? (await behindFirewall()),
  };
}

async function main(): Promise<Report> {
  const setting = await openSetting(NODE_TIMEOUT);
  try {
    await healthy(setting.direct, setting.servers);
    await healthy(setting.proxied, setting.servers);
    await load(takeWith(setting.direct), MANY, 1_500, new Samples());
    await load(takeWith(setting.direct), 1, 500, new Samples());
    const raw = measured();
    const { cases, heapGrowth } = await measureCases(setting, raw);
    const rejections = await timeToReject(setting);
    const service = await timeToService(setting);
    return { nodeTimeout: NODE_TIMEOUT, many: MANY, raw, cases, heapGrowth, rejections, service };
  } finally {
    await setting.close();
  }
}

const data = evaluate(await main());
if (options.json) console.log(JSON.stringify(data, null, 2));
else print(data);
