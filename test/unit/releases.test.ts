import { beforeEach, describe, expect, it } from 'vitest';
import { Releases } from '../../src/node/redis/releases.ts';
import { type FakeSubscriber, PublishingConnection } from '../support/fake-subscriber.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

const LINGER = 5_000;
const NEXT_TRY = 250;
const AFTER_REFUSAL = 60_000;
const RENEWAL = 5_000;
const [K, L] = ['quorlock:released:{k}', 'quorlock:released:{l}'];
const NOPERM = new Error('NOPERM No permissions to access a channel');

let clock: ManualClock;
let connection: PublishingConnection;
let releases: Releases;

beforeEach(() => {
  clock = new ManualClock(1_000);
  connection = new PublishingConnection();
  releases = new Releases({ connection, clock });
});

/** One who listens, and what is told: in ms of the clock until when releases may have been missed, or whose lock was released. */
function listen(key: string): { told: (number | string)[]; end: () => void } {
  const told: (number | string)[] = [];
  const end = releases.listen(key, {
    listening: (missedUntil) => told.push(missedUntil),
    deaf: () => told.push('deaf'),
    released: (owner) => told.push(owner),
  });
  return { told, end };
}

/** The subscriber of that number. */
function subscriber(index = connection.subscribers.length - 1): FakeSubscriber {
  const found = connection.subscribers[index];
  if (!found) throw new Error(`no subscriber ${index}`);
  return found;
}

/** One who hears what is published for `k`. */
function hearing(): { told: (number | string)[]; end: () => void } {
  const ear = listen('k');
  subscriber().up();
  subscriber().answer();
  return ear;
}

describe('the connection that hears of releases', () => {
  it('is not there before anybody listens', async () => {
    await clock.advanceAsync(60_000);
    expect(connection.subscribers).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('subscribes once it is up, and tells that it hears from then on', () => {
    const { told } = listen('k');
    expect(subscriber().did).toEqual(['open']);
    clock.advance(10);
    subscriber().up();
    expect(subscriber().did).toEqual(['open', `subscribe ${K}`]);
    expect(told).toEqual([]);
    clock.advance(5);
    subscriber().answer();
    expect(told).toEqual([1_015]);
  });

  it('subscribes once, however many listen', async () => {
    const ears = [listen('k'), listen('k')];
    subscriber().up();
    ears.push(listen('k'));
    subscriber().answer();
    ears.push(listen('k'));
    await turn();
    expect(subscriber().did).toEqual(['open', `subscribe ${K}`]);
    expect(ears.map(({ told }) => told)).toEqual([[1_000], [1_000], [1_000], [1_000]]);
  });

  it('is one for all keys', () => {
    hearing();
    listen('l');
    expect(connection.subscribers).toHaveLength(1);
    expect(subscriber().did).toEqual(['open', `subscribe ${K}`, `subscribe ${L}`]);
  });

  it('tells nothing before the function to end that is there', () => {
    hearing();
    expect(listen('k').told).toEqual([]);
  });

  it('tells those who listen for a key whose lock was released', () => {
    const { told } = hearing();
    const other = listen('l');
    subscriber().message(K, 'x');
    expect(told).toEqual([1_000, 'x']);
    expect(other.told).toEqual([]);
  });

  it('passes over messages of channels that nobody knows', () => {
    const { told } = hearing();
    subscriber().message('quorlock:released:{m}', 'x');
    expect(told).toEqual([1_000]);
  });

  it('tells who comes later up to when releases may have been missed', async () => {
    hearing();
    clock.advance(500);
    subscriber().message(K, 'x');
    clock.advance(200);
    const late = listen('k');
    await turn();
    expect(late.told).toEqual([1_500]);
  });
});

describe('when nobody listens any more', () => {
  it('the channel is kept for five seconds, and then the connection is closed', () => {
    hearing().end();
    clock.advance(LINGER - 1);
    expect(subscriber().isClosed).toBe(false);
    clock.advance(1);
    expect(subscriber().isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('for a short while, the channel is still there', async () => {
    hearing().end();
    clock.advance(LINGER - 1);
    const again = listen('k');
    await turn();
    expect(again.told).toEqual([1_000]);
    subscriber().isAnswering = true;
    await clock.advanceAsync(LINGER * 2);
    expect(subscriber().isClosed).toBe(false);
    expect(connection.subscribers).toHaveLength(1);
  });

  it('the connection stays for other keys, without the channel', async () => {
    const ear = hearing();
    subscriber().isAnswering = true;
    listen('l');
    ear.end();
    await clock.advanceAsync(LINGER);
    expect(subscriber().did.at(-1)).toBe(`unsubscribe ${K}`);
    expect(subscriber().isClosed).toBe(false);
  });

  it('for long, the next one gets a new connection', () => {
    hearing().end();
    clock.advance(LINGER);
    const { told } = listen('k');
    subscriber(1).up();
    subscriber(1).answer();
    expect(told).toEqual([1_000 + LINGER]);
  });

  it('ending twice is ending once', () => {
    const [first, second] = [hearing(), listen('k')];
    first.end();
    first.end();
    clock.advance(LINGER * 2);
    expect(subscriber().isClosed).toBe(false);
    second.end();
    clock.advance(LINGER);
    expect(subscriber().isClosed).toBe(true);
  });

  it('a connection that never came up is closed too', () => {
    listen('k').end();
    clock.advance(LINGER);
    expect(subscriber().did).toEqual(['open', 'close']);
    expect(clock.pending).toBe(0);
  });
});

describe('a connection that is lost', () => {
  it('makes those who listen deaf until it is there again', () => {
    const { told } = hearing();
    clock.advance(100);
    subscriber().down();
    clock.advance(400);
    subscriber().up();
    clock.advance(3);
    subscriber().answer();
    expect(told).toEqual([1_000, 'deaf', 1_503]);
    expect(subscriber().did).toEqual(['open', `subscribe ${K}`, `subscribe ${K}`]);
  });

  it('makes nobody deaf who did not hear yet', () => {
    const { told } = listen('k');
    subscriber().down();
    subscriber().down();
    subscriber().up();
    subscriber().answer();
    expect(told).toEqual([1_000]);
  });

  it('with a subscription under way hears again soon after it is back', () => {
    const { told } = listen('k');
    subscriber().up();
    subscriber().down();
    clock.advance(NEXT_TRY);
    subscriber().up();
    subscriber().answer();
    expect(told).toEqual([1_000 + NEXT_TRY]);
  });

  it('subscribes to all channels again', () => {
    hearing();
    const other = listen('l');
    subscriber().answer();
    subscriber().down();
    subscriber().up();
    expect(subscriber().did.slice(-2)).toEqual([`subscribe ${K}`, `subscribe ${L}`]);
    subscriber().answer();
    subscriber().answer();
    expect(other.told).toEqual([1_000, 'deaf', 1_000]);
  });

  it('tells a newcomer nothing until it hears again', async () => {
    hearing();
    subscriber().down();
    const { told } = listen('k');
    await turn();
    expect(told).toEqual([]);
    subscriber().up();
    subscriber().answer();
    expect(told).toEqual([1_000]);
  });
});

describe('a server that', () => {
  it('does not let the user listen is not asked again for a minute', () => {
    const { told } = listen('k');
    subscriber().up();
    subscriber().answer(NOPERM);
    clock.advance(AFTER_REFUSAL - 1);
    expect(
      connection.subscribers.flatMap(({ did }) => did).filter((what) => what.startsWith('subscribe')),
    ).toEqual([`subscribe ${K}`]);
    expect(told).toEqual([]);
  });

  it('does not let the user listen gets no new connection from each who waits', () => {
    for (let waiter = 0; waiter < 10; waiter++) {
      const { end } = listen('k');
      subscriber().up();
      subscriber().answer(NOPERM);
      clock.advance(100);
      end();
    }
    expect(connection.subscribers.length).toBeLessThan(3);
  });

  it('lets the user listen to some keys only still tells of those', () => {
    const { told } = hearing();
    listen('l');
    subscriber().answer(NOPERM);
    subscriber().message(K, 'x');
    expect(told).toEqual([1_000, 'x']);
    expect(subscriber().isClosed).toBe(false);
  });

  it('refuses for another reason is asked again after 250 ms', () => {
    const { told } = listen('k');
    subscriber().up();
    subscriber().answer(new Error('LOADING Redis is loading the dataset in memory'));
    clock.advance(NEXT_TRY - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    subscriber().up();
    subscriber().answer();
    expect(told).toEqual([1_000 + NEXT_TRY]);
  });

  it('answers every renewal is left alone', async () => {
    const { told } = hearing();
    subscriber().isAnswering = true;
    await clock.advanceAsync(60_000);
    expect(subscriber().did).toEqual(['open', ...Array.from({ length: 13 }, () => `subscribe ${K}`)]);
    expect(told).toEqual([1_000]);
  });

  it('takes the right to listen away is not asked again for a minute', () => {
    const { told } = hearing();
    clock.advance(RENEWAL);
    subscriber().answer(NOPERM);
    expect(told).toEqual([1_000, 'deaf']);
    clock.advance(AFTER_REFUSAL - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    subscriber().up();
    subscriber().answer();
    expect(told).toEqual([1_000, 'deaf', 1_000 + RENEWAL + AFTER_REFUSAL]);
  });
});

describe('on a Redis Cluster', () => {
  beforeEach(() => {
    connection.publisher = (key) => (key === 'k' ? 'a' : 'b');
  });

  it('each server that publishes has a connection', () => {
    listen('k');
    listen('l');
    for (const each of connection.subscribers) each.up();
    expect(connection.subscribers.map(({ did }) => did)).toEqual([
      ['open', `subscribe ${K}`],
      ['open', `subscribe ${L}`],
    ]);
  });

  it('a key whose server is not known yet is looked for every 250 ms', () => {
    connection.publisher = () => undefined;
    const { told } = listen('k');
    clock.advance(NEXT_TRY * 3);
    expect(connection.subscribers).toEqual([]);
    connection.publisher = () => 'a';
    clock.advance(NEXT_TRY);
    subscriber().up();
    subscriber().answer();
    expect(told).toEqual([1_000 + NEXT_TRY * 4]);
  });

  it('a key that has moved is heard from its new server', () => {
    const { told } = hearing();
    connection.publisher = () => 'c';
    subscriber(0).down();
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    subscriber(1).message(K, 'x');
    expect(told).toEqual([1_000, 'deaf', 1_000 + NEXT_TRY, 'x']);
  });

  it('a key that has moved while all was well is found by the next renewal', () => {
    const { told } = hearing();
    connection.publisher = () => 'c';
    clock.advance(RENEWAL);
    subscriber(0).answer(new Error('MOVED 7629 127.0.0.1:7001'));
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    expect(told).toEqual([1_000, 'deaf', 1_000 + RENEWAL + NEXT_TRY]);
  });

  it('a key that has moved is found by the error of the old server', () => {
    const { told } = listen('k');
    connection.publisher = () => 'c';
    subscriber(0).up();
    subscriber(0).answer(new Error('MOVED 7629 127.0.0.1:7001'));
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    expect(told).toEqual([1_000 + NEXT_TRY]);
  });
});

describe('closing', () => {
  it('closes the connections, and leaves no timer', () => {
    hearing().end();
    listen('l');
    releases.close();
    expect(subscriber().isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('ends the next try too', () => {
    connection.publisher = () => undefined;
    listen('k');
    expect(clock.pending).toBeGreaterThan(0);
    releases.close();
    expect(clock.pending).toBe(0);
  });

  it('makes listening nothing', async () => {
    const early = hearing();
    releases.close();
    const { told, end } = listen('k');
    await turn();
    end();
    early.end();
    expect(connection.subscribers).toHaveLength(1);
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
