import type { Cancel, Clock } from '../../clock.ts';
import { channelOf } from '../channel.ts';
import type { ReleaseListener } from '../lock-node.ts';
import type { RedisConnection, RedisSubscriber } from './redis-connection.ts';
import { ReleaseChannel } from './release-channel.ts';

export interface ReleasesPlan {
  readonly connection: RedisConnection;
  readonly clock: Clock;
}

/** For how long a channel is kept when nobody listens any more, in ms: where one has waited, another soon will. */
const LINGER = 5_000;
/** How long until a channel that could not be subscribed to is tried again, in ms. */
const NEXT_TRY = 250;
/** What a server answers that will not let this user listen, or nobody. */
const REFUSALS = /^(NOPERM|ERR) /;
/** The same after that, in ms. */
const AFTER_REFUSAL = 60_000;
/**
 * How often what is listened to is subscribed to anew, in ms: a connection that has died silently leaves that without
 * an answer, and a server that a channel has been moved away from says so.
 */
const RENEWAL = 5_000;

/** A connection to one server that publishes. */
interface Feed {
  readonly place: string;
  readonly subscriber: RedisSubscriber;
  readonly channels: Set<ReleaseChannel>;
  isUp: boolean;
}

/**
 * The releases that a node's servers publish, for those who listen. There is a connection of its own for that, and only
 * while somebody listens, or did so a short time ago.
 */
export class Releases {
  readonly #plan: ReleasesPlan;
  /** By their names. */
  readonly #channels = new Map<string, ReleaseChannel>();
  readonly #lingering = new Map<ReleaseChannel, Cancel>();
  /** By the places of their servers. */
  readonly #feeds = new Map<string, Feed>();
  readonly #feedOf = new Map<ReleaseChannel, Feed>();
  #cancelRetry: Cancel | undefined;
  #cancelRenewal: Cancel | undefined;
  #refusedUntil = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(plan: ReleasesPlan) {
    this.#plan = plan;
  }

  /** See {@link LockNode.onRelease}. */
  listen(key: string, listener: ReleaseListener): () => void {
    if (this.#closed) return () => {};
    const channel = this.#channel(key);
    this.#lingering.get(channel)?.();
    channel.add(listener);
    if (!this.#feedOf.has(channel)) this.#place(channel);
    this.#renewLater();
    return () => {
      if (channel.delete(listener) && !channel.isListenedTo && !this.#closed) this.#linger(channel);
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelRetry?.();
    this.#cancelRenewal?.();
    for (const cancel of this.#lingering.values()) cancel();
    for (const feed of this.#feeds.values()) this.#end(feed);
    // Answers that come now are to nobody.
    this.#feedOf.clear();
    this.#channels.clear();
  }

  #channel(key: string): ReleaseChannel {
    const known = this.#channels.get(channelOf(key));
    if (known) return known;
    const channel = new ReleaseChannel(key);
    this.#channels.set(channel.name, channel);
    return channel;
  }

  /** Gives a channel to the connection to the server that publishes it. */
  #place(channel: ReleaseChannel): void {
    const { connection, clock } = this.#plan;
    const place = connection.publisherOf(channel.key);
    if (place === undefined || clock.now() < this.#refusedUntil) {
      this.#retryLater();
      return;
    }
    const feed = this.#feeds.get(place) ?? this.#open(place, channel.key);
    this.#feedOf.set(channel, feed);
    feed.channels.add(channel);
    if (feed.isUp) this.#subscribe(feed, channel);
  }

  #open(place: string, key: string): Feed {
    const { connection, clock } = this.#plan;
    const subscriber = connection.subscriberTo(key);
    const feed: Feed = { place, subscriber, channels: new Set(), isUp: false };
    this.#feeds.set(place, feed);
    subscriber.open({
      up: () => {
        feed.isUp = true;
        for (const channel of feed.channels) this.#subscribe(feed, channel);
      },
      down: () => this.#down(feed),
      message: (name, owner) => this.#channels.get(name)?.tell(owner, clock.now()),
    });
    return feed;
  }

  #subscribe(feed: Feed, channel: ReleaseChannel): void {
    const { clock } = this.#plan;
    feed.subscriber.subscribe(channel.name, (error) => {
      if (this.#feedOf.get(channel) !== feed) return;
      if (!error) {
        channel.open(clock.now());
        return;
      }
      if (REFUSALS.test(error.message)) this.#refusedUntil = clock.now() + AFTER_REFUSAL;
      this.#move(channel);
    });
  }

  /** It connects again by itself; but a channel may be at another server by then. */
  #down(feed: Feed): void {
    feed.isUp = false;
    for (const channel of feed.channels) {
      channel.shut();
      if (this.#plan.connection.publisherOf(channel.key) !== feed.place) this.#move(channel);
    }
  }

  #move(channel: ReleaseChannel): void {
    this.#displace(channel);
    this.#retryLater();
  }

  #displace(channel: ReleaseChannel): void {
    const feed = this.#feedOf.get(channel);
    channel.shut();
    this.#feedOf.delete(channel);
    feed?.channels.delete(channel);
    if (feed?.channels.size === 0) this.#end(feed);
  }

  #retryLater(): void {
    const { clock } = this.#plan;
    this.#cancelRetry ??= clock.after(
      Math.max(NEXT_TRY, this.#refusedUntil - clock.now()),
      () => {
        this.#cancelRetry = undefined;
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
        const listened = [...this.#channels.values()].filter(({ isListenedTo }) => isListenedTo);
        for (const channel of listened) {
          const feed = this.#feedOf.get(channel);
          if (feed?.isUp) this.#subscribe(feed, channel);
        }
        if (listened.length > 0) this.#renewLater();
      },
      'background',
    );
  }

  #linger(channel: ReleaseChannel): void {
    const drop = (): void => {
      this.#lingering.delete(channel);
      this.#channels.delete(channel.name);
      const feed = this.#feedOf.get(channel);
      if (feed?.isUp) feed.subscriber.unsubscribe(channel.name);
      this.#displace(channel);
    };
    this.#lingering.set(channel, this.#plan.clock.after(LINGER, drop, 'background'));
  }

  #end(feed: Feed): void {
    this.#feeds.delete(feed.place);
    feed.subscriber.close();
  }
}
