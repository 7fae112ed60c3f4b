import { readFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import type { RedisServer } from '../../test/support/redis-server.ts';

/** What the figures depend on. */
export interface Machine {
  readonly processor: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly server: string;
  /** Of whatever else ran before. */
  readonly load: number;
}

export async function describeMachine(server: RedisServer, load: number): Promise<Machine> {
  const redis = await server.info('redis_version');
  const valkey = await server.info('valkey_version');
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    server: valkey ? `Valkey ${valkey}` : `Redis ${redis}`,
    load,
  };
}

/** More processes wanted to run than this machine has processors for a minute before: figures will be off. */
export function isNoisy({ load, cores }: Machine): boolean {
  return load > cores / 4;
}

export function loadBefore(): number {
  return loadavg()[0] ?? 0;
}

/** Of the peers, and of ioredis, as the bench asks for them. */
export async function versions(packageFile: string): Promise<Record<string, string>> {
  return (JSON.parse(await readFile(packageFile, 'utf8')) as { dependencies: Record<string, string> })
    .dependencies;
}
