import { diag, type MeterProvider, metrics, type TracerProvider, trace } from '@opentelemetry/api';
import { boolean, checkNames, implementation, wrong } from '../bad-input.ts';

/** Where metrics and spans go. The module `@opentelemetry/api` is one; so is an object with the providers of an SDK. */
export interface OpenTelemetry {
  /** @default the global provider */
  readonly trace?: TracerProvider | undefined;
  /** @default the global provider; it has to be registered before */
  readonly metrics?: MeterProvider | undefined;
}

/** Options of {@link instrument}. */
export interface InstrumentOptions {
  /**
   * What the attribute `quorlock.resource` says of a resource; undefined to say nothing. Each value makes time series of its own, so there
   * should be few: no ids of customers or orders. @default the part before the first `:`, or all of it if it has none
   */
  readonly resourceName?: ((resource: string) => string | undefined) | undefined;
  /** Whether to record metrics. @default true */
  readonly metrics?: boolean | undefined;
  /** Whether to record spans. @default true */
  readonly spans?: boolean | undefined;
}

/** What the attribute `quorlock.resource` says of all resources of a lock, if anything. */
export type ResourceNames = (resources: readonly string[]) => string | undefined;

/** {@link OpenTelemetry} and {@link InstrumentOptions}, complete and checked. */
interface Plan {
  readonly tracers: TracerProvider;
  readonly meters: MeterProvider;
  readonly resourceName: ResourceNames;
  readonly metrics: boolean;
  readonly spans: boolean;
}

const API = 'an object with trace or metrics, such as the module @opentelemetry/api';

export function resolveOptions(api: OpenTelemetry = {}, options: InstrumentOptions = {}): Plan {
  const isApi =
    typeof api === 'object' &&
    api !== null &&
    (Object.keys(api).length === 0 || 'trace' in api || 'metrics' in api);
  if (!isApi) throw wrong(TypeError, 'api', api, API);
  checkNames('options', options, ['resourceName', 'metrics', 'spans']);
  const { resourceName = beforeColon } = options;
  if (typeof resourceName !== 'function')
    throw wrong(TypeError, 'resourceName', resourceName, 'a function from a resource to a string');
  return {
    tracers: implementation('api.trace', api.trace, trace, ['getTracer']),
    meters: implementation('api.metrics', api.metrics, metrics, ['getMeter']),
    resourceName: (resources) => namesOf(resources, resourceName),
    metrics: boolean('metrics', options.metrics, true),
    spans: boolean('spans', options.spans, true),
  };
}

function beforeColon(resource: string): string {
  const end = resource.indexOf(':');
  return end < 0 ? resource : resource.slice(0, end);
}

/** Each name once, in order, so that locks on resources of the same kinds have one value. */
function namesOf(
  resources: readonly string[],
  nameOf: (resource: string) => string | undefined,
): string | undefined {
  const names = new Set<string>();
  for (const resource of resources) {
    const name = nameSafely(resource, nameOf);
    if (name !== undefined) names.add(name);
  }
  return names.size === 0 ? undefined : [...names].sort().join(',');
}

/** The name of a resource that is of the wrong type, or for which the function fails, is left out. */
function nameSafely(resource: unknown, nameOf: (resource: string) => string | undefined): string | undefined {
  if (typeof resource !== 'string') return undefined;
  try {
    const name: unknown = nameOf(resource);
    return typeof name === 'string' ? name : undefined;
  } catch (error) {
    diag.error('quorlock: resourceName failed', error);
    return undefined;
  }
}
