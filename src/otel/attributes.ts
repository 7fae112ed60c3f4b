import type { Attributes } from '@opentelemetry/api';

/** The names of attributes. */
export const ATTRIBUTE = {
  method: 'quorlock.method',
  outcome: 'quorlock.outcome',
  resource: 'quorlock.resource',
  reason: 'quorlock.loss.reason',
  node: 'quorlock.node.name',
  state: 'quorlock.node.state',
  label: 'quorlock.label',
  attempts: 'quorlock.attempts',
  contended: 'quorlock.contended',
  fencingToken: 'quorlock.fencing_token',
  position: 'quorlock.position',
  why: 'quorlock.why',
  remaining: 'quorlock.remaining',
  errorType: 'error.type',
  errorMessage: 'exception.message',
} as const;

/** Without those that have no value. */
export function attributes(
  values: Partial<Record<keyof typeof ATTRIBUTE, string | number | boolean | undefined>>,
): Attributes {
  const all: Attributes = {};
  for (const [name, value] of Object.entries(values))
    if (value !== undefined) all[ATTRIBUTE[name as keyof typeof ATTRIBUTE]] = value;
  return all;
}
