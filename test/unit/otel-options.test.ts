import * as api from '@opentelemetry/api';
import { describe, expect, it } from 'vitest';
import { instrument } from '../../src/otel.ts';

describe('instrument', () => {
  it.each<{ args: Parameters<typeof instrument> }>([
    { args: [] },
    { args: [undefined, undefined] },
    { args: [{}] },
    { args: [{ trace: api.trace }] },
    { args: [{ metrics: api.metrics }, { metrics: false, spans: false }] },
    { args: [{}, { resourceName: undefined, metrics: undefined, spans: undefined }] },
  ])('takes $args, and returns how to undo it, as often as one likes', ({ args }) => {
    const undo = instrument(...args);
    undo();
    undo();
  });

  it('takes the module of the API', () => {
    instrument(api)();
  });

  it.each([
    [[null], 'api must be an object with trace or metrics, such as the module @opentelemetry/api, not null'],
    [['x'], 'api must be an object with trace or metrics, such as the module @opentelemetry/api, not "x"'],
    [
      [{ resourceName: () => 'x' }],
      'api must be an object with trace or metrics, such as the module @opentelemetry/api, not an object',
    ],
    [[{ trace: {} }], 'api.trace must be an object with getTracer(), not an object'],
    [[{ metrics: null }], 'api.metrics must be an object with getMeter(), not null'],
    [[{}, null], 'options must be an object, not null'],
    [[{}, { resourceNames: 1 }], /^unknown name "resourceNames" in options; did you mean resourceName\?/],
    [[{}, { resourceName: 'x' }], 'resourceName must be a function from a resource to a string, not "x"'],
    [[{}, { resourceName: null }], 'resourceName must be a function from a resource to a string, not null'],
    [[{}, { metrics: 'no' }], 'metrics must be a boolean, not "no"'],
    [[{}, { spans: 0 }], 'spans must be a boolean, not 0'],
  ] as [unknown[], string | RegExp][])('refuses %j', (args, message) => {
    const call = (): unknown => instrument(...(args as Parameters<typeof instrument>));
    expect(call).toThrow(TypeError);
    expect(call).toThrow(message);
  });
});
