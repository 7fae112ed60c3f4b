export { instrument } from './otel/instrument.ts';
export type { InstrumentOptions, OpenTelemetry } from './otel/options.ts';
