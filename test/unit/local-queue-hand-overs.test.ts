import { describe, expect, it } from 'vitest';
import { MOST_CONTESTED_HAND_OVERS, MOST_HAND_OVERS } from '../../src/acquire/local-queue.ts';
import { queueing, release, tick, win } from '../support/queueing.ts';

/** So many calls for one key, each of which gets the lock and gives it back. */
async function handing(calls: number, isContested: boolean): Promise<string[]> {
  const { queue, log, call } = queueing(isContested);
  const all = Array.from({ length: calls }, () => call('-'));
  for (const each of all) queue.enter(each);
  for (const each of all) {
    win(queue, each);
    await tick();
    release(queue, each.keys);
  }
  return log;
}

describe('handing on', () => {
  it.each([
    ['others are not known to want it', false, MOST_HAND_OVERS],
    ['others want it', true, MOST_CONTESTED_HAND_OVERS],
  ])('goes on for so many times, and then others get their turn: %s', async (_when, isContested, most) => {
    const log = await handing(2 * most + 3, isContested);
    const handedOn = Array.from({ length: most }, () => '- handed on');
    expect(log).toEqual(['-', ...handedOn, '- standing back', ...handedOn, '- standing back']);
  });

  it('counts on when the next call comes only after the last one has got the lock', async () => {
    const { queue, log, call } = queueing(true);
    let holder = call('-');
    queue.enter(holder);
    for (let time = 0; time <= MOST_CONTESTED_HAND_OVERS; time++) {
      win(queue, holder);
      await tick();
      const next = call('-');
      queue.enter(next);
      release(queue, holder.keys);
      holder = next;
    }
    const handedOn = Array.from({ length: MOST_CONTESTED_HAND_OVERS }, () => '- handed on');
    expect(log).toEqual(['-', ...handedOn, '- standing back']);
  });

  it('counts those of the key that was handed on most often', async () => {
    const { queue, log, call } = queueing(true);
    const calls = Array.from({ length: MOST_CONTESTED_HAND_OVERS + 1 }, () => call('x', 'x'));
    for (const each of [...calls, call('both', 'x', 'y')]) queue.enter(each);
    for (const each of calls) {
      win(queue, each);
      await tick();
      release(queue, each.keys);
    }
    expect(log.at(-1)).toBe('both standing back');
  });

  it('begins anew once nobody has waited', async () => {
    const { queue, log, call } = queueing(true);
    for (let time = 0; time < 2 * MOST_CONTESTED_HAND_OVERS; time++) {
      const each = call('-');
      queue.hold(['k']);
      queue.enter(each);
      release(queue, ['k']);
      win(queue, each);
      await tick();
      release(queue, ['k']);
    }
    expect(new Set(log)).toEqual(new Set(['- handed on']));
  });
});

it('a call after a lock that was lost stands back: its lines were served', () => {
  const { queue, log, call } = queueing();
  queue.hold(['k']);
  queue.enter(call('a'));
  queue.free(['k'], false);
  expect(log).toEqual(['a standing back']);
});

it('a lost lock is no hand-over: the next ones may be as many as ever', async () => {
  const { queue, log, call } = queueing(true);
  const all = Array.from({ length: MOST_CONTESTED_HAND_OVERS + 3 }, () => call('-'));
  for (const each of all) queue.enter(each);
  for (const [index, each] of all.entries()) {
    win(queue, each);
    await tick();
    if (index === 1) queue.free(each.keys, false);
    else release(queue, each.keys);
  }
  const after = Array.from({ length: MOST_CONTESTED_HAND_OVERS }, () => '- handed on');
  expect(log).toEqual(['-', '- handed on', '- standing back', ...after]);
});

describe('a lock of the process', () => {
  it('would be handed on if a call waits for its keys', () => {
    const { queue, call } = queueing();
    queue.hold(['k']);
    expect(queue.handsOn(['k'])).toBe(false);
    queue.enter(call('a'));
    expect(queue.handsOn(['k'])).toBe(true);
  });

  it('would not be if the call waits for more than its keys', () => {
    const { queue, call } = queueing();
    queue.hold(['x']);
    queue.enter(call('both', 'x', 'y'));
    expect(queue.handsOn(['x'])).toBe(false);
  });

  it('would be if the calls wait for its keys, each for some', () => {
    const { queue, call } = queueing();
    queue.hold(['x', 'y']);
    queue.enter(call('x', 'x'));
    expect(queue.handsOn(['x', 'y'])).toBe(false);
    queue.enter(call('y', 'y'));
    expect(queue.handsOn(['x', 'y'])).toBe(true);
  });

  it('would not be if another lock of the process is on a key, or the call leads already', () => {
    const { queue, call } = queueing();
    queue.hold(['k']);
    queue.hold(['k']);
    queue.enter(call('a'));
    expect(queue.handsOn(['k'])).toBe(false);
    queue.enter(call('leading', 'x'));
    queue.hold(['x']);
    expect(queue.handsOn(['x'])).toBe(false);
  });

  it('would not be when it was handed on so often that others get their turn', async () => {
    const { queue, call } = queueing(true);
    const calls = Array.from({ length: MOST_CONTESTED_HAND_OVERS + 2 }, () => call('-'));
    for (const each of calls) queue.enter(each);
    const handsOn: boolean[] = [];
    for (const each of calls.slice(0, -1)) {
      win(queue, each);
      await tick();
      handsOn.push(queue.handsOn(['k']));
      release(queue, each.keys);
    }
    expect(handsOn.indexOf(false)).toBe(MOST_CONTESTED_HAND_OVERS);
    expect(handsOn).toHaveLength(MOST_CONTESTED_HAND_OVERS + 1);
  });
});
