import { beforeEach, describe, expect, it } from 'vitest';
import { InboxChannel } from '../../src/node/redis/inbox-channel.ts';
import { turn } from '../support/peek.ts';

let channel: InboxChannel;

beforeEach(() => {
  channel = new InboxChannel('w', 'quorlock:turn:w', 'k');
});

/** What a listener of this key hears. */
function listen(key: string): string[] {
  const heard: string[] = [];
  channel.add(key, {
    live: () => heard.push('live'),
    deaf: () => heard.push('deaf'),
    turn: () => heard.push('turn'),
    next: () => heard.push('next'),
  });
  return heard;
}

describe('a message', () => {
  it.each(['turn', 'next'])('%s reaches all listeners of its key, and no others', (word) => {
    const [one, two, other] = [listen('k'), listen('k'), listen('l')];
    channel.receive(`${word} k`);
    expect([one, two, other]).toEqual([[word], [word], []]);
  });

  it.each(['with space', ' ', '', 'turn k', 'line\nend', 'two  spaces '])('reaches the key %j', (key) => {
    const [heard, other] = [listen(key), listen('k')];
    channel.receive(`turn ${key}`);
    channel.receive(`next ${key}`);
    expect([heard, other]).toEqual([['turn', 'next'], []]);
  });

  it.each(['', 'turn', 'k', 'turnk', 'turn  k', 'TURN k', 'live k', 'deaf k', 'constructor k', 'turn k '])(
    'that nobody sends is ignored: %j',
    (message) => {
      const heard = listen('k');
      channel.receive(message);
      expect(heard).toEqual([]);
    },
  );

  it('reaches the listeners that there were when it came', () => {
    const heard: string[] = [];
    const later = { live() {}, deaf() {}, turn: () => heard.push('later'), next() {} };
    const first = { live() {}, deaf() {}, turn: () => channel.add('k', later), next() {} };
    channel.add('k', first);
    channel.receive('turn k');
    expect(heard).toEqual([]);
    channel.receive('turn k');
    expect(heard).toEqual(['later']);
  });
});

describe('an inbox that is live', () => {
  it('tells so to all listeners once', () => {
    const [one, other] = [listen('k'), listen('l')];
    channel.open();
    channel.open();
    expect([one, other]).toEqual([['live'], ['live']]);
  });

  it('tells a new listener in a microtask', async () => {
    channel.open();
    const heard = listen('k');
    expect(heard).toEqual([]);
    await Promise.resolve();
    expect(heard).toEqual(['live']);
  });

  it('tells nothing to a new listener that has ended before, or if it is not live any more', async () => {
    channel.open();
    const heard = listen('k');
    for (const [key, listener] of channel.listeners()) channel.delete(key, listener);
    const other = listen('k');
    channel.shut();
    await turn();
    expect([heard, other]).toEqual([[], ['deaf']]);
  });

  it('makes all listeners deaf once when it is shut', () => {
    const heard = listen('k');
    channel.shut();
    channel.open();
    channel.shut();
    channel.shut();
    expect(heard).toEqual(['live', 'deaf']);
  });
});

describe('an inbox without listeners', () => {
  it('is one that never had any, or whose last one has ended', () => {
    expect(channel.isListenedTo).toBe(false);
    listen('k');
    listen('l');
    for (const [key, listener] of channel.listeners()) {
      expect(channel.isListenedTo).toBe(true);
      expect(channel.delete(key, listener)).toBe(true);
      expect(channel.delete(key, listener)).toBe(false);
    }
    expect(channel.isListenedTo).toBe(false);
  });
});
