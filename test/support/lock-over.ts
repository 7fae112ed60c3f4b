import { type AcquireOptions, type Lock, Redlock } from '../../src/index.ts';
import type { ExtendReply, RepairReply } from '../../src/node/lock-node.ts';
import { ManualClock } from './manual-clock.ts';
import { type ScriptedNode, scriptedNodes } from './scripted-node.ts';
import { seededRandom } from './seeded-random.ts';

export interface LockOver {
  readonly redlock: Redlock;
  readonly lock: Lock;
  readonly nodes: readonly ScriptedNode[];
  readonly clock: ManualClock;
  /** The nodes' answers to the last extension, in the order of the nodes; undefined for silence. */
  readonly answerExtensions: (...replies: (ExtendReply | RepairReply | undefined)[]) => void;
}

/**
 * A lock on 'r' over `n` scripted nodes that grant and release at once, and leave extensions open. Without other
 * options its ttl is 1000 ms, its validity 988 ms (from 1000 to 1988 on the clock), its nodeTimeout 100 ms, its
 * fencing token 7.
 */
export async function lockOver(n: number, options: AcquireOptions = {}): Promise<LockOver> {
  const clock = new ManualClock(1_000);
  const nodes = scriptedNodes(n, { grant: { kind: 'granted', counter: 7 }, release: { kind: 'released' } });
  const redlock = new Redlock(nodes, { clock, random: seededRandom(1) });
  const lock = await redlock.acquire('r', { ttl: 1_000, ...options });
  return {
    redlock,
    lock,
    nodes,
    clock,
    answerExtensions: (...replies) =>
      replies.forEach((reply, index) => {
        if (reply) nodes[index]?.answerExtension(reply);
      }),
  };
}

/** How many requests of a kind each node has got. */
export function counts(
  nodes: readonly ScriptedNode[],
  verb: 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'revoke',
): number[] {
  return nodes.map((node) => node.of(verb).length);
}
