import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Attributes,
  type Context,
  context,
  diag,
  type Span,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { RedlockError } from '../errors.ts';
import type { Lock } from '../lock.ts';
import type { AcquireEvent, LockEvent, UsingEvent, WaitingEvent } from '../tracing.ts';
import { attributes } from './attributes.ts';
import type { ResourceNames } from './options.ts';
import type { Subscriptions } from './subscriptions.ts';

/** What `bindStore` takes, for the contexts of OpenTelemetry: their manager gives no access to a store of its own. */
class ContextStore extends AsyncLocalStorage<Context> {
  override run<R, A extends unknown[]>(entered: Context, callback: (...args: A) => R, ...args: A): R {
    return context.with(entered, callback, undefined, ...args);
  }
}

/**
 * Records a span for each call that acquires a lock and one for each `using`, which is active in its routine. What becomes of a lock is added
 * to the span that was active when it was acquired, for as long as that span is open.
 */
export class Spans {
  readonly #tracer: Tracer;
  readonly #namesOf: ResourceNames;
  /** Those that have not ended, by the context object of their call. */
  readonly #open = new Map<AcquireEvent | UsingEvent, Span>();

  constructor(tracer: Tracer, namesOf: ResourceNames) {
    this.#tracer = tracer;
    this.#namesOf = namesOf;
  }

  subscribe(subscriptions: Subscriptions): void {
    subscriptions.on('tracing:quorlock:acquire:asyncEnd', (event) => this.#acquired(event));
    subscriptions.on('tracing:quorlock:using:asyncEnd', (event) => this.#used(event));
    subscriptions.on('tracing:quorlock:acquire:start', (event) => {
      const { method, resources, label } = event;
      this.#begin(
        'quorlock.acquire',
        event,
        attributes({ method, label, resource: this.#namesOf(resources) }),
      );
    });
    subscriptions.aroundUsing(new ContextStore(), (event) => this.#entered(event));
    this.#noteWaits(subscriptions);
    this.#noteLocks(subscriptions);
    subscriptions.finally(() => {
      for (const span of this.#open.values()) span.end();
      this.#open.clear();
    });
  }

  #noteWaits(subscriptions: Subscriptions): void {
    const note = (what: string, { call }: WaitingEvent, details: Attributes = {}): void => {
      this.#open.get(call)?.addEvent(`quorlock.waiting.${what}`, details);
    };
    subscriptions.on('quorlock:waiting:local', (event) => note('local', event));
    subscriptions.on('quorlock:waiting:queued', (event) =>
      note('queued', event, attributes({ node: event.node, position: event.position })),
    );
    subscriptions.on('quorlock:waiting:notified', (event) =>
      note('notified', event, attributes({ node: event.node })),
    );
    subscriptions.on('quorlock:waiting:polling', (event) =>
      note('polling', event, attributes({ why: event.why })),
    );
  }

  /** What is published of a lock comes in the context in which it was acquired. */
  #noteLocks(subscriptions: Subscriptions): void {
    const note = (what: string, event: LockEvent, details: Attributes = {}): void => {
      const span = trace.getActiveSpan();
      if (!span?.isRecording()) return;
      const resource = this.#namesOf(event.resources);
      span.addEvent(`quorlock.lock.${what}`, { ...attributes({ resource }), ...details });
    };
    subscriptions.on('quorlock:lock:extended', (event) =>
      note('extended', event, attributes({ remaining: event.remaining / 1_000 })),
    );
    subscriptions.on('quorlock:lock:extendFailed', (event) => {
      const { error, remaining } = event;
      const about = { errorType: error.code, errorMessage: error.message, remaining: remaining / 1_000 };
      note('extend_failed', event, attributes(about));
    });
    subscriptions.on('quorlock:lock:lost', (event) => {
      const { error, reason } = event;
      note('lost', event, attributes({ reason, errorType: error.code, errorMessage: error.message }));
    });
  }

  #entered(event: UsingEvent): Context {
    try {
      const resource = this.#namesOf(event.resources);
      return trace.setSpan(context.active(), this.#begin('quorlock.using', event, attributes({ resource })));
    } catch (error) {
      diag.error('quorlock: a span could not be started', error);
      return context.active();
    }
  }

  #begin(name: string, event: AcquireEvent | UsingEvent, about: Attributes): Span {
    const span = this.#tracer.startSpan(name, { attributes: about }, context.active());
    this.#open.set(event, span);
    return span;
  }

  #acquired(event: AcquireEvent): void {
    const { outcome, attempts, contended, result } = event;
    const fencingToken = result ? fencingTokenOf(result) : undefined;
    this.#end(event, attributes({ outcome, attempts, contended, fencingToken }), outcome);
  }

  #used(event: UsingEvent): void {
    const { lock } = event;
    this.#end(event, attributes({ fencingToken: lock && fencingTokenOf(lock) }));
  }

  #end(event: AcquireEvent | UsingEvent, about: Attributes, errorType?: string): void {
    const span = this.#open.get(event);
    if (!span) return;
    this.#open.delete(event);
    span.setAttributes(about);
    if ('error' in event) fail(span, event.error, errorType);
    span.end();
  }
}

function fail(span: Span, error: unknown, type: string = typeOf(error)): void {
  const exception = error instanceof Error ? error : String(error);
  span.setAttributes(attributes({ errorType: type }));
  span.recordException(exception);
  span.setStatus({
    code: SpanStatusCode.ERROR,
    message: typeof exception === 'string' ? exception : exception.message,
  });
}

function typeOf(error: unknown): string {
  if (error instanceof RedlockError) return error.code;
  return error instanceof Error ? error.name : typeof error;
}

/** Undefined for a lock without one, whose getter throws. */
function fencingTokenOf(lock: Lock): number | undefined {
  try {
    return lock.fencingToken;
  } catch {
    return undefined;
  }
}
