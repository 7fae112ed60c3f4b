import { describe, expect, it } from 'vitest';
import type { LockNode } from '../../src/node/lock-node.ts';
import { createNodes, type NodeSpec } from '../../src/nodes.ts';
import { resolveSettings } from '../../src/options.ts';
import { ScriptedNode } from '../support/scripted-node.ts';

/** A node without that method. */
function lacking(method: keyof LockNode): NodeSpec {
  return Object.defineProperty(new ScriptedNode('b'), method, { value: undefined });
}

function create(...specs: NodeSpec[]): readonly LockNode[] {
  return createNodes(specs, resolveSettings()).all;
}

describe('a node that somebody else has made', () => {
  it('is taken as it is', () => {
    const nodes = [new ScriptedNode('a'), new ScriptedNode('b')];
    expect(create(...nodes)).toEqual(nodes);
  });

  it.each([
    'firstContactUntil',
    'grant',
    'confirm',
    'extend',
    'release',
    'inspect',
    'openInbox',
    'objection',
    'close',
  ] as const)('is refused if it lacks the method %s', (method) => {
    expect(() => create(new ScriptedNode('a'), lacking(method))).toThrow(
      new TypeError(`nodes[1] is no complete LockNode: it has no method ${method}`),
    );
  });
});
