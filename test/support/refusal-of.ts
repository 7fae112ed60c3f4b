import { expect } from 'vitest';
import { toEndpoint } from '../../src/node/redis/endpoint.ts';

/** The message of the TypeError with which something is refused as nodes[2]. */
export function refusalOf(spec: unknown, keyPrefix = ''): string {
  try {
    toEndpoint(spec, 2, keyPrefix);
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as Error).message;
  }
  throw new Error('expected a refusal');
}
