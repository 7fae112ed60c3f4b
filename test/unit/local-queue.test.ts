import { describe, expect, it } from 'vitest';
import type { Queued } from '../../src/acquire/local-queue.ts';
import { queueing, release, tick, win } from '../support/queueing.ts';

describe('the calls of a process for one key', () => {
  it('lead at once where nobody else is', () => {
    const { queue, log, call } = queueing();
    queue.enter(call('a'));
    expect(log).toEqual(['a']);
  });

  it('lead one after the other, in the order in which they came', async () => {
    const { queue, log, call } = queueing();
    const calls = ['a', 'b', 'c', 'd'].map((name) => call(name));
    for (const each of calls) queue.enter(each);
    expect(log).toEqual(['a']);
    for (const each of calls) {
      win(queue, each);
      await tick();
      release(queue, each.keys);
    }
    expect(log).toEqual(['a', 'b handed on', 'c handed on', 'd handed on']);
  });

  it('do not lead while the process holds the key', async () => {
    const { queue, log, call } = queueing();
    queue.hold(['k']);
    queue.enter(call('a'));
    await tick();
    expect(log).toEqual([]);
    release(queue, ['k']);
    expect(log).toEqual(['a handed on']);
  });

  it('do not lead before the last of several locks on the key has ended', () => {
    const { queue, log, call } = queueing();
    queue.hold(['k']);
    queue.hold(['k']);
    queue.enter(call('a'));
    release(queue, ['k']);
    expect(log).toEqual([]);
    release(queue, ['k']);
    expect(log).toEqual(['a handed on']);
  });

  it('have nothing to do with those for another key', () => {
    const { queue, log, call } = queueing();
    queue.hold(['other']);
    queue.enter(call('a', 'one'));
    queue.enter(call('b', 'two'));
    expect(log).toEqual(['a', 'b']);
  });

  it('are told again when a lock has ended that was got beside the queue', () => {
    const { queue, log, call } = queueing();
    queue.enter(call('a'));
    queue.hold(['k']);
    release(queue, ['k']);
    expect(log).toEqual(['a', 'a freed']);
  });
});

describe('a call that is not wanted any more', () => {
  it('lets the next one lead within the same tick', async () => {
    const { queue, log, call } = queueing();
    const [a, b] = [call('a'), call('b')];
    queue.enter(a);
    queue.enter(b);
    queue.leave(a);
    expect(log).toEqual(['a']);
    await tick();
    expect(log).toEqual(['a', 'b']);
  });

  it('lets nobody lead who leaves in the same operation', async () => {
    const { queue, log, call } = queueing();
    const calls = ['a', 'b', 'c', 'd'].map((name) => call(name));
    for (const each of calls) queue.enter(each);
    for (const each of calls.slice(0, 3)) queue.leave(each);
    await tick();
    expect(log).toEqual(['a', 'd']);
  });

  it('is passed over when its turn would have come', async () => {
    const { queue, log, call } = queueing();
    const calls = ['a', 'b', 'c'].map((name) => call(name));
    for (const each of calls) queue.enter(each);
    const [a, b] = calls as [Queued, Queued];
    queue.leave(b);
    queue.leave(a);
    await tick();
    expect(log).toEqual(['a', 'c']);
  });

  it('does not make the one lead again that leads already', async () => {
    const { queue, log, call } = queueing();
    queue.enter(call('a'));
    const queued = Array.from({ length: 100 }, () => call('queued'));
    for (const each of queued) queue.enter(each);
    for (const each of queued) queue.leave(each);
    await tick();
    expect(log).toEqual(['a']);
  });

  it('does not make the others hear of a lock that ended', async () => {
    const { queue, log, call } = queueing();
    const [a, b] = [call('a'), call('b')];
    queue.enter(a);
    queue.enter(b);
    queue.hold(['k']);
    queue.leave(a);
    await tick();
    release(queue, ['k']);
    expect(log).toEqual(['a', 'b handed on']);
  });

  it('hands nothing over', async () => {
    const { queue, log, call } = queueing();
    const a = call('a');
    queue.enter(a);
    queue.enter(call('b'));
    queue.leave(a);
    await tick();
    expect(log).toEqual(['a', 'b']);
  });
});

describe('a call for several keys', () => {
  it('leads when it is first for all of them', async () => {
    const { queue, log, call } = queueing();
    const [a, b, ab] = [call('a', 'x'), call('b', 'y'), call('ab', 'x', 'y')];
    queue.enter(a);
    queue.enter(b);
    queue.enter(ab);
    queue.leave(a);
    await tick();
    expect(log).not.toContain('ab');
    queue.leave(b);
    await tick();
    expect(log).toEqual(['a', 'b', 'ab']);
  });

  it('leads when the process holds none of them any more', () => {
    const { queue, log, call } = queueing();
    queue.hold(['x']);
    queue.hold(['y']);
    queue.enter(call('ab', 'x', 'y'));
    release(queue, ['x']);
    expect(log).toEqual([]);
    release(queue, ['y']);
    expect(log).toEqual(['ab standing back']);
  });

  it('keeps back those that came later for any one of them', () => {
    const { queue, log, call } = queueing();
    queue.hold(['x']);
    queue.enter(call('ab', 'x', 'y'));
    queue.enter(call('b', 'y'));
    expect(log).toEqual([]);
    release(queue, ['x']);
    expect(log).toEqual(['ab standing back']);
  });

  it('never waits for another that waits for it, whatever order the keys are given in', async () => {
    const { queue, log, call } = queueing();
    const [first, second] = [call('first', 'x', 'y'), call('second', 'y', 'x')];
    queue.enter(first);
    queue.enter(second);
    expect(log).toEqual(['first']);
    win(queue, first);
    await tick();
    release(queue, ['x', 'y']);
    expect(log).toEqual(['first', 'second handed on']);
  });

  it('leads once, though several of its keys become free at once', () => {
    const { queue, log, call } = queueing();
    queue.hold(['x', 'y', 'z']);
    queue.enter(call('all', 'x', 'y', 'z'));
    release(queue, ['x', 'y', 'z']);
    expect(log).toEqual(['all handed on']);
  });

  it('lets all lead that waited behind it', async () => {
    const { queue, log, call } = queueing();
    const both = call('both', 'x', 'y');
    queue.enter(both);
    queue.enter(call('a', 'x'));
    queue.enter(call('b', 'y'));
    queue.leave(both);
    await tick();
    expect(log).toEqual(['both', 'a', 'b']);
  });
});
