import { describe, expect, it } from 'vitest';
import type { Queued } from '../../src/acquire/queues.ts';
import { queueing, tick, win } from '../support/queueing.ts';

describe('the calls of a process for one key', () => {
  it('lead at once where nobody else is', () => {
    const { queues, log, call } = queueing();
    queues.enter(call('a'));
    expect(log).toEqual(['a']);
  });

  it('lead one after the other, in the order in which they came', async () => {
    const { queues, log, call } = queueing();
    const calls = ['a', 'b', 'c', 'd'].map((name) => call(name));
    for (const each of calls) queues.enter(each);
    expect(log).toEqual(['a']);
    for (const each of calls) {
      win(queues, each);
      await tick();
      queues.free(each.keys);
    }
    expect(log).toEqual(['a', 'b handed on', 'c handed on', 'd handed on']);
  });

  it('do not lead while the process holds the key', async () => {
    const { queues, log, call } = queueing();
    queues.hold(['k']);
    queues.enter(call('a'));
    await tick();
    expect(log).toEqual([]);
    queues.free(['k']);
    expect(log).toEqual(['a handed on']);
  });

  it('do not lead before the last of several locks on the key has ended', () => {
    const { queues, log, call } = queueing();
    queues.hold(['k']);
    queues.hold(['k']);
    queues.enter(call('a'));
    queues.free(['k']);
    expect(log).toEqual([]);
    queues.free(['k']);
    expect(log).toEqual(['a handed on']);
  });

  it('have nothing to do with those for another key', () => {
    const { queues, log, call } = queueing();
    queues.hold(['other']);
    queues.enter(call('a', 'one'));
    queues.enter(call('b', 'two'));
    expect(log).toEqual(['a', 'b']);
  });

  it('are told again when a lock has ended that was got beside the queue', () => {
    const { queues, log, call } = queueing();
    queues.enter(call('a'));
    queues.hold(['k']);
    queues.free(['k']);
    expect(log).toEqual(['a', 'a freed']);
  });
});

describe('a call that is not wanted any more', () => {
  it('lets the next one lead within the same tick', async () => {
    const { queues, log, call } = queueing();
    const [a, b] = [call('a'), call('b')];
    queues.enter(a);
    queues.enter(b);
    queues.leave(a);
    expect(log).toEqual(['a']);
    await tick();
    expect(log).toEqual(['a', 'b']);
  });

  it('lets nobody lead who leaves in the same operation', async () => {
    const { queues, log, call } = queueing();
    const calls = ['a', 'b', 'c', 'd'].map((name) => call(name));
    for (const each of calls) queues.enter(each);
    for (const each of calls.slice(0, 3)) queues.leave(each);
    await tick();
    expect(log).toEqual(['a', 'd']);
  });

  it('is passed over when its turn would have come', async () => {
    const { queues, log, call } = queueing();
    const calls = ['a', 'b', 'c'].map((name) => call(name));
    for (const each of calls) queues.enter(each);
    const [a, b] = calls as [Queued, Queued];
    queues.leave(b);
    queues.leave(a);
    await tick();
    expect(log).toEqual(['a', 'c']);
  });

  it('does not make the one lead again that leads already', async () => {
    const { queues, log, call } = queueing();
    queues.enter(call('a'));
    const queued = Array.from({ length: 100 }, () => call('queued'));
    for (const each of queued) queues.enter(each);
    for (const each of queued) queues.leave(each);
    await tick();
    expect(log).toEqual(['a']);
  });

  it('does not make the others hear of a lock that ended', async () => {
    const { queues, log, call } = queueing();
    const [a, b] = [call('a'), call('b')];
    queues.enter(a);
    queues.enter(b);
    queues.hold(['k']);
    queues.leave(a);
    await tick();
    queues.free(['k']);
    expect(log).toEqual(['a', 'b handed on']);
  });

  it('hands nothing over', async () => {
    const { queues, log, call } = queueing();
    const a = call('a');
    queues.enter(a);
    queues.enter(call('b'));
    queues.leave(a);
    await tick();
    expect(log).toEqual(['a', 'b']);
  });
});

describe('a call for several keys', () => {
  it('leads when it is first for all of them', async () => {
    const { queues, log, call } = queueing();
    const [a, b, ab] = [call('a', 'x'), call('b', 'y'), call('ab', 'x', 'y')];
    queues.enter(a);
    queues.enter(b);
    queues.enter(ab);
    queues.leave(a);
    await tick();
    expect(log).not.toContain('ab');
    queues.leave(b);
    await tick();
    expect(log).toEqual(['a', 'b', 'ab']);
  });

  it('leads when the process holds none of them any more', () => {
    const { queues, log, call } = queueing();
    queues.hold(['x']);
    queues.hold(['y']);
    queues.enter(call('ab', 'x', 'y'));
    queues.free(['x']);
    expect(log).toEqual([]);
    queues.free(['y']);
    expect(log).toEqual(['ab handed on']);
  });

  it('keeps back those that came later for any one of them', () => {
    const { queues, log, call } = queueing();
    queues.hold(['x']);
    queues.enter(call('ab', 'x', 'y'));
    queues.enter(call('b', 'y'));
    expect(log).toEqual([]);
    queues.free(['x']);
    expect(log).toEqual(['ab handed on']);
  });

  it('never waits for another that waits for it, whatever order the keys are given in', async () => {
    const { queues, log, call } = queueing();
    const [first, second] = [call('first', 'x', 'y'), call('second', 'y', 'x')];
    queues.enter(first);
    queues.enter(second);
    expect(log).toEqual(['first']);
    win(queues, first);
    await tick();
    queues.free(['x', 'y']);
    expect(log).toEqual(['first', 'second handed on']);
  });

  it('leads once, though several of its keys become free at once', () => {
    const { queues, log, call } = queueing();
    queues.hold(['x', 'y', 'z']);
    queues.enter(call('all', 'x', 'y', 'z'));
    queues.free(['x', 'y', 'z']);
    expect(log).toEqual(['all handed on']);
  });

  it('lets all lead that waited behind it', async () => {
    const { queues, log, call } = queueing();
    const both = call('both', 'x', 'y');
    queues.enter(both);
    queues.enter(call('a', 'x'));
    queues.enter(call('b', 'y'));
    queues.leave(both);
    await tick();
    expect(log).toEqual(['both', 'a', 'b']);
  });
});
