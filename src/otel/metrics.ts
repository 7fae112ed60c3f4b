import type {
  Attributes,
  Counter,
  Histogram,
  Meter,
  ObservableResult,
  ObservableUpDownCounter,
  UpDownCounter,
} from '@opentelemetry/api';
import type { AcquireEvent } from '../tracing.ts';
import { attributes } from './attributes.ts';
import { NodeStates } from './node-states.ts';
import type { ResourceNames } from './options.ts';
import type { Subscriptions } from './subscriptions.ts';

/** Boundaries of buckets, in s: from a round trip in a data centre to the longest usual `acquireTimeout`. */
const ACQUIRE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The same, up to jobs that hold a lock for an hour. */
const HELD_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600];

/** Records the metrics of calls, locks and nodes. */
export class Metrics {
  readonly #namesOf: ResourceNames;
  readonly #duration: Histogram;
  readonly #waiting: UpDownCounter;
  readonly #contended: Counter;
  readonly #held: Histogram;
  readonly #lost: Counter;
  readonly #extendFailures: Counter;
  readonly #nodes: ObservableUpDownCounter;
  readonly #states = new NodeStates();
  /** What was counted as waiting, with its attributes. */
  readonly #pending = new Map<AcquireEvent, Attributes>();

  constructor(meter: Meter, namesOf: ResourceNames) {
    this.#namesOf = namesOf;
    this.#duration = meter.createHistogram('quorlock.acquire.duration', {
      description: 'Duration of calls that acquire a lock, including the time that they wait.',
      unit: 's',
      advice: { explicitBucketBoundaries: ACQUIRE_BUCKETS },
    });
    this.#waiting = meter.createUpDownCounter('quorlock.acquire.waiting', {
      description: 'Calls that are acquiring a lock and have not settled.',
      unit: '{call}',
    });
    this.#contended = meter.createCounter('quorlock.acquire.contended', {
      description: 'Calls that found a resource held or wanted by somebody else.',
      unit: '{call}',
    });
    this.#held = meter.createHistogram('quorlock.lock.held.duration', {
      description: 'Time from the acquisition of a lock to its release or loss.',
      unit: 's',
      advice: { explicitBucketBoundaries: HELD_BUCKETS },
    });
    this.#lost = meter.createCounter('quorlock.lock.lost', {
      description: 'Locks that were lost before their release.',
      unit: '{lock}',
    });
    this.#extendFailures = meter.createCounter('quorlock.extend.failures', {
      description: 'Extensions that failed while the lock stayed held.',
      unit: '{extension}',
    });
    this.#nodes = meter.createObservableUpDownCounter('quorlock.node.state', {
      description: 'Nodes that are in this state.',
      unit: '{node}',
    });
  }

  subscribe(subscriptions: Subscriptions): void {
    subscriptions.on('tracing:quorlock:acquire:start', (event) => this.#begun(event));
    subscriptions.on('tracing:quorlock:acquire:asyncEnd', (event) => this.#settled(event));
    subscriptions.on('quorlock:lock:released', ({ resources, heldFor, outcome }) =>
      this.#ended(resources, heldFor, outcome),
    );
    subscriptions.on('quorlock:lock:lost', ({ resources, heldFor, reason }) => {
      this.#ended(resources, heldFor, 'lost');
      this.#lost.add(1, attributes({ reason, resource: this.#namesOf(resources) }));
    });
    subscriptions.on('quorlock:lock:extendFailed', ({ resources }) => {
      this.#extendFailures.add(1, attributes({ resource: this.#namesOf(resources) }));
    });
    for (const state of ['up', 'down', 'quarantined', 'unusable', 'closed'] as const)
      subscriptions.on(`quorlock:node:${state}`, (event) => this.#states.changed(event));
    this.#nodes.addCallback(this.#observe);
    subscriptions.finally(() => {
      this.#nodes.removeCallback(this.#observe);
      for (const each of this.#pending.values()) this.#waiting.add(-1, each);
      this.#pending.clear();
    });
  }

  readonly #observe = (result: ObservableResult): void => {
    for (const { node, state, count } of this.#states) result.observe(count, attributes({ node, state }));
  };

  #begun(event: AcquireEvent): void {
    const own = this.#attributesOf(event);
    this.#pending.set(event, own);
    this.#waiting.add(1, own);
  }

  #settled(event: AcquireEvent): void {
    const counted = this.#pending.get(event);
    if (counted && this.#pending.delete(event)) this.#waiting.add(-1, counted);
    const own = counted ?? this.#attributesOf(event);
    const { waited = 0, outcome, contended } = event;
    this.#duration.record(waited / 1_000, { ...own, ...attributes({ outcome }) });
    if (contended) this.#contended.add(1, own);
  }

  #ended(resources: readonly string[], heldFor: number | undefined, outcome: string): void {
    if (heldFor === undefined) return;
    this.#held.record(heldFor / 1_000, attributes({ outcome, resource: this.#namesOf(resources) }));
  }

  #attributesOf({ method, resources }: AcquireEvent): Attributes {
    return attributes({ method, resource: this.#namesOf(resources) });
  }
}
