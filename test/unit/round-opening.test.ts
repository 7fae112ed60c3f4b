import { beforeEach, describe, expect, it } from 'vitest';
import type { Opening } from '../../src/quorum/opening.ts';
import { Round } from '../../src/quorum/round.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';

/** An opening that asks when the test says so, and writes down what it hears. */
class ByHand implements Opening<string> {
  readonly log: string[] = [];
  ask: (nodes: readonly number[]) => void = () => {};

  begin(ask: (nodes: readonly number[]) => void): void {
    this.log.push('begin');
    this.ask = ask;
  }

  heard(node: number, reply: string): void {
    this.log.push(`${node} ${reply}`);
  }

  end(): void {
    this.log.push('end');
  }
}

let clock: ManualClock;
let nodes: ScriptedNode[];
let opening: ByHand;
let asked: string[];
let wanted: (() => boolean) | undefined;
const answers = new Map<string, (reply: string) => void>();

/** A round over three nodes that is decided by two replies. */
function begin(): Round<string, string> {
  return new Round<string, string>({
    nodes,
    clock,
    patience: 100,
    opening,
    ask: (node, _index, isWanted, deliver) => {
      asked.push(node.name);
      wanted = isWanted;
      answers.set(node.name, deliver);
    },
    decide: (replies, over) => {
      const given = replies.filter((reply) => reply !== undefined);
      return given.length >= 2 || over ? given.join(' ') : undefined;
    },
  });
}

beforeEach(() => {
  clock = new ManualClock();
  nodes = scriptedNodes(3);
  opening = new ByHand();
  asked = [];
});

describe('a round with an opening', () => {
  it('asks nobody but whom that asks', () => {
    begin();
    expect(asked).toEqual([]);
    opening.ask([2]);
    expect(asked).toEqual(['c']);
    opening.ask([0, 1]);
    expect(asked).toEqual(['c', 'a', 'b']);
  });

  it('lets it hear each reply before it decides', async () => {
    const round = begin();
    opening.ask([0, 1, 2]);
    answers.get('a')?.('yes');
    answers.get('b')?.('no');
    expect(await round.outcome).toBe('yes no');
    expect(opening.log).toEqual(['begin', '0 yes', '1 no', 'end']);
  });

  it('lets it hear late replies too', async () => {
    const round = begin();
    opening.ask([0, 1, 2]);
    answers.get('a')?.('yes');
    answers.get('b')?.('yes');
    await round.outcome;
    answers.get('c')?.('late');
    expect(opening.log.slice(-2)).toEqual(['end', '2 late']);
  });

  it('asks nobody any more once it is decided', async () => {
    const round = begin();
    opening.ask([0, 1]);
    answers.get('a')?.('yes');
    answers.get('b')?.('yes');
    await round.outcome;
    opening.ask([2]);
    expect(asked).toEqual(['a', 'b']);
    expect(wanted?.()).toBe(false);
  });

  it('ends when its time is up, also with nodes that were never asked', async () => {
    const round = begin();
    opening.ask([1]);
    clock.advance(99);
    expect(await peek(round.outcome)).toBe('pending');
    clock.advance(1);
    expect(await round.outcome).toBe('');
    expect(opening.log).toEqual(['begin', 'end']);
    expect(clock.pending).toBe(0);
  });

  it('ends when it is told to', async () => {
    const round = begin();
    opening.ask([1]);
    answers.get('b')?.('yes');
    round.end();
    expect(await round.outcome).toBe('yes');
    expect(opening.log).toEqual(['begin', '1 yes', 'end']);
    expect(clock.pending).toBe(0);
  });

  it('decides after all of those have answered that were asked in one go, if they answer at once', async () => {
    const round = new Round<string, number>({
      nodes,
      clock,
      patience: 100,
      opening,
      ask: (node, _index, _wanted, deliver) => deliver(node.name),
      decide: (replies) => {
        const given = replies.filter((reply) => reply !== undefined).length;
        return given >= 2 ? given : undefined;
      },
    });
    opening.ask([0, 1, 2]);
    expect(await round.outcome).toBe(3);
  });
});
