import type { Command, Encoded, Link, LinkListener, OpenLink, ReplyHandler } from '../../../src/link/link.ts';
import type { ScriptInput } from '../../../src/node/redis/encode.ts';
import type { RedisConnection } from '../../../src/node/redis/redis-connection.ts';
import type { Exchange, History } from '../checker/history.ts';
import { HandIns } from '../hand-ins.ts';
import type { ClientProcess } from '../simulation/client.ts';
import { type Request, repliesIn, requestsOf, wordOf } from '../wire-format.ts';
import { WIRE_SHA, type Wire, type Wires } from './wire.ts';

export interface RecordingPlan {
  readonly process: ClientProcess;
  readonly node: number;
  readonly wires: Wires;
  readonly history: History;
}

/** What a server answers, unlike what a client says when it has lost the connection, begins with a code. */
const ERROR_CODE = /^[A-Z]{2,} /;

/** Writes down what a client says to a node over real links, and what it is told. */
export class LinkRecorder {
  readonly #plan: RecordingPlan;
  #handIns: HandIns<readonly Exchange[]> | undefined;

  constructor(plan: RecordingPlan) {
    this.#plan = plan;
  }

  /** Links that write down what goes over them. */
  links(openLink: OpenLink): OpenLink {
    return (to, listener) => new RecordingLink(this, this.#plan, (heard) => openLink(to, heard), listener);
  }

  /** From now on operations are written down as the connection gets them, which may keep them until there is a link. */
  watch(connection: RedisConnection): void {
    this.#handIns = new HandIns(connection, (input) => this.#note(input));
  }

  /** The operations of a command that leaves now. */
  left(command: Command): readonly Exchange[] {
    return this.#handIns?.left(command) ?? this.#note(inputOf(command));
  }

  #note({ keys, args }: Input): readonly Exchange[] {
    const { process, history } = this.#plan;
    process.onTurn();
    const exchanges = requestsOf(keys, args).map((request) => this.#exchangeOf(request));
    history.exchanges.push(...exchanges);
    return exchanges;
  }

  #exchangeOf({ operation, token, waiter, afterwards }: Request): Exchange {
    const { process, node } = this.#plan;
    return {
      client: process.id,
      node,
      operation,
      token,
      ...(waiter ? { waits: true } : {}),
      ...(operation === 'release' ? { afterwards } : {}),
      sentAt: performance.now(),
      executedAt: Number.POSITIVE_INFINITY,
      reply: '',
      answeredAt: Number.POSITIVE_INFINITY,
      overDead: false,
      torn: false,
    };
  }
}

type Input = Pick<ScriptInput, 'keys' | 'args'>;

function inputOf([, , count, ...rest]: Command): Input {
  return { keys: rest.slice(0, Number(count)).map(String), args: rest.slice(Number(count)) };
}

class RecordingLink implements Link {
  readonly #recorder: LinkRecorder;
  readonly #plan: RecordingPlan;
  readonly #link: Link;
  /** From its first command on: a link that only listens has none. */
  #wire: Wire | undefined;

  constructor(
    recorder: LinkRecorder,
    plan: RecordingPlan,
    open: (listener: LinkListener) => Link,
    listener: LinkListener,
  ) {
    this.#recorder = recorder;
    this.#plan = plan;
    this.#link = open({
      connected: () => listener.connected(),
      up: () => listener.up(),
      down: (cause) => {
        this.#gone();
        listener.down(cause);
      },
      message: (channel, text) => {
        this.#heard(text);
        listener.message(channel, text);
      },
      moved: () => listener.moved(),
    });
  }

  send(command: Command, reply: ReplyHandler, rest?: Encoded): void {
    const wire = this.#wire ?? this.#introduce();
    const whole = [...command, ...(rest?.parts ?? [])];
    this.#link.send(command, command[0] === 'EVALSHA' ? this.#record(wire, whole, reply) : reply, rest);
  }

  subscribe(channel: string, done: (error: Error | null) => void): void {
    const { process, node, history } = this.#plan;
    this.#link.subscribe(channel, (error) => {
      if (!error) history.subscriptions.push({ client: process.id, node, at: performance.now() });
      done(error);
    });
  }

  unsubscribe(channel: string): void {
    this.#link.unsubscribe(channel);
  }

  cut(): void {
    this.#gone();
    this.#link.cut();
  }

  /** Before anything else: the witness at the server learns from it whose address it sees. */
  #introduce(): Wire {
    const { process, wires } = this.#plan;
    const wire = wires.open(process.id);
    this.#wire = wire;
    this.#link.send(['EVALSHA', WIRE_SHA, 0, wire.id], () => {});
    return wire;
  }

  #gone(): void {
    if (this.#wire) this.#wire.goneAt = Math.min(this.#wire.goneAt, performance.now());
  }

  /** Writes down what is said; what is returned writes down the answer as well. */
  #record(wire: Wire, command: Command, reply: ReplyHandler): ReplyHandler {
    const { process, wires } = this.#plan;
    const exchanges = this.#recorder.left(command);
    wires.send(wire, [...exchanges]);
    const { keys, args } = inputOf(command);
    const counters = requestsOf(keys, args).map(({ fence }) => fence && fence.value + 1);
    return (error, answer) => {
      const replies = error ? [] : repliesIn(answer);
      exchanges.forEach((exchange, index) => {
        if (error && !ERROR_CODE.test(error.message)) return;
        exchange.answeredAt = performance.now();
        const said = error ?? replies[index];
        exchange.reply = wordOf(exchange.operation, said);
        const counter = counters[index];
        if (exchange.reply !== 'granted' || counter === undefined) return;
        exchange.counter = Array.isArray(said) ? Number(said[1]) : counter;
      });
      reply(error, answer);
      // After all promises that this settles: the ticks of a microtask come when no microtask is left.
      queueMicrotask(() => globalThis.process.nextTick(() => process.onTurn()));
    };
  }

  #heard(text: string): void {
    const { process, node, history } = this.#plan;
    const at = performance.now();
    const [, what, key = ''] = /^(turn|next) (.*)$/s.exec(text) ?? [];
    if (what === undefined) return;
    // When it was published is not seen; not later than this.
    history.messages.push({
      client: process.id,
      node,
      key,
      what: what === 'turn' ? 'turn' : 'next',
      publishedAt: at,
      arrivedAt: [at],
    });
  }
}
