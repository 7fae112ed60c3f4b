import type { ReplyHandler } from '../../../src/link/link.ts';
import type { ScriptInput } from '../../../src/node/redis/encode.ts';
import type {
  ConnectionListener,
  Master,
  RedisConnection,
  RedisSubscriber,
} from '../../../src/node/redis/redis-connection.ts';
import type { Exchange, History, Operation } from '../checker/history.ts';
import type { Process } from '../simulation/process.ts';
import type { Part, Server } from '../simulation/server.ts';
import { requestsOf } from '../wire-format.ts';

export interface WirePlan {
  readonly process: Process;
  readonly server: Server;
  readonly history: History;
  /** The number of the event that happens now, which is the time. */
  readonly now: () => number;
}

interface Command {
  readonly sha: string;
  readonly parts: readonly Part[];
  readonly reply: ReplyHandler;
  readonly sentIn: number;
}

interface Answer {
  readonly command: Command;
  readonly replies: Error | unknown[];
  readonly sentIn: number;
}

/**
 * A client's connection to a server, as two channels without any time: first in, first out, and whoever drives it
 * says when the first of one arrives. Handshakes are no events of their own: they happen with the connection.
 */
export class Wire implements RedisConnection {
  readonly name: string;
  /** `severed`: it is lost, and the client has not heard of it. */
  state: 'connected' | 'severed' | 'lost' = 'lost';
  #up: Command[] = [];
  /** What is still on its way up from a connection that was lost. */
  #late: Command[] = [];
  #down: Answer[] = [];
  readonly #unanswered = new Set<Command>();
  readonly #plan: WirePlan;
  readonly #master: Master;
  #listener: ConnectionListener | undefined;

  constructor(plan: WirePlan) {
    this.name = `n${plan.server.index}`;
    this.#plan = plan;
    const { server } = plan;
    this.#master = {
      name: this.name,
      evalsha: (sha, input, reply) => this.#evalsha(sha, input, reply),
      info: async () => server.info(),
      hasScripts: async (shas) => server.hasScripts(shas),
      load: async (script) => server.load(script),
      clusterSize: async () => undefined,
    };
  }

  open(listener: ConnectionListener): void {
    this.#listener = listener;
  }

  masters(): readonly Master[] {
    return [this.#master];
  }

  masterOf(): Master {
    return this.#master;
  }

  readonly reorders = false;

  readonly isSharded = false;

  publisherOf(): undefined {
    return undefined;
  }

  subscriberTo(): RedisSubscriber {
    throw new Error('nobody waits for anything');
  }

  slotOf(): number {
    return 0;
  }

  redirected(): undefined {}

  sharded(): void {
    throw new Error('no server belongs to a Redis Cluster');
  }

  reset(cause: Error): void {
    throw new Error('no connection is cut in so short a time', { cause });
  }

  close(): void {
    throw new Error('nobody closes anything');
  }

  /** Which events the first of each channel was sent in, as far as there is one. */
  get heads(): { up: number | undefined; late: number | undefined; down: number | undefined } {
    return { up: this.#up[0]?.sentIn, late: this.#late[0]?.sentIn, down: this.#down[0]?.sentIn };
  }

  /** What the next answer says, and to what. */
  get nextAnswer(): { operation: Operation; kind: string } | undefined {
    const [first, ...others] = this.#down[0]?.command.parts ?? [];
    return first && others.length === 0
      ? { operation: first.exchange.operation, kind: first.exchange.reply }
      : undefined;
  }

  /** What the client has not had an answer to. */
  get awaited(): Operation[] {
    return [...this.#unanswered].flatMap(({ parts }) => parts.map(({ exchange }) => exchange.operation));
  }

  /** The client's connection is made; what has to be said before any command is said. */
  connect(): void {
    this.state = 'connected';
    this.#listener?.up();
  }

  /** The server runs the next command. */
  arriveUp(channel: 'up' | 'late'): void {
    const command = (channel === 'up' ? this.#up : this.#late).shift();
    if (!command) throw new Error('nothing is on its way');
    const { server, now } = this.#plan;
    const replies = server.run(command.sha, command.parts, channel === 'late');
    if (channel === 'up') this.#down.push({ command, replies, sentIn: now() });
  }

  /** The client reads the next answer. */
  arriveDown(): void {
    const answer = this.#down.shift();
    if (!answer) throw new Error('nothing is on its way');
    const { command, replies } = answer;
    this.#unanswered.delete(command);
    for (const { exchange } of command.parts) {
      exchange.answeredAt = this.#plan.now();
      if (replies instanceof Error) exchange.reply = replies.message;
    }
    if (replies instanceof Error) command.reply(replies, undefined);
    else command.reply(null, replies);
  }

  /** What is on its way is lost, and so will be all that the client says before it hears of it. */
  sever(): void {
    if (this.state === 'connected') this.state = 'severed';
    this.#up = [];
    this.#late = [];
    this.#down = [];
  }

  /** The client hears that its connection is lost; of what is on its way, the requests may still arrive. */
  lose(requests: 'arrive' | 'are lost'): void {
    this.state = 'lost';
    if (requests === 'arrive') this.#late = this.#up;
    this.#up = [];
    this.#down = [];
    const cause = new Error('read ECONNRESET');
    for (const command of this.#unanswered) {
      this.#unanswered.delete(command);
      command.reply(cause, undefined);
    }
    this.#listener?.parted();
    this.#listener?.down(cause);
  }

  #evalsha(sha: string, { keys, args }: ScriptInput, reply: ReplyHandler): void {
    const { process, now } = this.#plan;
    const command: Command = { sha, parts: this.#note(keys, args), reply, sentIn: now() };
    if (this.state === 'lost') {
      process.at(process.time, () => reply(new Error('there is no connection'), undefined));
      return;
    }
    this.#unanswered.add(command);
    if (this.state !== 'connected') return;
    if (command.parts.every(({ exchange }) => exchange.operation === 'inspect')) this.#refuse(command);
    else this.#up.push(command);
  }

  /** Nobody gets to see a key: that changes nothing but what a call says, and would make orders beyond number. */
  #refuse(command: Command): void {
    const { process } = this.#plan;
    process.at(process.time, () => {
      if (this.#unanswered.delete(command)) command.reply(new Error('ERR nobody looks'), undefined);
    });
  }

  /** Writes down the operations of a command. */
  #note(keys: readonly string[], args: readonly (string | number)[]): Part[] {
    const { process, server, history, now } = this.#plan;
    return requestsOf(keys, args).map((request) => {
      const { operation, token } = request;
      const exchange: Exchange = {
        client: process.id,
        node: server.index,
        operation,
        token,
        sentAt: now(),
        executedAt: Number.POSITIVE_INFINITY,
        reply: '',
        answeredAt: Number.POSITIVE_INFINITY,
        overDead: false,
        torn: false,
      };
      history.exchanges.push(exchange);
      return { request, exchange };
    });
  }
}
