import type { ConnectionListener, RedisConnection, ReplyHandler } from '../../src/client/redis-connection.ts';
import { RedisNode } from '../../src/node/redis-node.ts';
import { Servers } from '../../src/node/servers.ts';
import { ManualClock } from './manual-clock.ts';
import { turn } from './peek.ts';

interface Command {
  /** The operations in it, such as `grant t1`. */
  readonly operations: readonly string[];
  readonly sha: string;
  readonly keys: readonly string[];
  reply: ReplyHandler | undefined;
}

type Answer<T> = T | Error | 'hold';

/** INFO of a server that is fit to hold locks. */
export function infoOf(fields: Record<string, string> = {}): string {
  const all = {
    redis_version: '7.0.15',
    run_id: 'run-1',
    loading: '0',
    role: 'master',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    ...fields,
  };
  return `# Server\r\n${Object.entries(all)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`;
}

/** A connection whose server is the test: it says when the connection is up and down, and answers each command. */
export class FakeConnection implements RedisConnection {
  readonly name: string;
  readonly commands: Command[] = [];
  /** What was sent, in order: `info`, `load`, or the operations of a command. */
  readonly sent: string[] = [];
  readonly resets: Error[] = [];
  info_: Answer<readonly string[]> = [infoOf()];
  load_: Answer<'loaded'> = 'loaded';
  closed = false;
  reorders = false;
  slots: (key: string) => number | undefined = () => 0;
  #listener: ConnectionListener | undefined;
  readonly #held = new Set<(error: Error) => void>();

  constructor(name = 'a:6379') {
    this.name = name;
  }

  open(listener: ConnectionListener): void {
    this.#listener = listener;
  }

  evalsha(
    sha: string,
    keys: readonly string[],
    args: readonly (string | number)[],
    reply: ReplyHandler,
  ): void {
    const operations: string[] = [];
    for (let i = 0; i < args.length; i += 4) operations.push(`${args[i]} ${args[i + 2]}`);
    this.commands.push({ operations, sha, keys, reply });
    this.sent.push(operations.join(', '));
  }

  load(): Promise<void> {
    this.sent.push('load');
    return this.#answer(this.load_).then(() => {});
  }

  info(): Promise<readonly string[]> {
    this.sent.push('info');
    return this.#answer(this.info_);
  }

  slotOf(key: string): number | undefined {
    return this.slots(key);
  }

  reset(cause: Error): void {
    this.resets.push(cause);
  }

  close(): void {
    this.closed = true;
  }

  /** The connection is made; what the node does about it has been done when this resolves. */
  async up(): Promise<void> {
    this.#listener?.up();
    await turn();
  }

  /** The connection is lost: all that is unanswered fails first. */
  async down(cause: Error = new Error('connection lost')): Promise<void> {
    for (const command of this.commands) this.#reply(command, cause, undefined);
    for (const fail of this.#held) fail(cause);
    this.#held.clear();
    this.#listener?.down(cause);
    await turn();
  }

  /** Answers a command, the latest by default, with what the script returned or with an error. */
  async answer(reply: unknown, index: number = this.commands.length - 1): Promise<void> {
    const command = this.commands[index];
    if (!command) throw new Error(`no command ${index}`);
    if (reply instanceof Error) this.#reply(command, reply, undefined);
    else this.#reply(command, null, reply);
    await turn();
  }

  #reply(command: Command, error: Error | null, reply: unknown): void {
    const { reply: handler } = command;
    command.reply = undefined;
    handler?.(error, reply);
  }

  #answer<T>(answer: Answer<T>): Promise<T> {
    if (answer === 'hold') return new Promise((_, reject) => this.#held.add(reject));
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  }
}

export interface NodeOver {
  readonly node: RedisNode;
  readonly connection: FakeConnection;
  readonly clock: ManualClock;
  /** The replies that requests of {@link ask} got, in order, as `token kind`. */
  readonly replies: string[];
  /** Asks for a lock on the key k under that token. */
  readonly ask: (verb: 'grant' | 'extend' | 'release', token: string, wanted?: () => boolean) => void;
}

/** A Redis node over a fake connection: 2 s for the first contact, suspect after 1 s without an answer. */
export function nodeOver(plan: { connection?: FakeConnection; servers?: Servers } = {}): NodeOver {
  const { connection = new FakeConnection(), servers = new Servers() } = plan;
  const clock = new ManualClock(1_000);
  const node = new RedisNode({ connection, clock, servers, connectTimeout: 2_000, patience: 1_000 });
  const replies: string[] = [];
  return {
    node,
    connection,
    clock,
    replies,
    ask: (verb, ownerToken, wanted = () => true) =>
      node[verb]({ keys: ['k'], ownerToken, ttl: 1_000, wanted }, (reply: { kind: string }) =>
        replies.push(`${ownerToken} ${reply.kind}`),
      ),
  };
}

/** The same, with a server that was found fit; nothing that it was sent until then is on record. */
export async function admittedNode(plan: Parameters<typeof nodeOver>[0] = {}): Promise<NodeOver> {
  const over = nodeOver(plan);
  await over.connection.up();
  over.connection.sent.length = 0;
  return over;
}
