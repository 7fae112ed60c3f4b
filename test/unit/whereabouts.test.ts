import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Continuity } from '../../src/quorum/continuity.ts';
import { Whereabouts } from '../../src/quorum/whereabouts.ts';

const VERBS = ['requested', 'setNothing', 'granted', 'restored', 'continued', 'broke', 'succeeded'] as const;

/** The same without bits. */
class Plainly {
  readonly requests: number[];
  readonly continuity: Continuity;

  constructor(nodes: number) {
    this.requests = new Array<number>(nodes).fill(0);
    this.continuity = new Continuity(nodes);
  }

  learn(verb: (typeof VERBS)[number], node: number): void {
    if (verb === 'requested') this.requests[node] = (this.requests[node] ?? 0) + 1;
    else if (verb === 'setNothing') this.requests[node] = (this.requests[node] ?? 0) - 1;
    else if (verb === 'succeeded') this.continuity.succeeded();
    else this.continuity[verb](node);
  }
}

describe('the whereabouts of a lease', () => {
  it.each([1, 3, 5, 30, 31, 40])('over %d nodes are known, whatever happens', (nodes) => {
    const event = fc.tuple(fc.constantFrom(...VERBS), fc.nat(nodes - 1));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (events) => {
        const whereabouts = new Whereabouts(nodes);
        const plainly = new Plainly(nodes);
        for (const [verb, node] of events) {
          if (verb === 'succeeded') whereabouts.succeeded();
          else whereabouts[verb](node);
          plainly.learn(verb, node);
          for (let i = 0; i < nodes; i++) {
            expect(whereabouts.mayHave(i)).toBe(plainly.requests[i] !== 0);
            expect(whereabouts.counts(i)).toBe(plainly.continuity.counts(i));
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});
