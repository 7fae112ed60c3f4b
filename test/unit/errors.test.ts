import { describe, expect, it, vi } from 'vitest';
import * as errors from '../../src/errors.ts';

const {
  AcquireTimeoutError,
  LockLostError,
  LockReleasedError,
  NodeMisconfiguredError,
  NodesQuarantinedError,
  QuorumUnreachableError,
  RedlockClosedError,
  RedlockError,
  ResourceHeldError,
  ValidityExhaustedError,
} = errors;

const VOTES: readonly errors.Vote[] = [{ node: 'a', kind: 'granted' }];

/** One error of each class, made by that copy of the module. */
function oneOfEach(from: typeof errors): errors.RedlockError[] {
  return [
    new from.ResourceHeldError('m', VOTES, 5),
    new from.QuorumUnreachableError('m', VOTES),
    new from.NodesQuarantinedError('m', VOTES, 5),
    new from.NodeMisconfiguredError('m', VOTES),
    new from.ValidityExhaustedError('m', VOTES),
    new from.AcquireTimeoutError('m', new from.QuorumUnreachableError('c', VOTES)),
    new from.LockLostError('m', 'expired', VOTES),
    new from.LockReleasedError('m'),
    new from.RedlockClosedError(),
  ];
}

const CLASSES = [
  ResourceHeldError,
  QuorumUnreachableError,
  NodesQuarantinedError,
  NodeMisconfiguredError,
  ValidityExhaustedError,
  AcquireTimeoutError,
  LockLostError,
  LockReleasedError,
  RedlockClosedError,
];

const CODES = [
  'RESOURCE_HELD',
  'QUORUM_UNREACHABLE',
  'NODES_QUARANTINED',
  'NODE_MISCONFIGURED',
  'VALIDITY_EXHAUSTED',
  'ACQUIRE_TIMEOUT',
  'LOCK_LOST',
  'LOCK_RELEASED',
  'CLOSED',
];

describe('an error', () => {
  it('has the name of its class and a code of its own', () => {
    expect(oneOfEach(errors).map(({ code }) => code)).toEqual(CODES);
    expect(oneOfEach(errors).map(({ name }) => name)).toEqual(CLASSES.map(({ name }) => name));
  });

  it('is an instance of its class, of RedlockError and of Error, and of nothing else', () => {
    for (const [index, error] of oneOfEach(errors).entries()) {
      expect(CLASSES.map((Class) => error instanceof Class)).toEqual(
        CLASSES.map((_, other) => other === index),
      );
      expect([error instanceof RedlockError, error instanceof Error]).toEqual([true, true]);
    }
  });

  it('has the votes that it was made with', () => {
    for (const error of oneOfEach(errors).slice(0, 7)) expect(error.votes).toEqual(VOTES);
  });

  it('has a stack that begins with its name', () => {
    for (const error of oneOfEach(errors))
      expect(error.stack?.split('\n')[0]).toBe(`${error.name}: ${error.message}`);
  });

  it('that caused another is its cause', () => {
    const cause = new QuorumUnreachableError('m', VOTES);
    const error = new AcquireTimeoutError('gave up', cause);
    expect(error.cause).toBe(cause);
    expect(error.votes).toBe(VOTES);
  });

  it('of a loss has a cause only if there is one', () => {
    expect(new LockLostError('m', 'closed', [], { cause: 5 }).cause).toBe(5);
    expect('cause' in new LockLostError('m', 'closed', [])).toBe(false);
  });
});

describe('another copy of the package', () => {
  it('makes errors that are instances of the classes of this one', async () => {
    vi.resetModules();
    const copy = await import('../../src/errors.ts');
    expect(copy.ResourceHeldError).not.toBe(ResourceHeldError);
    for (const [index, error] of oneOfEach(copy).entries()) {
      expect(CLASSES.map((Class) => error instanceof Class)).toEqual(
        CLASSES.map((_, other) => other === index),
      );
      expect(error).toBeInstanceOf(RedlockError);
    }
  });
});

describe('a subclass that a user makes', () => {
  class MyHeldError extends ResourceHeldError {}

  it('is an instance of what it extends', () => {
    const error = new MyHeldError('m', [], 1);
    expect(error).toBeInstanceOf(MyHeldError);
    expect(error).toBeInstanceOf(ResourceHeldError);
  });

  it('has the name of what it extends unless it has its own', () => {
    class MyLostError extends LockLostError {
      override name = 'MyLostError';
    }
    expect(new MyHeldError('m', [], 1).name).toBe('ResourceHeldError');
    expect(new MyLostError('m', 'expired', []).name).toBe('MyLostError');
  });

  it('has no instances that it did not make', () => {
    expect(new ResourceHeldError('m', [], 1)).not.toBeInstanceOf(MyHeldError);
  });
});

describe('what is no error of quorlock', () => {
  it.each([
    null,
    undefined,
    5,
    'CLOSED',
    {},
    { code: 'CLOSED' },
    new Error('m'),
    Object.assign(new Error('m'), { code: 'CLOSED' }),
  ])('is an instance of no class: %o', (value) => {
    expect(value instanceof RedlockError).toBe(false);
    expect(value instanceof RedlockClosedError).toBe(false);
  });
});
