import { beforeEach, describe, expect, it } from 'vitest';
import { Inboxes } from '../../src/node/redis/inboxes.ts';
import { type FakeSubscriber, PublishingConnection } from '../support/fake-subscriber.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

const LINGER = 60_000;
const NEXT_TRY = 250;
const RENEWAL = 20_000;
const W = 'quorlock:turn:w';
const V = 'quorlock:turn:v';

let clock: ManualClock;
let connection: PublishingConnection;
let inboxes: Inboxes;

beforeEach(() => {
  clock = new ManualClock(1_000);
  connection = new PublishingConnection();
  inboxes = new Inboxes({ connection, clock });
});

/** A listener, and what it hears, with the time for `live`. */
function listen(key = 'k', waiter = 'w'): { heard: (number | string)[]; end: () => void } {
  const heard: (number | string)[] = [];
  const end = inboxes.open(waiter, key, {
    live: () => heard.push(clock.now()),
    deaf: () => heard.push('deaf'),
    turn: () => heard.push('turn'),
    next: () => heard.push('next'),
  });
  return { heard, end };
}

/** The subscriber of that number. */
function subscriber(index = connection.subscribers.length - 1): FakeSubscriber {
  const found = connection.subscribers[index];
  if (!found) throw new Error(`no subscriber ${index}`);
  return found;
}

/** A listener of `k` whose inbox is live. */
function hearing(): { heard: (number | string)[]; end: () => void } {
  const ear = listen();
  subscriber().up();
  subscriber().answer();
  return ear;
}

describe('the connection for inboxes', () => {
  it('is not there before anybody waits', async () => {
    await clock.advanceAsync(60_000);
    expect(connection.subscribers).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  it('subscribes once it is up, and tells when messages arrive', () => {
    const { heard } = listen();
    expect(subscriber().did).toEqual(['open']);
    clock.advance(10);
    subscriber().up();
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`]);
    expect(heard).toEqual([]);
    clock.advance(5);
    subscriber().answer();
    expect(heard).toEqual([1_015]);
  });

  it('subscribes once for a waiter, however many keys it waits for', async () => {
    const ears = [listen('k'), listen('l')];
    subscriber().up();
    ears.push(listen('k'));
    subscriber().answer();
    ears.push(listen('m'));
    await turn();
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`]);
    expect(ears.map(({ heard }) => heard)).toEqual([[1_000], [1_000], [1_000], [1_000]]);
  });

  it('is one for all waiters', () => {
    hearing();
    listen('k', 'v');
    expect(connection.subscribers).toHaveLength(1);
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`, `subscribe ${V}`]);
  });

  it('tells nothing before the function to end that is there', () => {
    hearing();
    expect(listen().heard).toEqual([]);
  });

  it('gives a message to the listeners of its key in the inbox that it was sent to', () => {
    const ears = [hearing(), listen('with space'), listen('k', 'v')];
    subscriber().answer();
    for (const { heard } of ears) heard.length = 0;
    subscriber().message(W, 'turn k');
    subscriber().message(W, 'next with space');
    subscriber().message(V, 'next k');
    expect(ears.map(({ heard }) => heard)).toEqual([['turn'], ['next'], ['next']]);
  });

  it.each([
    ['of a key that nobody waits for', W, 'turn m'],
    ['of an inbox that nobody has', 'quorlock:turn:u', 'turn k'],
    ['that makes no sense', W, 'k'],
  ])('ignores a message %s', (_what, channel, message) => {
    const { heard } = hearing();
    subscriber().message(channel, message);
    expect(heard).toEqual([1_000]);
  });

  it('gives no message to a listener that has ended', () => {
    const [ear, still] = [hearing(), listen('l')];
    ear.end();
    subscriber().message(W, 'turn k');
    subscriber().message(W, 'turn l');
    expect([ear.heard, still.heard]).toEqual([[1_000], ['turn']]);
  });
});

describe('when nobody waits any more', () => {
  it('the inbox is kept for a minute, and then the connection is closed', () => {
    hearing().end();
    clock.advance(LINGER - 1);
    expect(subscriber().isClosed).toBe(false);
    clock.advance(1);
    expect(subscriber().isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('nothing is sent', async () => {
    hearing().end();
    subscriber().isAnswering = true;
    await clock.advanceAsync(LINGER - 1);
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`]);
  });

  it('for less than a minute, the inbox is still live', async () => {
    hearing().end();
    clock.advance(LINGER - 1);
    const again = listen();
    await turn();
    expect(again.heard).toEqual([1_000 + LINGER - 1]);
    subscriber().isAnswering = true;
    await clock.advanceAsync(LINGER * 2);
    expect(subscriber().isClosed).toBe(false);
    expect(connection.subscribers).toHaveLength(1);
  });

  it('for a while, the next listener has the subscription renewed at once', async () => {
    hearing().end();
    clock.advance(RENEWAL - 1);
    listen().end();
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`]);
    clock.advance(1);
    const { heard } = listen();
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`, `subscribe ${W}`]);
    await turn();
    subscriber().down();
    expect(heard).toEqual([1_000 + RENEWAL, 'deaf']);
  });

  it('the connection stays for other waiters, without the channel', async () => {
    const ear = hearing();
    subscriber().isAnswering = true;
    listen('k', 'v');
    ear.end();
    await clock.advanceAsync(LINGER);
    expect(subscriber().did).toContain(`unsubscribe ${W}`);
    expect(subscriber().isClosed).toBe(false);
  });

  it('for longer, the next one gets a new connection', () => {
    hearing().end();
    clock.advance(LINGER);
    const { heard } = listen();
    subscriber(1).up();
    subscriber(1).answer();
    expect(heard).toEqual([1_000 + LINGER]);
  });

  it('ending twice is ending once', () => {
    const [first, second] = [hearing(), listen('l')];
    first.end();
    first.end();
    clock.advance(LINGER * 2);
    expect(subscriber().isClosed).toBe(false);
    second.end();
    clock.advance(LINGER);
    expect(subscriber().isClosed).toBe(true);
  });

  it('a connection that never came up is closed too', () => {
    listen().end();
    clock.advance(LINGER);
    expect(subscriber().did).toEqual(['open', 'close']);
    expect(clock.pending).toBe(0);
  });

  it('an inbox is not kept that no server publishes', () => {
    connection.publisher = () => undefined;
    listen().end();
    clock.advance(NEXT_TRY);
    expect(clock.pending).toBe(1);
    clock.advance(RENEWAL);
    expect(clock.pending).toBe(0);
    connection.publisher = () => 'a';
    clock.advance(LINGER);
    expect(connection.subscribers).toEqual([]);
  });

  it('an inbox is not subscribed to again that the server drops', () => {
    hearing().end();
    connection.publisher = () => 'b';
    subscriber().down();
    clock.advance(LINGER);
    expect(connection.subscribers).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});

describe('a connection that is lost', () => {
  it('makes listeners deaf until it is there again', () => {
    const { heard } = hearing();
    clock.advance(100);
    subscriber().down();
    clock.advance(400);
    subscriber().up();
    clock.advance(3);
    subscriber().answer();
    expect(heard).toEqual([1_000, 'deaf', 1_503]);
    expect(subscriber().did).toEqual(['open', `subscribe ${W}`, `subscribe ${W}`]);
  });

  it('makes nobody deaf whose inbox was not live yet', () => {
    const { heard } = listen();
    subscriber().down();
    subscriber().down();
    subscriber().up();
    subscriber().answer();
    expect(heard).toEqual([1_000]);
  });

  it('with a subscription under way is live soon after it is back', () => {
    const { heard } = listen();
    subscriber().up();
    subscriber().down();
    clock.advance(NEXT_TRY);
    subscriber().up();
    subscriber().answer();
    expect(heard).toEqual([1_000 + NEXT_TRY]);
  });

  it('subscribes to all inboxes again', () => {
    hearing();
    const other = listen('k', 'v');
    subscriber().answer();
    subscriber().down();
    subscriber().up();
    expect(subscriber().did.slice(-2)).toEqual([`subscribe ${W}`, `subscribe ${V}`]);
    subscriber().answer();
    subscriber().answer();
    expect(other.heard).toEqual([1_000, 'deaf', 1_000]);
  });

  it('tells a new listener nothing until it is live again', async () => {
    hearing();
    subscriber().down();
    const { heard } = listen('l');
    await turn();
    expect(heard).toEqual([]);
    subscriber().up();
    subscriber().answer();
    expect(heard).toEqual([1_000]);
  });
});

describe('on a Redis Cluster', () => {
  const [K, L] = ['quorlock:turn:{k}:w', 'quorlock:turn:{l}:w'];

  beforeEach(() => {
    connection.isSharded = true;
    connection.publisher = (key) => (key === 'l' ? 'b' : 'a');
    inboxes = new Inboxes({ connection, clock });
  });

  it('each server that publishes has a connection, and each hash tag an inbox', () => {
    listen('k');
    listen('l');
    listen('x{k}y');
    for (const each of connection.subscribers) each.up();
    expect(connection.subscribers.map(({ did }) => did)).toEqual([
      ['open', `subscribe ${K}`],
      ['open', `subscribe ${L}`],
    ]);
  });

  it('messages are told apart by their keys', () => {
    const ears = [listen('k'), listen('x{k}y')];
    subscriber().up();
    subscriber().answer();
    subscriber().message(K, 'turn x{k}y');
    expect(ears.map(({ heard }) => heard)).toEqual([[1_000], [1_000, 'turn']]);
  });

  it('a key whose server is not known yet is looked for every 250 ms', () => {
    connection.publisher = () => undefined;
    const { heard } = listen();
    clock.advance(NEXT_TRY * 3);
    expect(connection.subscribers).toEqual([]);
    connection.publisher = () => 'a';
    clock.advance(NEXT_TRY);
    subscriber().up();
    subscriber().answer();
    expect(heard).toEqual([1_000 + NEXT_TRY * 4]);
  });

  it('a key that has moved is heard of from its new server', () => {
    const { heard } = hearing();
    connection.publisher = () => 'c';
    subscriber(0).down();
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    subscriber(1).message(K, 'turn k');
    expect(heard).toEqual([1_000, 'deaf', 1_000 + NEXT_TRY, 'turn']);
  });

  it('a key that has moved while all was well is found by the next renewal', () => {
    const { heard } = hearing();
    connection.publisher = () => 'c';
    clock.advance(RENEWAL);
    subscriber(0).answer(new Error('MOVED 7629 127.0.0.1:7001'));
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    expect(heard).toEqual([1_000, 'deaf', 1_000 + RENEWAL + NEXT_TRY]);
  });

  it('a key whose server has become a replica is found by the next renewal', () => {
    const { heard } = hearing();
    connection.publisher = () => 'c';
    clock.advance(RENEWAL);
    subscriber(0).answer();
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    subscriber(1).message(K, 'turn k');
    expect(heard).toEqual([1_000, 'deaf', 1_000 + RENEWAL + NEXT_TRY, 'turn']);
  });

  it('a key whose server has become a replica is found by the next listener', () => {
    const first = hearing();
    connection.publisher = () => 'c';
    const second = listen();
    expect(subscriber(0).did).toEqual(['open', `subscribe ${K}`, `unsubscribe ${K}`, 'close']);
    clock.advance(1);
    subscriber(1).up();
    subscriber(1).answer();
    expect([first.heard, second.heard]).toEqual([[1_000, 'deaf', 1_001], [1_001]]);
  });

  it('a replica that accepts a subscription does not make its inbox live', () => {
    const { heard } = listen();
    subscriber(0).up();
    connection.publisher = () => 'c';
    subscriber(0).answer();
    expect(subscriber(0).did).toEqual(['open', `subscribe ${K}`, `unsubscribe ${K}`, 'close']);
    expect(heard).toEqual([]);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    expect(heard).toEqual([1_000 + NEXT_TRY]);
  });

  it('a key that has moved during an outage is heard of from its new server', () => {
    const { heard } = hearing();
    const other = listen('l');
    subscriber(1).up();
    subscriber(1).answer();
    subscriber(0).down();
    connection.publisher = () => 'b';
    subscriber(0).up();
    subscriber(0).answer();
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).answer();
    expect(heard).toEqual([1_000, 'deaf', 1_000 + NEXT_TRY]);
    expect(other.heard).toEqual([1_000]);
    expect(connection.subscribers).toHaveLength(2);
  });

  it('a key whose old server does not come back is found by the next renewal', () => {
    const { heard } = hearing();
    subscriber(0).down();
    connection.publisher = () => 'c';
    clock.advance(RENEWAL);
    expect(subscriber(0).isClosed).toBe(true);
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    expect(heard).toEqual([1_000, 'deaf', 1_000 + RENEWAL + NEXT_TRY]);
  });

  it('an inbox stays where it is while no server is known for its key', () => {
    const { heard } = hearing();
    connection.publisher = () => undefined;
    clock.advance(RENEWAL);
    expect(subscriber(0).did).toEqual(['open', `subscribe ${K}`, `subscribe ${K}`]);
    subscriber(0).answer();
    expect(heard).toEqual([1_000]);
  });

  it('a key that has moved is found by the error of the old server', () => {
    const { heard } = listen();
    connection.publisher = () => 'c';
    subscriber(0).up();
    subscriber(0).answer(new Error('MOVED 7629 127.0.0.1:7001'));
    clock.advance(NEXT_TRY);
    subscriber(1).up();
    subscriber(1).answer();
    expect(heard).toEqual([1_000 + NEXT_TRY]);
  });
});

describe('a server that turns out to be a Redis Cluster’s', () => {
  it('before the first connection is up has only inboxes in the hash slots of their keys', () => {
    const ears = [listen('k'), listen('l')];
    connection.sharded();
    subscriber().up();
    subscriber().answer();
    subscriber().answer();
    expect(connection.subscribers).toHaveLength(1);
    expect(subscriber().did).toEqual([
      'open',
      'subscribe quorlock:turn:{k}:w',
      'subscribe quorlock:turn:{l}:w',
    ]);
    subscriber().message('quorlock:turn:{l}:w', 'turn l');
    expect(ears.map(({ heard }) => heard)).toEqual([[1_000], [1_000, 'turn']]);
  });

  it('later gets new inboxes in place of the former ones with the next listener or renewal', async () => {
    const { heard, end } = hearing();
    connection.sharded();
    clock.advance(RENEWAL);
    expect(subscriber().did.slice(2)).toEqual(['subscribe quorlock:turn:{k}:w', `unsubscribe ${W}`]);
    subscriber().answer();
    expect(heard).toEqual([1_000, 'deaf', 1_000 + RENEWAL]);
    subscriber().message('quorlock:turn:{k}:w', 'next k');
    expect(heard.at(-1)).toBe('next');
    end();
    clock.advance(LINGER);
    expect(subscriber().isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('does not keep former inboxes without listeners', () => {
    hearing().end();
    connection.sharded();
    listen();
    expect(subscriber(0).did.slice(2)).toEqual([`unsubscribe ${W}`, 'close']);
    subscriber(1).up();
    expect(subscriber(1).did).toEqual(['open', 'subscribe quorlock:turn:{k}:w']);
  });
});

describe('a server that answers renewals', () => {
  it('is left alone', async () => {
    const { heard } = hearing();
    subscriber().isAnswering = true;
    await clock.advanceAsync(60_000);
    expect(heard).toEqual([1_000]);
  });

  it('gets a command in twenty seconds for a waiter', async () => {
    hearing();
    subscriber().isAnswering = true;
    await clock.advanceAsync(60_000);
    expect(subscriber().did).toEqual(['open', ...Array.from({ length: 4 }, () => `subscribe ${W}`)]);
  });
});

describe('closing', () => {
  it('closes the connections, and leaves no timer', () => {
    hearing().end();
    listen('k', 'v');
    inboxes.close();
    expect(subscriber().isClosed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('ends the next try too', () => {
    connection.publisher = () => undefined;
    listen();
    expect(clock.pending).toBeGreaterThan(0);
    inboxes.close();
    expect(clock.pending).toBe(0);
  });

  it('makes listening nothing', async () => {
    const early = hearing();
    inboxes.close();
    const { heard, end } = listen();
    await turn();
    end();
    early.end();
    expect(connection.subscribers).toHaveLength(1);
    expect([early.heard, heard]).toEqual([[1_000], []]);
    expect(clock.pending).toBe(0);
  });
});
