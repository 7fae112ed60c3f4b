import { arbitersOf } from '../../src/acquire/arbiter.ts';
import { type AcquireOptions, type Lock, Redlock, type RedlockOptions } from '../../src/index.ts';
import type { GrantReply, InboxListener, ReleaseRequest } from '../../src/node/lock-node.ts';
import { counts } from './lock-over.ts';
import { ManualClock } from './manual-clock.ts';
import { turn } from './peek.ts';
import { type ScriptedNode, scriptedNodes } from './scripted-node.ts';
import { seededRandom } from './seeded-random.ts';

type Denied = Extract<GrantReply, { kind: 'denied' }>;

export const granted: GrantReply = { kind: 'granted', counter: 7 };

/** By default for a minute, so that nothing in a test waits for the expiry. */
export function deniedBy(owner: string, more: Partial<Denied> = {}): Denied {
  return { kind: 'denied', remaining: 60_000, key: 'r', owner, ...more };
}

/** The key is reserved for another waiter. */
export function reserved(remaining: number, more: Partial<Denied> = {}): Denied {
  return { kind: 'denied', remaining, key: 'r', isReserved: true, ...more };
}

/** Where the arbiter of a test says that the call stands. */
export function place(position: number, since = 77): Pick<Denied, 'place'> {
  return { place: { position, since } };
}

/** How long the reservations of a process last that has measured no round trip. */
export const RESERVATION = 30;

/** After how long the first in line asks again if nothing happens; twice as long each time that it finds the same. */
export const FALLBACK = 150;

export const NODE_TIMEOUT = 500;

/** For how long a silent arbiter is waited for, as the jitter of these tests is. */
export const HEDGE: number = NODE_TIMEOUT / 20;

/** A process that waits over scripted nodes, which are numbered with the arbiter of `r` first. */
export interface InLine {
  readonly clock: ManualClock;
  readonly redlock: Redlock;
  readonly nodes: readonly ScriptedNode[];
  readonly call: Promise<Lock>;
  /** Answers the last grant that the node was asked for, and lets the call do what it does about it. */
  readonly answer: (node: number, reply: GrantReply) => Promise<void>;
  /** Answers the grants that other nodes than the first were asked for and have not answered. */
  readonly othersAnswer: (reply: GrantReply) => Promise<void>;
  /** The node tells the process something, about `r` if it does not say. */
  readonly tell: (node: number, what: keyof InboxListener, key?: string) => Promise<void>;
  /** How many grants each node was asked for since the call came into the state that the test begins with. */
  readonly asked: () => number[];
  /** How each node was asked to give something back since then. */
  readonly given: () => (ReleaseRequest['afterwards'] | 'leave')[][];
}

/** Requests that a test has answered. */
const answered = new WeakSet<object>();

/** A call that was just made. Its pauses are 10 s, unless something else is worth waiting for; without jitter. */
export function calling(
  count: number,
  options: AcquireOptions = {},
  settings: RedlockOptions = {},
  resources: string | string[] = 'r',
): InLine {
  const all = scriptedNodes(count, { release: { kind: 'released' } });
  const clock = new ManualClock(1_000);
  const random = { ...seededRandom(1), fraction: () => 0 };
  const redlock = new Redlock(all, { clock, random, nodeTimeout: NODE_TIMEOUT, ...settings });
  const call = redlock.acquire(resources, {
    acquireTimeout: Number.POSITIVE_INFINITY,
    retry: { minTimeout: 10_000, maxTimeout: 10_000, randomize: false },
    ...options,
  });
  call.catch(() => {});
  const names = all.map(({ name }) => name);
  const nodes = arbitersOf('r', names).map((node) => all[node] as ScriptedNode);
  return viewOf({ clock, redlock, call, nodes }, 0);
}

/** The same call from here on: only grants and releases from now on are counted, or those after the first `asked` grants of each node. */
export function viewOf(one: Pick<InLine, 'clock' | 'redlock' | 'call' | 'nodes'>, asked?: number): InLine {
  const { nodes } = one;
  const before = counts(nodes, 'grant').map((grants) => asked ?? grants);
  const givenBefore = counts(nodes, 'release');
  const deliver = (node: number, reply: GrantReply): void => {
    const request = nodes[node]?.of('grant').at(-1);
    if (!request) return;
    answered.add(request);
    request.deliver(reply);
  };
  return {
    ...one,
    answer: async (node, reply) => {
      deliver(node, reply);
      await turn();
    },
    othersAnswer: async (reply) => {
      for (const [node, each] of nodes.entries()) {
        const request = each.of('grant').at(-1);
        if (node > 0 && request && !answered.has(request)) deliver(node, reply);
      }
      await turn();
    },
    tell: async (node, what, key) => {
      nodes[node]?.tell(what, key);
      await turn();
    },
    asked: () => counts(nodes, 'grant').map((grants, node) => grants - (before[node] ?? 0)),
    given: () =>
      nodes.map((node, index) =>
        node
          .of('release')
          .slice(givenBefore[index])
          .map(({ afterwards = 'serve', waiter }) =>
            waiter && afterwards === 'serve' ? 'leave' : afterwards,
          ),
      ),
  };
}

/** A call that `A` has denied everywhere, and whose inbox is open at the arbiter, but not live yet. */
export async function denied(nodes: number, ...rest: DropFirst<Parameters<typeof calling>>): Promise<InLine> {
  const begun = calling(nodes, ...rest);
  for (const [node] of begun.nodes.entries()) await begun.answer(node, deniedBy('A'));
  return viewOf(begun);
}

/** A call that stands in line at the arbiter behind `A`, and sleeps. */
export async function standing(
  nodes: number,
  position = 0,
  ...rest: DropFirst<Parameters<typeof calling>>
): Promise<InLine> {
  const begun = await denied(nodes, ...rest);
  await begun.tell(0, 'live');
  await begun.answer(0, deniedBy('A', place(position)));
  return viewOf(begun);
}

type DropFirst<T extends unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never;
