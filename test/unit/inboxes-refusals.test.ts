import { beforeEach, describe, expect, it } from 'vitest';
import { Inboxes } from '../../src/node/redis/inboxes.ts';
import { type FakeSubscriber, PublishingConnection } from '../support/fake-subscriber.ts';
import { ManualClock } from '../support/manual-clock.ts';

const NEXT_TRY = 250;
const AFTER_REFUSAL = 60_000;
const RENEWAL = 20_000;
const [W, V] = ['quorlock:turn:w', 'quorlock:turn:v'];
const NOPERM = new Error('NOPERM No permissions to access a channel');
const LOADING = new Error('LOADING Redis is loading the dataset in memory');
const UNKNOWN = new Error("ERR unknown command 'SSUBSCRIBE'");
const REFUSAL = `the server refuses subscriptions: ${NOPERM.message}`;

let clock: ManualClock;
let connection: PublishingConnection;
let inboxes: Inboxes;

beforeEach(() => {
  clock = new ManualClock(1_000);
  connection = new PublishingConnection();
  inboxes = new Inboxes({ connection, clock });
});

/** A listener, and what it hears, with the time for `live`. */
function listen(waiter = 'w', key = 'k'): { heard: (number | string)[]; end: () => void } {
  const heard: (number | string)[] = [];
  const end = inboxes.open(waiter, key, {
    live: () => heard.push(clock.now()),
    deaf: () => heard.push('deaf'),
    turn: () => heard.push('turn'),
    next: () => heard.push('next'),
  });
  return { heard, end };
}

function lastSubscriber(): FakeSubscriber {
  const found = connection.subscribers.at(-1);
  if (!found) throw new Error('no subscriber');
  return found;
}

function subscriptions(): string[] {
  return connection.subscribers.flatMap(({ did }) => did).filter((what) => what.startsWith('subscribe'));
}

describe('a server that refuses subscriptions', () => {
  it.each([
    ['for want of a right', NOPERM],
    ['because it knows no such command', UNKNOWN],
  ])('%s is asked again after a minute, and not before', (_why, error) => {
    const { heard } = listen();
    lastSubscriber().up();
    lastSubscriber().answer(error);
    clock.advance(AFTER_REFUSAL - 1);
    expect(connection.subscribers).toHaveLength(1);
    expect(subscriptions()).toEqual([`subscribe ${W}`]);
    clock.advance(1);
    expect(connection.subscribers).toHaveLength(2);
    lastSubscriber().up();
    lastSubscriber().answer();
    expect(heard).toEqual([1_000 + AFTER_REFUSAL]);
  });

  it('while it is to be asked again soon for another reason is asked after a minute', () => {
    const ears = [listen('w'), listen('v')];
    lastSubscriber().up();
    lastSubscriber().answer(LOADING);
    clock.advance(100);
    lastSubscriber().answer(NOPERM);
    clock.advance(AFTER_REFUSAL - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    expect(connection.subscribers).toHaveLength(2);
    lastSubscriber().up();
    for (const _ear of ears) lastSubscriber().answer();
    expect(ears.map(({ heard }) => heard)).toEqual([[61_100], [61_100]]);
  });

  it('gets no new connection from each waiter', () => {
    for (let waiter = 0; waiter < 10; waiter++) {
      const { end } = listen();
      lastSubscriber().up();
      lastSubscriber().answer(NOPERM);
      clock.advance(100);
      end();
    }
    expect(connection.subscribers).toHaveLength(1);
  });

  it('to some inboxes only still publishes the others', () => {
    const { heard } = listen();
    lastSubscriber().up();
    lastSubscriber().answer();
    listen('v');
    lastSubscriber().answer(NOPERM);
    lastSubscriber().message(W, 'turn k');
    expect(heard).toEqual([1_000, 'turn']);
    expect(lastSubscriber().isClosed).toBe(false);
  });

  it('that it allowed before is asked again after a minute', () => {
    const { heard } = listen();
    lastSubscriber().up();
    lastSubscriber().answer();
    clock.advance(RENEWAL);
    lastSubscriber().answer(NOPERM);
    expect(heard).toEqual([1_000, 'deaf']);
    clock.advance(AFTER_REFUSAL - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    lastSubscriber().up();
    lastSubscriber().answer();
    expect(heard).toEqual([1_000, 'deaf', 1_000 + RENEWAL + AFTER_REFUSAL]);
  });

  it('does not keep listeners from the other servers of a Redis Cluster', () => {
    connection.isSharded = true;
    connection.publisher = (key) => (key === 'k' ? 'a' : 'b');
    listen('w', 'k');
    lastSubscriber().up();
    lastSubscriber().answer(NOPERM);
    const { heard } = listen('w', 'l');
    lastSubscriber().up();
    lastSubscriber().answer();
    expect(heard).toEqual([1_000]);
  });

  it('does not keep a server that is not known yet from being looked for', () => {
    connection.isSharded = true;
    connection.publisher = (key) => (key === 'k' ? 'a' : undefined);
    listen('w', 'k');
    lastSubscriber().up();
    lastSubscriber().answer(NOPERM);
    listen('w', 'l');
    clock.advance(100);
    listen('w', 'k');
    connection.publisher = (key) => (key === 'k' ? 'a' : 'b');
    clock.advance(NEXT_TRY - 100);
    expect(connection.subscribers).toHaveLength(2);
  });
});

describe('a server that cannot be subscribed to now', () => {
  it('is asked again after 250 ms', () => {
    const { heard } = listen();
    lastSubscriber().up();
    lastSubscriber().answer(LOADING);
    clock.advance(NEXT_TRY - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    lastSubscriber().up();
    lastSubscriber().answer();
    expect(heard).toEqual([1_000 + NEXT_TRY]);
  });
});

describe('the refusal that people are told', () => {
  it('is there from the refusal to the next success', () => {
    listen();
    expect(inboxes.refusal).toBeUndefined();
    lastSubscriber().up();
    expect(inboxes.refusal).toBeUndefined();
    lastSubscriber().answer(NOPERM);
    expect(inboxes.refusal).toBe(REFUSAL);
    clock.advance(AFTER_REFUSAL);
    lastSubscriber().up();
    expect(inboxes.refusal).toBe(REFUSAL);
    lastSubscriber().answer();
    expect(inboxes.refusal).toBeUndefined();
  });

  it('stays when nobody waits any more', () => {
    const { end } = listen();
    lastSubscriber().up();
    lastSubscriber().answer(NOPERM);
    end();
    clock.advance(AFTER_REFUSAL * 10);
    expect(inboxes.refusal).toBe(REFUSAL);
  });

  it('is none when the server only cannot now', () => {
    listen();
    lastSubscriber().up();
    lastSubscriber().answer(LOADING);
    expect(inboxes.refusal).toBeUndefined();
  });

  it('stays although another inbox is renewed', () => {
    listen('w');
    lastSubscriber().up();
    lastSubscriber().answer();
    listen('v');
    expect(lastSubscriber().did.at(-1)).toBe(`subscribe ${V}`);
    lastSubscriber().answer(NOPERM);
    clock.advance(RENEWAL);
    expect(lastSubscriber().did.at(-1)).toBe(`subscribe ${W}`);
    lastSubscriber().answer();
    expect(inboxes.refusal).toBe(REFUSAL);
  });

  it('is that of another server of a Redis Cluster, once one allows subscriptions', () => {
    connection.isSharded = true;
    connection.publisher = (key) => key;
    listen('w', 'k');
    lastSubscriber().up();
    lastSubscriber().answer(UNKNOWN);
    listen('w', 'l');
    lastSubscriber().up();
    lastSubscriber().answer(NOPERM);
    clock.advance(AFTER_REFUSAL);
    connection.subscribers[2]?.up();
    connection.subscribers[2]?.answer();
    expect(inboxes.refusal).toBe(REFUSAL);
  });
});

describe('an answer that comes after closing', () => {
  it.each([
    ['the connection is closed', new Error('Connection is closed.')],
    ['the server is loading', LOADING],
    ['it is not allowed', NOPERM],
  ])('leaves no timer: %s', (_what, error) => {
    const { heard } = listen();
    lastSubscriber().up();
    inboxes.close();
    lastSubscriber().answer(error);
    expect(clock.pending).toBe(0);
    clock.advance(AFTER_REFUSAL * 2);
    expect(connection.subscribers).toHaveLength(1);
    expect(heard).toEqual([]);
  });

  it('tells nobody of a success', () => {
    const { heard } = listen();
    lastSubscriber().up();
    inboxes.close();
    lastSubscriber().answer();
    expect(heard).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
