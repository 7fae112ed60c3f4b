import type { RedisServer } from '../../../test/support/redis-server.ts';
import { now } from '../../support/monotonic.ts';
import type { Proxies } from '../../support/proxies/proxies.ts';
import type { Worker } from '../worker/fleet.ts';

/** What a fault may change while processes want a lock. */
export interface Scene {
  readonly servers: readonly RedisServer[];
  /** The process that the fault happens to, if it happens to one. */
  readonly victim: Worker;
  /** The index of the node that is asked first. */
  readonly arbiter: number;
  /** Through which all processes reach the nodes, if the fault wants them. */
  readonly proxies: Proxies | undefined;
}

export interface Fault {
  readonly name: string;
  /** Which goal applies to it. */
  readonly kind: 'none' | 'dead' | 'hung' | 'hung arbiter';
  readonly behindProxies?: true;
  /** `lost`: the victim cannot report its turns any more. */
  readonly victim?: 'lost' | 'kept';
  /** From its beginning to that of the measurement, in ms. @default 0 */
  readonly settle?: number;
  /** Resolves with the time at which it began. */
  begin(scene: Scene): Promise<number>;
}

const SLOW = 200;

export const FAULTS: readonly Fault[] = [
  { name: 'no fault', kind: 'none', begin: async () => now() },
  {
    name: 'a waiter killed',
    kind: 'dead',
    victim: 'lost',
    begin: (scene) => onceItOnlyWaits(scene, ({ victim }) => victim.kill()),
  },
  {
    name: 'a waiter stopped',
    kind: 'hung',
    victim: 'lost',
    begin: (scene) => onceItOnlyWaits(scene, ({ victim }) => victim.pause()),
  },
  {
    name: 'a waiter cut off',
    kind: 'hung',
    victim: 'kept',
    begin: (scene) => onceItOnlyWaits(scene, ({ victim }) => victim.call('cutOff', {})),
  },
  { name: 'arbiter killed', kind: 'dead', begin: (scene) => from(() => arbiterOf(scene).kill()) },
  { name: 'arbiter stopped', kind: 'hung arbiter', begin: (scene) => from(() => arbiterOf(scene).pause()) },
  {
    name: `arbiter slow by ${SLOW} ms`,
    kind: 'hung arbiter',
    behindProxies: true,
    begin: ({ servers, arbiter, proxies }) =>
      from(() => proxies?.delay(...servers.map((_, i) => (i === arbiter ? SLOW : 0)))),
  },
  { name: 'arbiter restarted empty', kind: 'dead', begin: (scene) => from(() => arbiterOf(scene).restart()) },
  {
    name: 'arbiter in quarantine',
    kind: 'dead',
    // Until all processes have noticed.
    settle: 1_500,
    begin: (scene) => from(() => arbiterOf(scene).restart()),
  },
  {
    name: 'subscribers cut',
    kind: 'dead',
    begin: ({ servers }) =>
      from(() => Promise.all(servers.map((server) => server.cli('CLIENT', 'KILL', 'TYPE', 'pubsub')))),
  },
];

async function from(begin: () => unknown): Promise<number> {
  const at = now();
  await begin();
  return at;
}

async function onceItOnlyWaits(scene: Scene, begin: (scene: Scene) => unknown): Promise<number> {
  await scene.victim.call('onlyWaits', {});
  return from(() => begin(scene));
}

function arbiterOf({ servers, arbiter }: Scene): RedisServer {
  return servers[arbiter] as RedisServer;
}
