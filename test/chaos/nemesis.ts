import type { Random } from '../../src/random.ts';
import { seededRandom } from '../support/seeded-random.ts';
import {
  CLIENT_FAULTS,
  type ClientFaultKind,
  type Fault,
  faultyUntil,
  isNodeFault,
  minorityOf,
  NODE_FAULTS,
  type NodeFault,
  type NodeFaultKind,
  type Recovery,
} from './fault.ts';

export interface NemesisOptions {
  readonly seed: number;
  /** How long faults go on, in ms: all are undone by then. */
  readonly duration: number;
  readonly nodes: number;
  readonly clients: number;
  /** `broken`: now and then a majority of the nodes, or all of them, are faulty at once. */
  readonly limits: 'kept' | 'broken';
  readonly recovery: Recovery;
  /** The longest ttl of a lock, in ms: a client that is stopped for longer comes back after its validity. */
  readonly maxTtl: number;
}

/** How long faults take, in ms, from and to; what is not here depends on the ttl. */
const DURATIONS: Readonly<Record<NodeFaultKind, readonly [number, number]>> = {
  kill: [300, 1_500],
  stop: [300, 1_500],
  'restart empty': [0, 0],
  'restart with old data': [300, 1_000],
  pause: [500, 2_500],
  'cut off': [500, 2_500],
  'cut off requests': [500, 2_500],
  'cut off answers': [500, 2_500],
  slow: [500, 2_500],
  'early expiry': [500, 500],
  'flush scripts': [0, 0],
};
/** By how much a slow node's answers are late, in ms: some of them more than a round waits for. */
const DELAYS = [10, 250] as const;
/** Nothing is wrong so long after the start, and between two faults, in ms. */
const QUIET_START = 700;
const GAPS = [100, 2_200] as const;
/** Which part of the faults comes together with the one before. */
const COMBINED = 0.3;
/** When limits are broken: every how many faults a majority is faulty, and by what. */
const MAJORITY_EVERY = 3;
const MAJORITY_FAULTS: readonly NodeFaultKind[] = [
  'pause',
  'restart empty',
  'kill',
  'cut off',
  'early expiry',
];

/**
 * What goes wrong, and when: the same for the same options. Every kind comes once before any comes again. While limits
 * are kept, never more than a minority of the nodes is faulty, from the beginning of a fault to the end of its recovery.
 */
export function planFaults(options: NemesisOptions): Fault[] {
  return new Nemesis(options).plan();
}

class Nemesis {
  readonly #options: NemesisOptions;
  readonly #random: Pick<Random, 'fraction'>;
  readonly #faults: Fault[] = [];
  #deck: (NodeFaultKind | ClientFaultKind)[] = [];
  #majorityDeck: NodeFaultKind[] = [];

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  plan(): Fault[] {
    const { duration, limits } = this.#options;
    for (let at = QUIET_START; at < duration; at = this.#next(at)) {
      const isMajority = limits === 'broken' && this.#faults.length % MAJORITY_EVERY === MAJORITY_EVERY - 1;
      const fault = isMajority ? this.#majority(at) : this.#any(at);
      if (fault && fault.at + fault.for <= duration) this.#faults.push(fault);
    }
    return this.#faults;
  }

  #next(at: number): number {
    return this.#random.fraction() < COMBINED ? at + this.#between([0, 30]) : at + this.#between(GAPS);
  }

  /** The first kind of the deck for which there is room. */
  #any(at: number): Fault | undefined {
    if (this.#deck.length === 0) this.#deck = this.#shuffled([...NODE_FAULTS, ...CLIENT_FAULTS]);
    for (const [index, kind] of this.#deck.entries()) {
      const fault = isClientKind(kind) ? this.#clientFault(kind, at) : this.#nodeFault(kind, at);
      if (!fault) continue;
      this.#deck.splice(index, 1);
      return fault;
    }
    return undefined;
  }

  #clientFault(kind: ClientFaultKind, at: number): Fault | undefined {
    const { clients, maxTtl } = this.#options;
    const client = Math.floor(this.#random.fraction() * clients);
    const isBusy = this.#faults.some(
      (fault) => !isNodeFault(fault) && fault.client === client && fault.at + fault.for + maxTtl > at,
    );
    if (isBusy) return undefined;
    const length = kind === 'stop client' ? this.#between([1.1 * maxTtl, 1.6 * maxTtl]) : 300;
    return { kind, client, at, for: length };
  }

  #nodeFault(kind: NodeFaultKind, at: number): Fault | undefined {
    const { nodes, limits } = this.#options;
    const [node] = this.#shuffled(Array.from({ length: nodes }, (_, each) => each));
    const fault = this.#fault(kind, [node as number], at);
    if (limits === 'broken') return fault;
    const isPossible =
      mostFaulty([...this.#faults, fault], this.#options.recovery) <= minorityOf(nodes) &&
      !this.#isBusy(node as number, fault);
    return isPossible ? fault : undefined;
  }

  /** One node has one fault at a time. */
  #isBusy(node: number, { at }: NodeFault): boolean {
    const { recovery } = this.#options;
    return this.#faults.some(
      (each) => isNodeFault(each) && each.nodes.includes(node) && faultyUntil(each, recovery) > at,
    );
  }

  #majority(at: number): Fault {
    const { nodes } = this.#options;
    if (this.#majorityDeck.length === 0) this.#majorityDeck = this.#shuffled(MAJORITY_FAULTS);
    const kind = this.#majorityDeck.pop() as NodeFaultKind;
    const majority = minorityOf(nodes) + 1;
    const many = majority + Math.floor(this.#random.fraction() * (nodes - majority + 1));
    const victims = this.#shuffled(Array.from({ length: nodes }, (_, each) => each)).slice(0, many);
    return this.#fault(kind, victims, at);
  }

  #fault(kind: NodeFaultKind, nodes: readonly number[], at: number): NodeFault {
    const fault = { kind, nodes, at, for: this.#between(DURATIONS[kind]) };
    return kind === 'slow' ? { ...fault, delay: this.#between(DELAYS) } : fault;
  }

  /** A whole number between two. */
  #between([from, to]: readonly [number, number]): number {
    return Math.round(from + this.#random.fraction() * (to - from));
  }

  #shuffled<T>(all: readonly T[]): T[] {
    return all
      .map((each) => ({ each, order: this.#random.fraction() }))
      .sort((a, b) => a.order - b.order)
      .map(({ each }) => each);
  }
}

/** How many nodes are faulty at a time, at most. */
export function mostFaulty(faults: readonly Fault[], recovery: Recovery): number {
  const ofNodes = faults.filter(isNodeFault);
  const counts = ofNodes.map(({ at }) => {
    const now = ofNodes.filter((each) => each.at <= at && at <= faultyUntil(each, recovery));
    return new Set(now.flatMap(({ nodes }) => nodes)).size;
  });
  return Math.max(0, ...counts);
}

function isClientKind(kind: string): kind is ClientFaultKind {
  return (CLIENT_FAULTS as readonly string[]).includes(kind);
}
