import type {
  ConnectionListener,
  Master,
  RedisConnection,
  RedisSubscriber,
  ReplyHandler,
} from '../../../src/node/redis/redis-connection.ts';
import type { Disturbance, Exchange, Extra, History } from '../checker/history.ts';
import { requestsOf } from '../wire-format.ts';
import type { Link } from './link.ts';
import type { Part } from './server.ts';
import { Socket, type SocketPlan, type Wire } from './socket.ts';
import { type Mishap, SimulatedSubscriber } from './subscriber.ts';

export interface ConnectionPlan extends SocketPlan {
  readonly history: History;
  /** The way of what is published. */
  readonly feed?: Link;
  /** What happens to each message that is published. */
  readonly mishap?: () => Mishap;
}

/** A client's connection to a server, and those that it has for what is published there. */
export class SimulatedConnection implements RedisConnection {
  readonly name: string;
  readonly #plan: ConnectionPlan;
  readonly #socket: Socket;
  readonly #subscribers = new Set<SimulatedSubscriber>();
  #master: Master;
  #absence: Disturbance | undefined;
  /** Grants and releases that were sent before, whatever has come of them. */
  readonly #sent = new Set<string>();

  constructor(plan: ConnectionPlan) {
    this.name = `n${plan.server.index}`;
    this.#plan = plan;
    this.#socket = new Socket(plan);
    this.#master = this.#createMaster(undefined);
  }

  get reorders(): boolean {
    return this.#plan.detours;
  }

  open(listener: ConnectionListener): void {
    this.#socket.open({
      up: () => {
        this.#master = this.#createMaster(this.#socket.wire);
        this.#found();
        this.#extra('connection');
        listener.up();
      },
      down: (cause) => {
        this.#missed();
        listener.down(cause);
      },
    });
  }

  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void {
    const { process, server } = this.#plan;
    const parts = this.#note(keys, args);
    if (!parts.some(({ exchange }) => this.#isNew(exchange))) this.#extra('repetition');
    this.#socket.request<Error | unknown[]>(
      (wire) => server.run(sha, parts, wire.gone),
      (replies) => {
        for (const { exchange } of parts) exchange.answeredAt = process.time;
        if (!(replies instanceof Error)) {
          reply(null, replies);
          return;
        }
        for (const { exchange } of parts) exchange.reply = replies.message;
        reply(replies, undefined);
      },
      (error) => reply(error, undefined),
    );
  }

  masters(): readonly Master[] {
    return [this.#master];
  }

  masterOf(): Master {
    return this.#master;
  }

  slotOf(): number {
    return 0;
  }

  publisherOf(): string {
    return this.name;
  }

  subscriberTo(): RedisSubscriber {
    const { feed, mishap, ...plan } = this.#plan;
    const subscriber = new SimulatedSubscriber({
      ...plan,
      link: feed ?? plan.link,
      mishap: mishap ?? (() => ({})),
      detours: false,
      closed: () => void this.#subscribers.delete(subscriber),
    });
    this.#subscribers.add(subscriber);
    return subscriber;
  }

  reset(cause: Error): void {
    this.#socket.reset(cause);
  }

  close(): void {
    this.#socket.close();
  }

  /** Whatever lies between client and server ends the connection; the client hears of it at once. */
  break(): void {
    this.#socket.break();
  }

  /** The same for what is published. */
  breakFeed(): void {
    for (const subscriber of this.#subscribers) subscriber.break();
  }

  /** The server is gone, and its machine says so. */
  serverCrashed(): void {
    this.#socket.serverCrashed();
    for (const subscriber of this.#subscribers) subscriber.serverCrashed();
  }

  /** From now on the client knows that it has no connection, which may have been lost long ago. */
  #missed(): void {
    const { process, server, history, timeline } = this.#plan;
    if (this.#absence) return;
    this.#absence = {
      node: server.index,
      client: process.id,
      from: timeline.now,
      to: Number.POSITIVE_INFINITY,
      backAt: Number.POSITIVE_INFINITY,
      silentTo: Number.POSITIVE_INFINITY,
    };
    history.disturbances.push(this.#absence);
  }

  /** There is a connection again, over which the server is still to be looked at. */
  #found(): void {
    const { history, timeline } = this.#plan;
    if (!this.#absence) return;
    const { latency = 0 } = history.pace ?? {};
    this.#absence.to = timeline.now + 12 * latency + 20;
    this.#absence.backAt = this.#absence.to;
    this.#absence.silentTo = this.#absence.to;
    this.#absence = undefined;
  }

  /** The server, over one connection. */
  #createMaster(wire: Wire | undefined): Master {
    const { server } = this.#plan;
    const ask = <Reply>(run: () => Reply): Promise<Reply> =>
      new Promise((resolve, reject) => {
        this.#extra('look');
        if (wire === this.#socket.wire) this.#socket.request(run, resolve, reject);
        else this.#socket.soon(() => reject(new Error('the connection was lost')));
      });
    return {
      name: this.name,
      info: () => ask(() => server.info()),
      hasScripts: (shas) => ask(() => server.hasScripts(shas)),
      load: (script) => ask(() => server.load(script)),
    };
  }

  #extra(what: Extra['what']): void {
    const { process, server, history } = this.#plan;
    history.extras.push({ client: process.id, node: server.index, at: process.time, what });
  }

  /** Only what is asked for once in the life of a lock can be recognised when it is repeated. */
  #isNew({ operation, token }: Exchange): boolean {
    if (operation !== 'grant' && operation !== 'release') return true;
    const { size } = this.#sent;
    return this.#sent.add(`${operation} ${token}`).size > size;
  }

  /** Writes down the operations of a command. */
  #note(keys: readonly string[], args: readonly (string | number)[]): Part[] {
    const { process, server, history } = this.#plan;
    return requestsOf(keys, args).map(({ operation, keys: own, token, ttl, announce, fence }) => {
      const exchange: Exchange = {
        client: process.id,
        node: server.index,
        operation,
        token,
        keys: own,
        ttl,
        sentAt: process.time,
        executedAt: Number.POSITIVE_INFINITY,
        reply: '',
        answeredAt: Number.POSITIVE_INFINITY,
        overDead: false,
        torn: false,
      };
      history.exchanges.push(exchange);
      return { keys: own, ttl, announce, fence, exchange };
    });
  }
}
