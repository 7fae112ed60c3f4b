import type { Cancel, Clock } from '../../clock.ts';
import { inboxOf } from '../inbox.ts';
import type { InboxListener } from '../lock-node.ts';
import { InboxChannel } from './inbox-channel.ts';
import type { RedisConnection, RedisSubscriber } from './redis-connection.ts';

export interface InboxesPlan {
  readonly connection: RedisConnection;
  readonly clock: Clock;
}

/** For how long a channel is kept when it has no listeners any more, in ms: the same process will soon wait again. */
const LINGER = 60_000;
/** How long until a channel that could not be subscribed to is tried again, in ms. */
const NEXT_TRY = 250;
/** What a server answers that does not let this user subscribe, or nobody. */
const REFUSALS = /^(NOPERM|ERR) /;
/** How long until such a server is asked again, in ms. */
const AFTER_REFUSAL = 60_000;
/**
 * How often a channel with listeners is subscribed to anew, in ms: a connection that has died silently leaves that without an
 * answer, and a channel may be at another server by then. Waiters have timers of their own that are shorter.
 */
const RENEWAL = 20_000;

/** A connection to one server that publishes. */
interface Feed {
  readonly place: string;
  readonly subscriber: RedisSubscriber;
  readonly channels: Set<InboxChannel>;
  isUp: boolean;
}

/** A server does not let this user subscribe. */
interface Refusal {
  readonly why: string;
  /** Until when it is not asked again, in ms of the clock. */
  readonly until: number;
}

/**
 * The inboxes of waiters at a node's servers: one channel for each waiter on a single server, and on a Redis Cluster one for each
 * waiter and hash tag. They have a connection of their own for each server, from the first listener until a while after the last.
 */
export class Inboxes {
  readonly #plan: InboxesPlan;
  /** By their names. */
  readonly #channels = new Map<string, InboxChannel>();
  readonly #lingering = new Map<InboxChannel, Cancel>();
  /** By the places of their servers. */
  readonly #feeds = new Map<string, Feed>();
  readonly #feedOf = new Map<InboxChannel, Feed>();
  /** By the places of the servers that refuse. */
  readonly #refusals = new Map<string, Refusal>();
  /** Whether the channels that exist are named by hash tags. */
  #isSharded: boolean;
  #retryAt = Number.POSITIVE_INFINITY;
  #cancelRetry: Cancel = () => {};
  #cancelRenewal: Cancel | undefined;
  #closed = false;

  constructor(plan: InboxesPlan) {
    this.#plan = plan;
    this.#isSharded = plan.connection.isSharded;
  }

  /** Why a server does not let this user subscribe, if so; until a subscription there succeeds. */
  get refusal(): string | undefined {
    return this.#refusals.values().next().value?.why;
  }

  /** See {@link LockNode.openInbox}. */
  open(waiter: string, key: string, listener: InboxListener): () => void {
    if (this.#closed) return () => {};
    this.#rename();
    const channel = this.#channel(waiter, key);
    this.#lingering.get(channel)?.();
    this.#lingering.delete(channel);
    const feed = this.#feedOf.get(channel);
    if (feed && this.#isElsewhere(channel, feed)) this.#withdraw(channel);
    channel.add(key, listener);
    if (!this.#feedOf.has(channel)) this.#place(channel);
    else if (this.#plan.clock.now() - channel.subscribedAt >= RENEWAL) this.#renew(channel);
    this.#renewLater();
    return () => {
      const current = this.#channels.get(this.#nameOf(waiter, key));
      if (!current?.delete(key, listener) || current.isListenedTo) return;
      if (this.#feedOf.has(current)) this.#linger(current);
      else this.#drop(current);
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry();
    this.#cancelRenewal?.();
    for (const cancel of this.#lingering.values()) cancel();
    for (const feed of this.#feeds.values()) this.#end(feed);
    // Answers and listeners that end are ignored from now on.
    this.#feedOf.clear();
    this.#channels.clear();
  }

  #nameOf(waiter: string, key: string): string {
    return inboxOf(waiter, this.#isSharded ? key : undefined);
  }

  #channel(waiter: string, key: string): InboxChannel {
    const name = this.#nameOf(waiter, key);
    const known = this.#channels.get(name);
    if (known) return known;
    const channel = new InboxChannel(waiter, name, key);
    this.#channels.set(name, channel);
    return channel;
  }

  /** A server may turn out to be a Redis Cluster's after listeners have come: then the inboxes have other names. */
  #rename(): void {
    const { isSharded } = this.#plan.connection;
    if (isSharded === this.#isSharded) return;
    this.#isSharded = isSharded;
    const former = [...this.#channels.values()];
    for (const channel of former)
      for (const [key, listener] of channel.listeners()) this.open(channel.waiter, key, listener);
    // Last, so that the connection stays.
    for (const channel of former) this.#drop(channel);
  }

  /** Gives a channel to the connection to the server that publishes it. */
  #place(channel: InboxChannel): void {
    const { connection, clock } = this.#plan;
    const place = connection.publisherOf(channel.key);
    if (place === undefined) {
      this.#retryIn(NEXT_TRY);
      return;
    }
    const refusal = this.#refusals.get(place);
    if (refusal && clock.now() < refusal.until) {
      this.#retryIn(refusal.until - clock.now());
      return;
    }
    const feed = this.#feeds.get(place) ?? this.#connect(place, channel.key);
    this.#feedOf.set(channel, feed);
    feed.channels.add(channel);
    if (feed.isUp) this.#subscribe(feed, channel);
  }

  #connect(place: string, key: string): Feed {
    const subscriber = this.#plan.connection.subscriberTo(key);
    const feed: Feed = { place, subscriber, channels: new Set(), isUp: false };
    this.#feeds.set(place, feed);
    subscriber.open({
      up: () => {
        this.#rename();
        feed.isUp = true;
        for (const channel of feed.channels) this.#subscribe(feed, channel);
      },
      down: () => this.#down(feed),
      message: (name, text) => this.#channels.get(name)?.receive(text),
    });
    return feed;
  }

  #subscribe(feed: Feed, channel: InboxChannel): void {
    const { clock } = this.#plan;
    channel.subscribedAt = clock.now();
    feed.subscriber.subscribe(channel.name, (error) => {
      if (this.#feedOf.get(channel) !== feed) return;
      if (!error && this.#isElsewhere(channel, feed)) {
        this.#withdraw(channel);
        this.#move(channel);
        return;
      }
      if (!error) {
        // A renewal tells nothing about other channels of the server.
        if (!channel.isLive) this.#refusals.delete(feed.place);
        channel.open();
        return;
      }
      if (REFUSALS.test(error.message)) {
        const why = `the server refuses subscriptions: ${error.message}`;
        this.#refusals.set(feed.place, { why, until: clock.now() + AFTER_REFUSAL });
      }
      this.#move(channel);
    });
  }

  /** Whether another server publishes the channel now: a master that has become a replica accepts subscriptions all the same. */
  #isElsewhere(channel: InboxChannel, feed: Feed): boolean {
    const place = this.#plan.connection.publisherOf(channel.key);
    return place !== undefined && place !== feed.place;
  }

  /** It connects again by itself; but a channel may be at another server by then. */
  #down(feed: Feed): void {
    feed.isUp = false;
    for (const channel of feed.channels) {
      channel.shut();
      if (this.#plan.connection.publisherOf(channel.key) !== feed.place) this.#move(channel);
    }
  }

  #move(channel: InboxChannel): void {
    this.#displace(channel);
    if (channel.isListenedTo) this.#retryIn(NEXT_TRY);
    else this.#drop(channel);
  }

  #displace(channel: InboxChannel): void {
    const feed = this.#feedOf.get(channel);
    channel.shut();
    this.#feedOf.delete(channel);
    feed?.channels.delete(channel);
    if (feed?.channels.size === 0) this.#end(feed);
  }

  /** Tries all channels again that no connection has, in `wait` ms or before. */
  #retryIn(wait: number): void {
    const { clock } = this.#plan;
    const at = clock.now() + wait;
    if (at >= this.#retryAt) return;
    this.#cancelRetry();
    this.#retryAt = at;
    this.#cancelRetry = clock.after(
      wait,
      () => {
        this.#retryAt = Number.POSITIVE_INFINITY;
        this.#rename();
        for (const channel of this.#channels.values()) if (!this.#feedOf.has(channel)) this.#place(channel);
      },
      'background',
    );
  }

  #renewLater(): void {
    this.#cancelRenewal ??= this.#plan.clock.after(
      RENEWAL,
      () => {
        this.#cancelRenewal = undefined;
        this.#rename();
        const listened = [...this.#channels.values()].filter(({ isListenedTo }) => isListenedTo);
        for (const channel of listened) this.#renew(channel);
        if (listened.length > 0) this.#renewLater();
      },
      'background',
    );
  }

  #renew(channel: InboxChannel): void {
    const feed = this.#feedOf.get(channel);
    if (!feed) return;
    if (feed.isUp && channel.isLive) this.#subscribe(feed, channel);
    else if (this.#isElsewhere(channel, feed)) this.#move(channel);
  }

  #linger(channel: InboxChannel): void {
    this.#lingering.set(
      channel,
      this.#plan.clock.after(LINGER, () => this.#drop(channel), 'background'),
    );
  }

  #drop(channel: InboxChannel): void {
    this.#lingering.get(channel)?.();
    this.#lingering.delete(channel);
    this.#channels.delete(channel.name);
    this.#withdraw(channel);
  }

  #withdraw(channel: InboxChannel): void {
    const feed = this.#feedOf.get(channel);
    if (feed?.isUp) feed.subscriber.unsubscribe(channel.name);
    this.#displace(channel);
  }

  #end(feed: Feed): void {
    this.#feeds.delete(feed.place);
    feed.subscriber.close();
  }
}
