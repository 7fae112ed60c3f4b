import { describe, expect, it } from 'vitest';
import { MOST_CONTESTED_HAND_OVERS, MOST_HAND_OVERS } from '../../src/acquire/queues.ts';
import { queueing, tick, win } from '../support/queueing.ts';

/** So many calls for one key, each of which gets the lock and gives it back. */
async function handing(calls: number, isContested: boolean): Promise<string[]> {
  const { queues, log, call } = queueing(isContested);
  const all = Array.from({ length: calls }, () => call('-'));
  for (const each of all) queues.enter(each);
  for (const each of all) {
    win(queues, each);
    await tick();
    queues.free(each.keys);
  }
  return log;
}

describe('handing on', () => {
  it.each([
    ['others are not known to want it', false, MOST_HAND_OVERS],
    ['others want it', true, MOST_CONTESTED_HAND_OVERS],
  ])('goes on for so many times, and then others get a head start: %s', async (_when, isContested, most) => {
    const log = await handing(2 * most + 3, isContested);
    const handedOn = Array.from({ length: most }, () => '- handed on');
    expect(log).toEqual(['-', ...handedOn, '- standing back', ...handedOn, '- standing back']);
  });

  it('counts those of the key that was handed on most often', async () => {
    const { queues, log, call } = queueing(true);
    const calls = Array.from({ length: MOST_CONTESTED_HAND_OVERS + 1 }, () => call('x', 'x'));
    for (const each of [...calls, call('both', 'x', 'y')]) queues.enter(each);
    for (const each of calls) {
      win(queues, each);
      await tick();
      queues.free(each.keys);
    }
    expect(log.at(-1)).toBe('both standing back');
  });

  it('begins anew once nobody has waited', async () => {
    const { queues, log, call } = queueing(true);
    for (let time = 0; time < 2 * MOST_CONTESTED_HAND_OVERS; time++) {
      const each = call('-');
      queues.hold(['k']);
      queues.enter(each);
      queues.free(['k']);
      win(queues, each);
      await tick();
      queues.free(['k']);
    }
    expect(new Set(log)).toEqual(new Set(['- handed on']));
  });
});

describe('a lock of the process', () => {
  it('would be handed on if a call waits for its keys', () => {
    const { queues, call } = queueing();
    queues.hold(['k']);
    expect(queues.handsOn(['k'])).toBe(false);
    queues.enter(call('a'));
    expect(queues.handsOn(['k'])).toBe(true);
  });

  it('would not be if the call waits for more than its keys', () => {
    const { queues, call } = queueing();
    queues.hold(['x']);
    queues.enter(call('both', 'x', 'y'));
    expect(queues.handsOn(['x'])).toBe(false);
  });

  it('would be if the calls wait for its keys, each for some', () => {
    const { queues, call } = queueing();
    queues.hold(['x', 'y']);
    queues.enter(call('x', 'x'));
    expect(queues.handsOn(['x', 'y'])).toBe(false);
    queues.enter(call('y', 'y'));
    expect(queues.handsOn(['x', 'y'])).toBe(true);
  });

  it('would not be if another lock of the process is on a key, or the call leads already', () => {
    const { queues, call } = queueing();
    queues.hold(['k']);
    queues.hold(['k']);
    queues.enter(call('a'));
    expect(queues.handsOn(['k'])).toBe(false);
    queues.enter(call('leading', 'x'));
    queues.hold(['x']);
    expect(queues.handsOn(['x'])).toBe(false);
  });

  it('would not be when it was handed on so often that others get a head start', async () => {
    const { queues, call } = queueing(true);
    const calls = Array.from({ length: MOST_CONTESTED_HAND_OVERS + 2 }, () => call('-'));
    for (const each of calls) queues.enter(each);
    const handsOn: boolean[] = [];
    for (const each of calls.slice(0, -1)) {
      win(queues, each);
      await tick();
      handsOn.push(queues.handsOn(['k']));
      queues.free(each.keys);
    }
    expect(handsOn.indexOf(false)).toBe(MOST_CONTESTED_HAND_OVERS);
    expect(handsOn).toHaveLength(MOST_CONTESTED_HAND_OVERS + 1);
  });
});
