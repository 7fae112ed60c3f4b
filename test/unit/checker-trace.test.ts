import { describe, expect, it } from 'vitest';
import { violations } from '../support/checker/checker.ts';
import { type Story, story } from '../support/checker/story.ts';
import { trace } from '../support/checker/trace.ts';

const NEVER = Number.POSITIVE_INFINITY;

/** The lines of a trace, without what pads them. */
const lines = ({ history }: Story): string[] =>
  trace(history, violations(history))
    .split('\n')
    .map((line) => line.trim().replaceAll(/ {2,}/g, ' | '));

describe('a trace', () => {
  it('is empty where nothing happened', () => {
    expect(trace(story().history)).toBe('');
  });

  it('tells what happened in the order of true time', () => {
    const history = story({ nodes: 1 })
      .calls('acquire', 'a', 0, 3, { resources: ['r', 's'] })
      .asks('grant', 'a', [0], 0.5, { executedAt: 1, answeredAt: 2 })
      .stands('a', [0], 1, 90)
      .holds('a', 3, 80.1234, { releasedAt: NEVER, abortedAt: 80 })
      .heals(100);
    expect(lines(history)).toEqual([
      '0.000 | client 0 | calls acquire r+s a',
      '0.500 | client 0 | -> node 0: grant a',
      '1.000 | node 0 | grant a: granted',
      '2.000 | client 0 | <- node 0: grant a: granted',
      '3.000 | client 0 | acquire r+s a: ok',
      '3.000 | client 0 | HOLDS a until 80.123',
      '80.000 | client 0 | is told that a is lost (held since 3.000)',
      '90.000 | node 0 | r of a is gone (expired)',
      '100.000 | world | is healed',
    ]);
  });

  it('tells who was told of what, and of what nobody heard', () => {
    const history = story({ nodes: 1 })
      .listens('b', [0], 1)
      .tells('turn', 'b', [0], 2, [3, 60])
      .tells('next', 'b', [0], 5, []);
    expect(lines(history)).toEqual([
      '1.000 | client 1 | hears node 0 from now on',
      '2.000 | node 0 | tells client 1: it is its turn for r',
      '3.000 | client 1 | <- node 0: it is its turn for r',
      '5.000 | node 0 | tells client 1: it is the next for r (lost)',
      '60.000 | client 1 | <- node 0: it is its turn for r',
    ]);
  });

  it('tells who stood in which line, and for whom a node kept what', () => {
    const history = story({ nodes: 1 }).queues('b', 0, 1, 2).keeps('b', 0, 2, 32).forges(0, 40);
    expect(lines(history)).toEqual([
      '1.000 | node 0 | client 1 stands in the line for r',
      '2.000 | node 0 | client 1 stands no more in the line for r (served)',
      '2.000 | node 0 | keeps r for client 1',
      '32.000 | node 0 | keeps r for client 1 no more (expired)',
      '40.000 | node 0 | is deceived',
    ]);
  });

  it('tells in which way a lock was asked for, or given back', () => {
    const history = story({ nodes: 1 })
      .asks('grant', 'b', [0], 1, { waits: true, sentAt: NEVER, answeredAt: NEVER })
      .asks('release', 'b', [0], 2, { waits: true, afterwards: 'yield', sentAt: NEVER, answeredAt: NEVER })
      .asks('release', 'b', [0], 3, { waits: true, afterwards: 'serve', sentAt: NEVER, answeredAt: NEVER })
      .asks('release', 'b', [0], 4, { afterwards: 'hand over', sentAt: NEVER, answeredAt: NEVER });
    expect(lines(history).filter((line) => !line.includes('VIOLATION'))).toEqual([
      '1.000 | node 0 | stand b: granted',
      '2.000 | node 0 | yield b: released',
      '3.000 | node 0 | leave b: released',
      '4.000 | node 0 | hand over b: released',
    ]);
  });

  it('pads its columns', () => {
    expect(trace(story().heals(1_234.5).history)).toBe('    1234.500  world     is healed');
  });

  it('tells each extension, and the release', () => {
    const validity = [
      { at: 0, until: 100 },
      { at: 50, until: 150 },
    ];
    expect(lines(story({ nodes: 1 }).holds('a', 0, 150, { validity, releasedAt: 60 }))).toEqual([
      '0.000 | client 0 | HOLDS a until 100.000',
      // It never had a vote.
      expect.stringContaining('VIOLATION of "support"'),
      '50.000 | client 0 | extends a until 150.000',
      '60.000 | client 0 | gives a back',
    ]);
  });

  it('tells who stopped, ran again, and was killed', () => {
    expect(lines(story().stops('a', 1, 2).isKilled('b', 3))).toEqual([
      '1.000 | client 0 | stops',
      '2.000 | client 0 | runs again',
      '3.000 | client 1 | is killed',
    ]);
  });

  it('tells what was executed over a dead connection', () => {
    const history = story().asks('grant', 'a', [1], 0, { executedAt: 5, overDead: true, answeredAt: NEVER });
    expect(lines(history)).toEqual([
      '0.000 | client 0 | -> node 1: grant a',
      '5.000 | node 1 | grant a: granted (over a dead connection)',
    ]);
  });

  it('says that a call never settled', () => {
    const history = story().calls('close', 'a', 1, NEVER, { resources: [], token: undefined, bound: 5 });
    expect(lines(history.isKilled('a', 2))).toEqual([
      '1.000 | client 0 | calls close',
      '1.000 | client 0 | close never settled',
      '2.000 | client 0 | is killed',
    ]);
  });

  it('does not repeat that a vote was deleted, which its release says', () => {
    const history = story()
      .asks('release', 'a', [0], 5)
      .stands('a', [0], 0, 5, { end: 'deleted', endedBy: 'a' });
    expect(lines(history).filter((line) => line.includes('gone'))).toEqual([]);
  });

  it('tells the end of a vote that a node lost', () => {
    expect(lines(story().stands('a', [2], 0, 5, { end: 'forgotten' }))).toEqual([
      '5.000 | node 2 | r of a is gone (forgotten)',
    ]);
  });

  it('shows each violation where it happened, after what happened there', () => {
    expect(lines(story().calls('acquire', 'a', 0, 10, { mustSucceed: true, outcome: 'timeout' }))).toEqual([
      '0.000 | client 0 | calls acquire r a',
      '10.000 | client 0 | acquire r a: timeout',
      '10.000 | checker | VIOLATION of "live": acquire of client 0 on r ended with timeout',
    ]);
  });

  it('shows a violation that has no instant', () => {
    expect(lines(story().leaves('unhandled rejection'))).toEqual([
      expect.stringContaining('VIOLATION of "leftovers": unhandled rejection'),
    ]);
  });
});
