import { AsyncLocalStorage } from 'node:async_hooks';
import { createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';

/** What knows which request is being worked on. */
export interface Contexts {
  readonly run: <T>(request: object, act: () => T) => T;
  readonly current: () => object | undefined;
  readonly end: () => void;
}

function ofNode(): Contexts {
  const storage = new AsyncLocalStorage<object>();
  return {
    run: (request, act) => storage.run(request, act),
    current: () => storage.getStore(),
    end: () => storage.disable(),
  };
}

function ofOpenTelemetry(): Contexts {
  const manager = new AsyncLocalStorageContextManager();
  const key = createContextKey('request');
  manager.enable();
  return {
    run: (request, act) => manager.with(ROOT_CONTEXT.setValue(key, request), act),
    current: () => manager.active().getValue(key) as object | undefined,
    end: () => void manager.disable(),
  };
}

/** By name, as `test.each` takes them. */
export const CONTEXTS: readonly (readonly [string, () => Contexts])[] = [
  ['AsyncLocalStorage', ofNode],
  ['OpenTelemetry', ofOpenTelemetry],
];

/** Does something in a request of its own, and returns that, held weakly: to find out what keeps it alive. */
export async function passing({ run }: Contexts, act: () => Promise<unknown>): Promise<WeakRef<object>> {
  const request = {};
  const reference = new WeakRef(request);
  await run(request, act);
  return reference;
}
