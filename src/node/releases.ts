import type { RedisConnection, RedisSubscriber } from '../client/redis-connection.ts';
import type { Cancel, Clock } from '../clock.ts';
import { channelOf } from './channel.ts';
import type { ReleaseListener } from './lock-node.ts';
import { Watchdog } from './watchdog.ts';

export interface ReleasesPlan {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  /** After how many ms without an answer the subscriber is cut. */
  readonly patience: number;
}

/** For how long a channel is kept when nobody listens any more, in ms: where one has waited, another soon will. */
const LINGER = 5_000;
/** How long until a channel that could not be subscribed to is tried again, in ms. */
const NEXT_TRY = 250;

interface Channel {
  readonly key: string;
  readonly listeners: Set<ReleaseListener>;
  feed: Feed | undefined;
  isLive: boolean;
  /** Releases up to this instant may have been missed by who begins to listen now, in ms of the clock. */
  missedUntil: number;
  cancelLinger: Cancel;
}

/** A connection to one server that publishes. */
interface Feed {
  readonly place: string;
  readonly subscriber: RedisSubscriber;
  readonly watchdog: Watchdog;
  readonly channels: Set<Channel>;
  isUp: boolean;
}

/**
 * The releases that a node's servers publish, for those who listen. There is a connection of its own for that, and only
 * while somebody listens, or did so a short time ago.
 */
export class Releases {
  readonly #plan: ReleasesPlan;
  readonly #channels = new Map<string, Channel>();
  readonly #feeds = new Map<string, Feed>();
  #cancelRetry: Cancel | undefined;
  #closed = false;

  constructor(plan: ReleasesPlan) {
    this.#plan = plan;
  }

  /** See {@link LockNode.onRelease}. */
  listen(key: string, listener: ReleaseListener): () => void {
    if (this.#closed) return () => {};
    const channel = this.#channel(key);
    channel.cancelLinger();
    channel.listeners.add(listener);
    if (channel.isLive) {
      const { missedUntil } = channel;
      queueMicrotask(() => {
        if (channel.listeners.has(listener) && channel.isLive) listener.listening(missedUntil);
      });
    } else if (!channel.feed) {
      this.#place(channel);
    }
    return () => {
      if (!channel.listeners.delete(listener) || channel.listeners.size > 0 || this.#closed) return;
      channel.cancelLinger = this.#plan.clock.after(LINGER, () => this.#drop(channel), 'background');
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    for (const channel of this.#channels.values()) channel.cancelLinger();
    for (const feed of this.#feeds.values()) this.#end(feed);
    this.#channels.clear();
  }

  #channel(key: string): Channel {
    const name = channelOf(key);
    let channel = this.#channels.get(name);
    if (!channel) {
      channel = {
        key,
        listeners: new Set(),
        feed: undefined,
        isLive: false,
        missedUntil: Number.POSITIVE_INFINITY,
        cancelLinger: () => {},
      };
      this.#channels.set(name, channel);
    }
    return channel;
  }

  /** Gives a channel to the connection to the server that publishes it. */
  #place(channel: Channel): void {
    const place = this.#plan.connection.publisherOf(channel.key);
    if (place === undefined) {
      this.#retryLater();
      return;
    }
    const feed = this.#feeds.get(place) ?? this.#open(place, channel.key);
    channel.feed = feed;
    feed.channels.add(channel);
    if (feed.isUp) this.#subscribe(feed, channel);
  }

  #open(place: string, key: string): Feed {
    const { connection, clock, patience } = this.#plan;
    const subscriber = connection.subscriberTo(key);
    const silence = new Error(`no answer for ${patience} ms`);
    const watchdog = new Watchdog(clock, patience, () => subscriber.reset(silence));
    const feed: Feed = { place, subscriber, watchdog, channels: new Set(), isUp: false };
    this.#feeds.set(place, feed);
    subscriber.open({
      up: () => {
        feed.isUp = true;
        for (const channel of feed.channels) this.#subscribe(feed, channel);
      },
      down: () => this.#down(feed),
      message: (name, owner) => this.#message(name, owner),
    });
    return feed;
  }

  #subscribe(feed: Feed, channel: Channel): void {
    const { clock } = this.#plan;
    const answered = feed.watchdog.sent();
    feed.subscriber.subscribe(channelOf(channel.key), (error) => {
      answered();
      if (channel.feed !== feed) return;
      if (error) {
        this.#unplace(channel);
        // Who may not listen now may not soon after.
        if (!error.message.startsWith('NOPERM')) this.#retryLater();
        return;
      }
      channel.isLive = true;
      channel.missedUntil = clock.now();
      for (const listener of [...channel.listeners]) listener.listening(channel.missedUntil);
    });
  }

  #message(name: string, owner: string): void {
    const channel = this.#channels.get(name);
    if (!channel) return;
    channel.missedUntil = this.#plan.clock.now();
    for (const listener of [...channel.listeners]) listener.released(owner);
  }

  /** It connects again by itself; but a channel may have moved to another server. */
  #down(feed: Feed): void {
    feed.isUp = false;
    feed.watchdog.forget();
    for (const channel of [...feed.channels]) {
      this.#deafen(channel);
      if (this.#plan.connection.publisherOf(channel.key) !== feed.place) this.#move(channel);
    }
  }

  #move(channel: Channel): void {
    this.#unplace(channel);
    this.#retryLater();
  }

  #unplace(channel: Channel): void {
    const { feed } = channel;
    this.#deafen(channel);
    channel.feed = undefined;
    feed?.channels.delete(channel);
    if (feed?.channels.size === 0) this.#end(feed);
  }

  #deafen(channel: Channel): void {
    if (!channel.isLive) return;
    channel.isLive = false;
    for (const listener of [...channel.listeners]) listener.deaf();
  }

  #retryLater(): void {
    this.#cancelRetry ??= this.#plan.clock.after(
      NEXT_TRY,
      () => {
        this.#cancelRetry = undefined;
        for (const channel of this.#channels.values()) if (!channel.feed) this.#place(channel);
      },
      'background',
    );
  }

  #drop(channel: Channel): void {
    const name = channelOf(channel.key);
    this.#channels.delete(name);
    if (channel.feed?.isUp && channel.feed.channels.size > 1) channel.feed.subscriber.unsubscribe(name);
    this.#unplace(channel);
  }

  #end(feed: Feed): void {
    this.#feeds.delete(feed.place);
    feed.watchdog.forget();
    feed.subscriber.close();
  }
}
