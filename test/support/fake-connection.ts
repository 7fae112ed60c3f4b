import { createHash } from 'node:crypto';
import type { ReplyHandler } from '../../src/link/link.ts';
import { ColdStart } from '../../src/node/redis/cold-start.ts';
import { Encoder, type ScriptInput } from '../../src/node/redis/encode.ts';
import { quarantineOf, type RestartGuard } from '../../src/node/redis/quarantine.ts';
import type {
  ConnectionListener,
  Master,
  RedisConnection,
  RedisSubscriber,
} from '../../src/node/redis/redis-connection.ts';
import { RedisNode } from '../../src/node/redis/redis-node.ts';
import { allButGrants, gateScript, grantScript } from '../../src/node/redis/scripts/script.ts';
import { parseInfo } from '../../src/node/redis/server-info.ts';
import { Servers } from '../../src/node/redis/servers.ts';
import { ManualClock } from './manual-clock.ts';
import { turn } from './peek.ts';
import { onWire, requestsOf } from './wire-format.ts';

interface Command {
  /** The operations in it, such as `grant t1`. */
  readonly operations: readonly string[];
  readonly sha: string;
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  reply: ReplyHandler | undefined;
}

/** `hold`: none, until the connection is lost. */
type Answer<T> = T | Error | 'hold' | Promise<T>;

/** INFO of a server that is fit to hold locks, and has been running for so long that it remembers all of them. */
export function infoOf(fields: Record<string, string> = {}): string {
  const all = {
    redis_version: '7.0.15',
    run_id: 'run-1',
    uptime_in_seconds: '1000000',
    loading: '0',
    role: 'master',
    master_replid: 'replid-1',
    second_repl_offset: '-1',
    maxmemory: '0',
    maxmemory_policy: 'noeviction',
    server_time_usec: '1700000000000000',
    ...fields,
  };
  return `# Server\r\n${Object.entries(all)
    .map(([name, value]) => `${name}:${value}\r\n`)
    .join('')}`;
}

/** The names of the scripts by which a server with that INFO grants, and says that it remembers. */
export function scriptsOf(info: string): { readonly grants: string; readonly gate: string } {
  const { incarnation } = parseInfo(info);
  return { grants: grantScript(incarnation).sha, gate: gateScript(incarnation).sha };
}

function sha1(text: string): string {
  return createHash('sha1').update(text).digest('hex');
}

function kindOf(script: string): string {
  if (script === allButGrants.text) return 'all but grants';
  return script.includes('remembers its locks') ? 'gate' : 'grants';
}

/** A connection whose server is the test: it says when the connection is up and down, and answers each command. */
export class FakeConnection implements RedisConnection {
  readonly name: string;
  readonly commands: Command[] = [];
  /**
   * What was sent, in order: `info`, `exists`, `load` with what (`gate`, `grants`, `all but grants`), or the
   * operations of a command.
   */
  readonly sent: string[] = [];
  readonly resets: Error[] = [];
  /** What the masters answer to INFO; so many there are. */
  info_: Answer<readonly string[]> = [infoOf()];
  exists_: Answer<readonly boolean[]> | undefined;
  load_: Answer<'loaded'> = 'loaded';
  clusterSize: Answer<number | undefined> = undefined;
  /** Whether the user has all permissions, so that brief commands are sent. */
  permits = false;
  /** What the masters answer to TIME; by default nothing. */
  time_: (() => readonly [string, string] | Error) | undefined;
  /** Called with the arguments of each question for permissions. */
  onPermits: (args: readonly (string | number)[]) => void = () => {};
  closed = false;
  reorders = false;
  isSharded = false;
  slots: (key: string) => number = () => 0;
  /** Which of the masters a redirection points to, by its number. */
  redirection: number | undefined;
  /** Which of the masters has a key, by its number; undefined if that is not known. */
  place: (key: string) => number | undefined = () => 0;
  #listener: ConnectionListener | undefined;
  #isUp = false;
  #masters: Master[] = [];
  readonly #scripts: Set<string>[] = [];
  readonly #held = new Set<(error: Error) => void>();

  constructor(name = 'a:6379') {
    this.name = name;
  }

  open(listener: ConnectionListener): void {
    this.#listener = listener;
  }

  #evalsha(sha: string, { keys, args }: ScriptInput, reply: ReplyHandler): void {
    if (args[0] === 'permits') {
      this.onPermits(args);
      reply(null, this.permits ? 1 : 0);
      return;
    }
    const operations = requestsOf(keys, args).map(({ operation, token }) => `${operation} ${token}`);
    this.commands.push({ operations, sha, keys, args, reply });
    this.sent.push(operations.join(', '));
  }

  masters(): readonly Master[] {
    if (!this.#isUp) return [];
    const many = Array.isArray(this.info_) ? this.info_.length : 1;
    while (this.#masters.length < many) this.#masters.push(this.#master(this.#masters.length));
    return this.#masters.slice(0, many);
  }

  masterOf(key: string): Master | Error {
    const place = this.place(key);
    const master = place === undefined ? undefined : this.masters()[place];
    return master ?? new Error('no master is known');
  }

  redirected(): Master | undefined {
    return this.redirection === undefined ? undefined : this.masters()[this.redirection];
  }

  slotOf(key: string): number {
    return this.slots(key);
  }

  sharded(): void {
    this.isSharded = true;
  }

  publisherOf(key: string): string | undefined {
    const master = this.masterOf(key);
    return master instanceof Error ? undefined : master.name;
  }

  subscriberTo(): RedisSubscriber {
    throw new Error('nobody listens in this test');
  }

  reset(cause: Error): void {
    this.resets.push(cause);
  }

  close(): void {
    this.closed = true;
  }

  /** The names of the scripts that a master has. They outlive the connection, and a restart takes them. */
  scripts(place = 0): Set<string> {
    const scripts = this.#scripts[place] ?? new Set();
    this.#scripts[place] = scripts;
    return scripts;
  }

  /** Another server is there from now on, or the same after a restart: without scripts. */
  replace(...infos: string[]): void {
    this.#scripts.length = 0;
    this.info_ = infos;
  }

  /** The connections to all masters break, and are made again; the node is not told, as on a Redis Cluster. */
  renew(): void {
    this.#masters = [];
  }

  /** The connection is made; what the node does about it has been done when this resolves. */
  async up(): Promise<void> {
    this.connect();
    await turn();
  }

  /** The connection is made, and nothing else has happened yet. */
  connect(): void {
    this.#isUp = true;
    this.#listener?.up();
  }

  /** The connection is lost: all that is unanswered fails first. */
  async down(cause: Error = new Error('connection lost')): Promise<void> {
    for (const command of this.commands) this.#reply(command, cause, undefined);
    for (const fail of this.#held) fail(cause);
    this.#held.clear();
    const wasUp = this.#isUp;
    this.#isUp = false;
    this.#masters = [];
    if (wasUp) this.#listener?.parted();
    this.#listener?.down(cause);
    await turn();
  }

  /** Answers a command, the latest by default, with what the script returned or with an error. */
  async answer(reply: unknown, index: number = this.commands.length - 1): Promise<void> {
    const command = this.commands[index];
    if (!command) throw new Error(`no command ${index}`);
    if (reply instanceof Error) this.#reply(command, reply, undefined);
    else this.#reply(command, null, Array.isArray(reply) ? reply.map(onWire) : reply);
    await turn();
  }

  #master(place: number): Master {
    const send = async <T>(what: string, answer: () => Answer<T>): Promise<T> => {
      if (this.#masters[place] !== master) throw new Error('this connection is lost');
      this.sent.push(what);
      return this.#answer(answer());
    };
    const has = (sha: string): boolean => this.scripts(place).has(sha);
    const master: Master = {
      name: `${this.name} ${place}`,
      evalsha: (sha, input, reply) => this.#evalsha(sha, input, reply),
      info: async () => (await send('info', () => this.info_))[place] ?? '',
      hasScripts: (shas) => send('exists', () => this.exists_ ?? shas.map(has)),
      load: async (script) => {
        await send(`load ${kindOf(script)}`, () => this.load_);
        this.scripts(place).add(sha1(script));
      },
      clusterSize: () => send('cluster info', () => this.clusterSize),
      time: (reply) => {
        this.sent.push('time');
        const time = this.time_?.();
        if (time instanceof Error) reply(time, undefined);
        else if (time) reply(null, time);
      },
    };
    return master;
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
  /** How often the node said that it has begun to vote, or may have. */
  readonly voting: () => number;
  /** Asks for a lock on the key k under that token, without fencing; `confirm` raises its counter to 7. */
  readonly ask: (
    verb: 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'inspect',
    token: string,
    wanted?: () => boolean,
  ) => void;
}

export interface NodeOverPlan {
  readonly connection?: FakeConnection;
  readonly servers?: Servers;
  readonly clock?: ManualClock;
  readonly guard?: RestartGuard;
  readonly coldStart?: ColdStart;
}

/** How long a server in quarantine does not vote, by {@link nodeOver}. */
export const QUARANTINE: number = quarantineOf(10_000, 0.01);

/** For how long a release of {@link nodeOver} reserves a key for the first in line. */
const RESERVATION = 30;

/** For how long a node of {@link nodeOver} keeps counters. */
export const RETENTION = 3_600_000;

/**
 * A Redis node over a fake connection: 2 s for the first contact, a quarantine of 11.1 s. Not by itself will it take new servers for a cold start.
 */
export function nodeOver(plan: NodeOverPlan = {}): NodeOver {
  const {
    connection = new FakeConnection(),
    servers = new Servers(),
    clock = new ManualClock(1_000),
    guard = 'auto',
    coldStart = new ColdStart(false),
  } = plan;
  let voting = 0;
  const node = new RedisNode({
    connection,
    clock,
    servers,
    coldStart,
    guard,
    quarantine: QUARANTINE,
    startPause: 50,
    keyPrefix: '',
    encoder: new Encoder(RETENTION),
    sampleKeys: ['sample'],
    connectTimeout: 2_000,
  });
  node.start();
  node.onVoting(() => voting++);
  const replies: string[] = [];
  return {
    node,
    connection,
    clock,
    replies,
    voting: () => voting,
    ask: (verb, ownerToken, wanted = () => true) => {
      const note = (reply: { kind: string }): unknown => replies.push(`${ownerToken} ${reply.kind}`);
      const holding = { keys: ['k'], ownerToken };
      if (verb === 'inspect') node.inspect('k', note);
      else if (verb === 'confirm') node.confirm({ ...holding, fencingToken: 7, wanted }, note);
      else if (verb === 'release')
        node.release({ ...holding, afterwards: 'serve', reservation: RESERVATION, longestTtl: 60_000 }, note);
      else node[verb]({ ...holding, ttl: 1_000, wanted }, note);
    },
  };
}

/** The same, with a server that was found fit; nothing that it was sent until then is on record. */
export async function admittedNode(plan: NodeOverPlan = {}): Promise<NodeOver> {
  const over = nodeOver(plan);
  await over.connection.up();
  over.connection.sent.length = 0;
  return over;
}
