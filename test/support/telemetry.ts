import { context, type DiagLogger, diag } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type Histogram,
  MeterProvider,
  MetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';
import { type InstrumentOptions, instrument } from '../../src/otel.ts';

class Reader extends MetricReader {
  constructor() {
    super({ aggregationTemporalitySelector: () => AggregationTemporality.CUMULATIVE });
  }

  protected override async onForceFlush(): Promise<void> {}

  protected override async onShutdown(): Promise<void> {}
}

/** One series of a metric. A histogram has a count and a sum, and the upper bounds of its buckets. */
export interface Series {
  readonly attributes: Record<string, unknown>;
  readonly value:
    | number
    | { readonly count: number; readonly sum: number; readonly bounds: readonly number[] };
}

export interface Telemetry {
  readonly api: { readonly trace: BasicTracerProvider; readonly metrics: MeterProvider };
  /** The series of a metric, without those that are 0 in a state that a node is not in. */
  readonly series: (metric: string) => Promise<Series[]>;
  /** The units by the name of each metric that has series. */
  readonly units: () => Promise<Record<string, string>>;
  /** The spans that have ended, in that order. */
  readonly spans: () => readonly ReadableSpan[];
  /** What the diagnostic logger has got. */
  readonly logged: readonly unknown[][];
  /** Ends the recording. */
  readonly undo: () => void;
}

const nothing = (): void => {};

/** Records in memory what quorlock does, until the test is over. `more` readers get the metrics too. */
export function recorded(options: InstrumentOptions = {}, more: readonly MetricReader[] = []): Telemetry {
  const exporter = new InMemorySpanExporter();
  const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const reader = new Reader();
  const meters = new MeterProvider({ readers: [reader, ...more] });
  const manager = new AsyncLocalStorageContextManager().enable();
  context.setGlobalContextManager(manager);
  const logged: unknown[][] = [];
  const logger: DiagLogger = {
    error: (...args) => void logged.push(args),
    warn: (...args) => void logged.push(args),
    info: nothing,
    debug: nothing,
    verbose: nothing,
  };
  diag.setLogger(logger, { suppressOverrideMessage: true });
  const api = { trace: tracers, metrics: meters };
  const undo = instrument(api, options);
  onTestFinished(async () => {
    undo();
    diag.disable();
    context.disable();
    await Promise.all([tracers.shutdown(), meters.shutdown()]);
  });
  const all = async () => {
    const { resourceMetrics } = await reader.collect();
    return resourceMetrics.scopeMetrics.flatMap(({ metrics }) => metrics);
  };
  return {
    api,
    series: async (name) => {
      const metric = (await all()).find(({ descriptor }) => descriptor.name === name);
      return (metric?.dataPoints ?? []).map(
        ({ attributes, value }): Series => ({
          attributes,
          value: typeof value === 'number' ? value : histogramOf(value as Histogram),
        }),
      );
    },
    units: async () =>
      Object.fromEntries((await all()).map(({ descriptor: { name, unit } }) => [name, unit])),
    spans: () => exporter.getFinishedSpans(),
    logged,
    undo,
  };
}

function histogramOf({ count, sum = 0, buckets }: Histogram): Series['value'] {
  return { count, sum, bounds: buckets.boundaries };
}

/** The events of a span, as their names and attributes. */
export function eventsOf(span: ReadableSpan | undefined): [string, unknown][] {
  return (span?.events ?? []).map(({ name, attributes }) => [name, attributes]);
}
