import type { Command } from '../../../src/link/link.ts';
import type { ScriptInput } from '../../../src/node/redis/encode.ts';
import type { RedisConnection } from '../../../src/node/redis/redis-connection.ts';
import type { Exchange, Extra, History, Message } from '../checker/history.ts';
import { HandIns } from '../hand-ins.ts';
import { answerTo, requestsOf } from '../wire-format.ts';
import type { SimulatedLink } from './link.ts';
import type { Process } from './process.ts';
import type { Part, Server, Told } from './server.ts';
import type { Timeline } from './timeline.ts';

export interface RecorderPlan {
  readonly timeline: Timeline;
  readonly process: Process;
  readonly server: Server;
  readonly history: History;
}

/** What a command does at the server, and what is written down of it. */
export interface Job {
  /** `overDead`: whether its client has given up the link. */
  run(overDead: boolean): unknown;
  answered(reply: unknown): void;
}

const answered = (): void => {};

/** Understands what a client says to a server, and writes down what becomes of it. */
export class Recorder {
  /** The links that there are; those that are being made, too. */
  readonly links: Set<SimulatedLink> = new Set();
  readonly #plan: RecorderPlan;
  /** Whether this is the way of commands, and not of what is published. */
  readonly #isMain: boolean;
  #handIns: HandIns<readonly Part[]> | undefined;
  /** The tokens whose releases were sent before, whatever has come of them. */
  readonly #sent = new Set<string>();

  constructor(plan: RecorderPlan, isMain: boolean) {
    this.#plan = plan;
    this.#isMain = isMain;
  }

  /** From now on operations are written down as the connection gets them, which may keep them until there is a link. */
  watch(connection: RedisConnection): void {
    this.#handIns = new HandIns(connection, (input) => this.#note(input));
  }

  /** A link is being made. */
  began(link: SimulatedLink): void {
    this.links.add(link);
    this.extra(this.#isMain ? 'look' : 'subscription');
  }

  up(): void {
    if (this.#isMain) this.extra('connection');
  }

  gone(link: SimulatedLink): void {
    this.links.delete(link);
  }

  command(command: Command): Job {
    const [name, ...args] = command;
    if (name === 'EVALSHA') return this.#evalsha(command);
    this.extra('look');
    const { server } = this.#plan;
    switch ([name, name === 'SCRIPT' ? args[0] : ''].join(' ').trim()) {
      case 'INFO':
        return { run: () => server.info(), answered };
      case 'SCRIPT EXISTS':
        return { run: () => server.hasScripts(args.slice(1).map(String)).map(Number), answered };
      case 'SCRIPT LOAD':
        return { run: () => server.load(String(args[1])), answered };
      case 'PING':
        return { run: () => 'PONG', answered };
      default:
        throw new Error(`no simulated server knows the command ${name}`);
    }
  }

  subscribed(): void {
    const { process, server, history } = this.#plan;
    history.subscriptions.push({ client: process.id, node: server.index, at: process.time });
  }

  published(key: string, what: Told): Message {
    const { timeline, process, server, history } = this.#plan;
    const message: Message = {
      client: process.id,
      node: server.index,
      key,
      what,
      publishedAt: timeline.now,
      arrivedAt: [],
    };
    history.messages.push(message);
    return message;
  }

  extra(what: Extra['what']): void {
    const { process, server, history } = this.#plan;
    history.extras.push({ client: process.id, node: server.index, at: process.time, what });
  }

  #evalsha(command: Command): Job {
    const { process, server, history } = this.#plan;
    const [, sha, count, ...rest] = command;
    const given = this.#handIns?.left(command);
    if (this.#handIns && !given)
      history.leftovers.push(`client ${process.id} has sent node ${server.index} a command that nobody gave`);
    const keys = rest.slice(0, Number(count)).map(String);
    const args = rest.slice(Number(count));
    const parts = given ?? this.#note({ keys, args });
    return {
      run: (overDead) => {
        const replies = server.run(String(sha), parts, overDead);
        return replies instanceof Error ? replies : answerTo(args, replies);
      },
      answered: (reply) => {
        for (const { exchange } of parts) {
          exchange.answeredAt = process.time;
          if (reply instanceof Error) exchange.reply = reply.message;
        }
      },
    };
  }

  /** Only what is asked for once in the life of a lock can be recognised when it is repeated; a grant may be asked for again. */
  #isNew({ operation, token }: Exchange): boolean {
    if (operation !== 'release') return true;
    const { size } = this.#sent;
    return this.#sent.add(token).size > size;
  }

  /** Writes down the operations of a command. */
  #note({ keys, args }: Pick<ScriptInput, 'keys' | 'args'>): readonly Part[] {
    const { process, server, history } = this.#plan;
    const parts = requestsOf(keys, args).map((request) => {
      const { operation, keys: own, token, ttl, waiter, afterwards } = request;
      const exchange: Exchange = {
        client: process.id,
        node: server.index,
        operation,
        token,
        keys: own,
        ttl,
        ...(waiter ? { waits: true } : {}),
        ...(operation === 'release' ? { afterwards } : {}),
        sentAt: process.time,
        executedAt: Number.POSITIVE_INFINITY,
        reply: '',
        answeredAt: Number.POSITIVE_INFINITY,
        overDead: false,
        torn: false,
      };
      history.exchanges.push(exchange);
      return { request, exchange };
    });
    if (parts.length === 0) this.extra('look');
    else if (!parts.some(({ exchange }) => this.#isNew(exchange))) this.extra('repetition');
    return parts;
  }
}
