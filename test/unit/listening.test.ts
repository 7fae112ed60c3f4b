import { describe, expect, it } from 'vitest';
import { Listening } from '../../src/acquire/listening.ts';
import type { ReleaseListener } from '../../src/node/lock-node.ts';
import { type ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';

function listeningOn(n: number, keys: readonly string[] = ['k']) {
  const nodes = scriptedNodes(n);
  const told: string[] = [];
  const listening = new Listening({
    nodes,
    keys,
    released: (node, owner) => told.push(`${node} released by ${owner}`),
    heardAgain: (node, missedUntil) => told.push(`${node} heard again, missed until ${missedUntil}`),
    deafened: () => told.push('deafened'),
  });
  return { nodes, told, listening };
}

/** The listeners on a node, in the order of the keys. */
function ears(node: ScriptedNode | undefined): ReleaseListener[] {
  return [...(node?.listeners ?? [])];
}

describe('a waiter’s ear', () => {
  it('is on every node, for every key', () => {
    const { nodes } = listeningOn(3, ['k', 'l']);
    expect(nodes.map(({ listeners }) => listeners.size)).toEqual([2, 2, 2]);
  });

  it('says which node told what', () => {
    const { nodes, told } = listeningOn(3);
    ears(nodes[1])[0]?.listening(70);
    ears(nodes[1])[0]?.released('x');
    ears(nodes[2])[0]?.released('y');
    expect(told).toEqual(['1 heard again, missed until 70', '1 released by x', '2 released by y']);
  });

  it('is told when a quorum of nodes tells', () => {
    const { nodes, listening } = listeningOn(5);
    const first = nodes.map((node) => ears(node)[0]);
    expect(listening.isTold).toBe(false);
    first[0]?.listening(0);
    first[3]?.listening(0);
    expect(listening.isTold).toBe(false);
    first[4]?.listening(0);
    expect(listening.isTold).toBe(true);
    first[0]?.deaf();
    expect(listening.isTold).toBe(false);
  });

  it('counts a node that says twice what it does once', () => {
    const { nodes, listening } = listeningOn(3);
    const first = nodes.map((node) => ears(node)[0]);
    first[0]?.listening(0);
    first[0]?.listening(0);
    first[1]?.deaf();
    first[1]?.deaf();
    expect(listening.isTold).toBe(false);
    first[1]?.listening(0);
    expect(listening.isTold).toBe(true);
  });

  it('counts a node that tells of all keys only', () => {
    const { nodes, listening } = listeningOn(1, ['k', 'l']);
    const [k, l] = ears(nodes[0]);
    k?.listening(0);
    expect(listening.isTold).toBe(false);
    l?.listening(0);
    expect(listening.isTold).toBe(true);
    k?.deaf();
    expect(listening.isTold).toBe(false);
  });

  it('says when no quorum tells any more, once', () => {
    const { nodes, told } = listeningOn(3);
    const first = nodes.map((node) => ears(node)[0]);
    first[0]?.listening(0);
    first[0]?.deaf();
    for (const ear of first) ear?.listening(0);
    told.length = 0;
    first[0]?.deaf();
    expect(told).toEqual([]);
    first[1]?.deaf();
    first[2]?.deaf();
    expect(told).toEqual(['deafened']);
  });

  it('leaves nothing behind when it ends', () => {
    const { nodes, listening } = listeningOn(3, ['k', 'l']);
    listening.end();
    listening.end();
    expect(nodes.map(({ listeners }) => listeners.size)).toEqual([0, 0, 0]);
  });
});
