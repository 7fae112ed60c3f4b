import type { RedisServer } from '../../test/support/redis-server.ts';
import type { Setting } from './setting.ts';

/** What befalls the last ones of five nodes. */
export interface Fault {
  readonly name: string;
  /** By which way the nodes are reached. */
  readonly over: 'direct' | 'proxied';
  begin(setting: Setting): unknown;
  end(setting: Setting): unknown;
}

const SLOW = 200;
const nothing = (): void => {};

export const pause = (servers: readonly RedisServer[]): void => {
  for (const server of servers) server.pause();
};
export const resume = (servers: readonly RedisServer[]): void => {
  for (const server of servers) server.resume();
};
export const kill = (servers: readonly RedisServer[]): Promise<unknown> =>
  Promise.all(servers.map((server) => server.kill()));
export const restart = (servers: readonly RedisServer[]): Promise<unknown> =>
  Promise.all(servers.map((server) => server.restart()));

const hung = (name: string, first: number): Fault => ({
  name,
  over: 'direct',
  begin: ({ servers }) => pause(servers.slice(first)),
  end: ({ servers }) => resume(servers.slice(first)),
});
const dead = (name: string, first: number): Fault => ({
  name,
  over: 'direct',
  begin: ({ servers }) => kill(servers.slice(first)),
  end: ({ servers }) => restart(servers.slice(first)),
});
const slow = (name: string, ...delays: readonly number[]): Fault => ({
  name,
  over: 'proxied',
  begin: ({ proxies }) => proxies.delay(...delays),
  end: ({ proxies }) => proxies.delay(),
});

export const HEALTHY: Fault = { name: 'healthy', over: 'direct', begin: nothing, end: nothing };
/** What slow nodes are compared with: the same way, but nobody is slow. */
export const HEALTHY_PROXIED: Fault = { ...HEALTHY, name: 'healthy, two behind proxies', over: 'proxied' };
export const FAULTS: readonly Fault[] = [
  hung('one hung', 4),
  hung('two hung', 3),
  dead('one dead', 4),
  dead('two dead', 3),
  slow(`one slow by ${SLOW} ms`, 0, SLOW),
  slow(`two slow by ${SLOW} ms`, SLOW, SLOW),
];
