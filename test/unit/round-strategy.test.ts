import { beforeEach, describe, expect, it } from 'vitest';
import type { AskStrategy } from '../../src/quorum/ask-strategy.ts';
import { Round } from '../../src/quorum/round.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { peek } from '../support/peek.ts';
import { type ScriptedNode, scriptedNodes } from '../support/scripted-node.ts';

/** A strategy that asks and ends the round when the test says so, and writes down what it hears. */
class ByHand implements AskStrategy<string> {
  readonly log: string[] = [];
  ask: (nodes: readonly number[]) => void = () => {};
  decide: () => void = () => {};

  begin(ask: (nodes: readonly number[]) => void, end: () => void): void {
    this.log.push('begin');
    this.ask = ask;
    this.decide = end;
  }

  waiterAt(): undefined {}

  heard(node: number, reply: string): void {
    this.log.push(`${node} ${reply}`);
  }

  end(): void {
    this.log.push('end');
  }
}

let clock: ManualClock;
let nodes: ScriptedNode[];
let strategy: ByHand;
let asked: string[];
/** What nodes answer while they are being asked, if anything. */
let atOnce: string | undefined;
let wanted: (() => boolean) | undefined;
const answers = new Map<string, (reply: string) => void>();

/** A round over three nodes that is decided by two replies. */
function begin(): Round<string, string> {
  return new Round<string, string>({
    nodes,
    clock,
    patience: 100,
    strategy,
    ask: (node, _index, isWanted, deliver) => {
      asked.push(node.name);
      wanted = isWanted;
      answers.set(node.name, deliver);
      if (atOnce !== undefined) deliver(atOnce);
    },
    decide: (replies, over) => {
      const given = replies.filter((reply) => reply !== undefined);
      return given.length >= 2 || over ? given.join(' ') : undefined;
    },
  }).start();
}

beforeEach(() => {
  clock = new ManualClock();
  nodes = scriptedNodes(3);
  strategy = new ByHand();
  asked = [];
  atOnce = undefined;
});

describe('a round with a strategy', () => {
  it('asks nobody but whom that asks', () => {
    begin();
    expect(asked).toEqual([]);
    strategy.ask([2]);
    expect(asked).toEqual(['c']);
    strategy.ask([0, 1]);
    expect(asked).toEqual(['c', 'a', 'b']);
  });

  it('lets it hear each reply before it decides', async () => {
    const round = begin();
    strategy.ask([0, 1, 2]);
    answers.get('a')?.('yes');
    answers.get('b')?.('no');
    expect(await round.outcome).toBe('yes no');
    expect(strategy.log).toEqual(['begin', '0 yes', '1 no', 'end']);
  });

  it('lets it hear late replies too', async () => {
    const round = begin();
    strategy.ask([0, 1, 2]);
    answers.get('a')?.('yes');
    answers.get('b')?.('yes');
    await round.outcome;
    answers.get('c')?.('late');
    expect(strategy.log.slice(-2)).toEqual(['end', '2 late']);
  });

  it('asks nobody any more once it is decided', async () => {
    const round = begin();
    strategy.ask([0, 1]);
    answers.get('a')?.('yes');
    answers.get('b')?.('yes');
    await round.outcome;
    strategy.ask([2]);
    expect(asked).toEqual(['a', 'b']);
    expect(wanted?.()).toBe(false);
  });

  it('ends when its time is up, also with nodes that were never asked', async () => {
    const round = begin();
    strategy.ask([1]);
    clock.advance(99);
    expect(await peek(round.outcome)).toBe('pending');
    clock.advance(1);
    expect(await round.outcome).toBe('');
    expect(strategy.log).toEqual(['begin', 'end']);
    expect(clock.pending).toBe(0);
  });

  it('ends when it is told to', async () => {
    const round = begin();
    strategy.ask([1]);
    answers.get('b')?.('yes');
    round.end();
    expect(await round.outcome).toBe('yes');
    expect(strategy.log).toEqual(['begin', '1 yes', 'end']);
    expect(clock.pending).toBe(0);
  });

  it('decides after all of those have answered that were asked in one go, if they answer at once', async () => {
    const round = new Round<string, number>({
      nodes,
      clock,
      patience: 100,
      strategy,
      ask: (node, _index, _wanted, deliver) => deliver(node.name),
      decide: (replies) => {
        const given = replies.filter((reply) => reply !== undefined).length;
        return given >= 2 ? given : undefined;
      },
    }).start();
    strategy.ask([0, 1, 2]);
    expect(await round.outcome).toBe(3);
  });
});

describe('a round that asks a node again', () => {
  it('has no answer of it until it answers again', async () => {
    const round = begin();
    strategy.ask([0, 1, 2]);
    answers.get('a')?.('no');
    strategy.ask([0]);
    answers.get('b')?.('yes');
    expect(await peek(round.outcome)).toBe('pending');
    answers.get('a')?.('now yes');
    expect(await round.outcome).toBe('now yes yes');
    expect(strategy.log).toEqual(['begin', '0 no', '1 yes', '0 now yes', 'end']);
  });

  it('may do so while it hears the answer, which then decides nothing', async () => {
    const round = begin();
    strategy.ask([0, 1, 2]);
    answers.get('a')?.('yes');
    strategy.heard = (node, reply) => {
      if (reply === 'no') strategy.ask([node]);
    };
    answers.get('b')?.('no');
    expect(await peek(round.outcome)).toBe('pending');
    expect(asked).toEqual(['a', 'b', 'c', 'b']);
    answers.get('b')?.('yes');
    expect(await round.outcome).toBe('yes yes');
  });

  it('counts an answer that comes at once', async () => {
    const round = begin();
    strategy.ask([0]);
    answers.get('a')?.('no');
    atOnce = 'yes';
    strategy.ask([0, 1]);
    expect(await round.outcome).toBe('yes yes');
  });

  it('ends without it, if it is silent then', async () => {
    const round = begin();
    strategy.ask([0, 1, 2]);
    answers.get('a')?.('no');
    strategy.ask([0]);
    clock.advance(100);
    expect(await round.outcome).toBe('');
    answers.get('a')?.('late');
    expect(strategy.log.slice(-2)).toEqual(['end', '0 late']);
  });

  it('hears one answer to each request', () => {
    begin();
    strategy.ask([0]);
    answers.get('a')?.('no');
    answers.get('a')?.('no, as I said');
    expect(strategy.log).toEqual(['begin', '0 no']);
  });
});

describe('a strategy that ends the round', () => {
  it('decides it by what is known', async () => {
    const round = begin();
    strategy.ask([0]);
    answers.get('a')?.('no');
    strategy.decide();
    expect(await round.outcome).toBe('no');
    expect(clock.pending).toBe(0);
  });

  it('may do so while it hears an answer, which counts', async () => {
    const round = begin();
    strategy.ask([0, 1]);
    strategy.heard = () => strategy.decide();
    answers.get('a')?.('no');
    expect(await round.outcome).toBe('no');
  });

  it('may do so before the round has begun to wait', async () => {
    strategy.begin = (ask, end) => {
      ask([0]);
      end();
    };
    atOnce = 'no';
    const round = begin();
    expect(round.isOpen).toBe(false);
    expect(await round.outcome).toBe('no');
    expect(clock.pending).toBe(0);
  });
});
