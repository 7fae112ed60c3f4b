import { createHook } from 'node:async_hooks';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import type { RedisServer } from '../../../test/support/redis-server.ts';
import type { Figures } from '../../support/outcome.ts';
import { OWN } from '../contestants/contestants.ts';
import type { Finding } from '../finding.ts';
import { giveBack, hoard } from '../hoard.ts';
import { callsOf } from '../servers.ts';
import type { Setting } from '../setting.ts';

const NODES = 5;
const TTL = 10_000;

/** Many locks that extend themselves: what they do to the event loop, and how many commands and timers it takes. */
export async function extension(setting: Setting): Promise<Finding> {
  const { locks, ms } = setting.budget.extension;
  const rows: Record<string, Figures> = {};
  for (const name of Object.keys(OWN)) rows[name] = await extend(setting, name);
  return {
    outcomes: {
      extension: {
        title: `${locks} held locks with automatic extension, ttl ${TTL / 1_000} s, for ${ms / 1_000} s`,
        notes: [
          'Delay: how late the event loop is, sampled each ms, which is a part of the figure. Commands: EVALSHA that the five nodes were sent. Timers: those that the locks have added, whether they keep the process alive or not. Lost: locks that were not held any more at the end.',
        ],
        columns: [
          { key: 'delayP50', title: 'delay p50, ms', digits: 2 },
          { key: 'delayP99', title: 'p99, ms', digits: 2 },
          { key: 'delayMax', title: 'longest, ms', digits: 1 },
          { key: 'commands', title: 'commands/s', digits: 1 },
          { key: 'timers', title: 'timers', digits: 0 },
          { key: 'cpu', title: 'client CPU, %', digits: 1 },
          { key: 'lost', title: 'lost', digits: 0 },
        ],
        rows,
      },
    },
    raw: rows,
  };
}

export function stepsOfExtension({ budget: { extension } }: Pick<Setting, 'budget'>): number {
  return Object.keys(OWN).length * Math.ceil(extension.ms / 1_000);
}

async function extend(setting: Setting, name: string): Promise<Figures> {
  const { budget, progress, fresh } = setting;
  const { locks, ms } = budget.extension;
  const servers = await setting.servers(NODES);
  return setting.with(
    name,
    servers,
    async (client) => {
      const held: { readonly state: string }[] = [];
      const timers = countTimers();
      await hoard(client, Array.from({ length: locks }, fresh), held);
      const timersAlive = timers.stop();
      const before = await evalshas(servers);
      const cpu = process.cpuUsage();
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const began = performance.now();
      while (performance.now() - began < ms) {
        progress.step(`${name}, ${locks} locks`);
        await setTimeout(Math.min(1_000, ms));
      }
      delay.disable();
      const seconds = (performance.now() - began) / 1_000;
      const { user, system } = process.cpuUsage(cpu);
      const commands = (await evalshas(servers)) - before;
      const lost = held.filter(({ state }) => state !== 'held').length;
      await giveBack(client, held);
      return {
        delayP50: delay.percentile(50) / 1e6,
        delayP99: delay.percentile(99) / 1e6,
        delayMax: delay.max / 1e6,
        commands: commands / seconds,
        timers: timersAlive,
        cpu: (user + system) / 1e4 / seconds,
        lost,
      };
    },
    { ttl: TTL, autoExtend: true },
  );
}

async function evalshas(servers: readonly RedisServer[]): Promise<number> {
  const counts = await Promise.all(servers.map((server) => callsOf(server, 'evalsha')));
  return counts.reduce((sum, { calls }) => sum + calls, 0);
}

/** `getActiveResourcesInfo` knows only timers that keep the process alive. */
function countTimers(): { stop(): number } {
  const alive = new Set<number>();
  const hook = createHook({
    init: (id, type) => {
      if (type === 'Timeout') alive.add(id);
    },
    destroy: (id) => {
      alive.delete(id);
    },
  }).enable();
  return {
    stop: () => {
      hook.disable();
      return alive.size;
    },
  };
}
