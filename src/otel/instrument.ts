import { Metrics } from './metrics.ts';
import { type InstrumentOptions, type OpenTelemetry, resolveOptions } from './options.ts';
import { Spans } from './spans.ts';
import { Subscriptions } from './subscriptions.ts';

/** The name of the instrumentation scope. */
const SCOPE = 'quorlock';

/**
 * Records metrics and spans of all `Redlock`s in this process, from now on. Call it once, after the OpenTelemetry SDK has started and before
 * the first `Redlock` is made.
 *
 * @param api the providers of tracers and meters, such as `import * as api from '@opentelemetry/api'`. @default the global ones
 * @returns a function that ends the recording. Spans that are open end there.
 * @throws {TypeError} naming the option, the value and what is allowed.
 */
export function instrument(api?: OpenTelemetry, options?: InstrumentOptions): () => void {
  const { tracers, meters, resourceName, metrics, spans } = resolveOptions(api, options);
  const subscriptions = new Subscriptions();
  if (metrics) new Metrics(meters.getMeter(SCOPE), resourceName).subscribe(subscriptions);
  if (spans) new Spans(tracers.getTracer(SCOPE), resourceName).subscribe(subscriptions);
  return () => subscriptions.end();
}
