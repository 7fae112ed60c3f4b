import type { LockNode } from '../../src/node/lock-node.ts';
import { eventually } from './eventually.ts';

/** An open inbox that writes down what it is told: `live`, `deaf`, `turn` or `next`. */
export class Ear {
  readonly heard: string[] = [];
  readonly end: () => void;

  constructor(node: LockNode, waiter: string, key: string) {
    const note = (what: string) => () => {
      this.heard.push(what);
    };
    this.end = node.openInbox(waiter, key, {
      live: note('live'),
      deaf: note('deaf'),
      turn: note('turn'),
      next: note('next'),
    });
  }

  /** Resolves once it has been told something so many times. */
  told(what: string, times = 1): Promise<true> {
    return eventually(async () => this.heard.filter((each) => each === what).length >= times || undefined);
  }
}
