import type { Clock } from '../clock.ts';
import type { LockNode } from '../node/lock-node.ts';
import type { Random } from '../random.ts';
import { Arbiters } from './arbiter.ts';
import { Hints } from './hints.ts';
import { Lines } from './line.ts';
import { RecentContention } from './recent-contention.ts';
import { RoundTrip } from './round-trip.ts';

/** What the calls of one Redlock share. */
export class AcquireContext {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  readonly random: Random;
  readonly hints: Hints;
  readonly arbiters: Arbiters;
  readonly roundTrip: RoundTrip;
  readonly contention: RecentContention;
  readonly lines: Lines;

  constructor(nodes: readonly LockNode[], clock: Clock, random: Random) {
    this.nodes = nodes;
    this.clock = clock;
    this.random = random;
    this.hints = new Hints(clock);
    this.arbiters = new Arbiters(nodes.map(({ name }) => name));
    this.roundTrip = new RoundTrip();
    this.contention = new RecentContention(clock);
    this.lines = new Lines({ nodes, clock, random, roundTrip: this.roundTrip });
  }

  /** Whether a node is still making its first contact. */
  readonly isConnecting = (node: number): boolean =>
    (this.nodes[node]?.firstContactUntil() ?? 0) > this.clock.now();

  /** One of these, by chance; undefined if there are none. */
  readonly pick = (nodes: readonly number[]): number | undefined =>
    nodes[Math.floor(this.random.fraction() * nodes.length)];
}
