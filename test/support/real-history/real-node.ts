import { appendFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isReservation } from '../../../src/node/inbox.ts';
import type { History } from '../checker/history.ts';
import { onFreePort } from '../free-port.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { Feed, type Resp } from './feed.ts';
import { WallClock } from './wall-clock.ts';
import { Wires } from './wire.ts';
import { isLock, type Standing, Witness } from './witness.ts';

/** All keys of a server that are strings, fencing counters too: name, value, and time to live. */
const LIST = `
local list = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TYPE', key).ok == 'string' then
    list[#list + 1] = {key, redis.call('GET', key), redis.call('PTTL', key)}
  end
end
return list`;

/** A server keeps what it has answered, also when it is killed in the next moment. */
const DURABLE = { appendonly: 'yes', appendfsync: 'always' };

type State = 'up' | 'paused' | 'down';

/**
 * A real server with a witness at its side from before its first client until after its last. Its faults come one
 * after the other, and those that make no sense in the state that it is in do not come.
 */
export class RealNode {
  readonly server: RedisServer;
  readonly wires: Wires = new Wires();
  readonly witness: Witness;
  readonly #node: number;
  readonly #history: History;
  readonly #wallClock = new WallClock();
  #feed: Feed | undefined;
  #state: State = 'up';
  #failing = false;
  #diedAt = 0;
  #echoes = 0;
  #firstWithoutScripts = Number.POSITIVE_INFINITY;
  #last: Promise<void> = Promise.resolve();

  private constructor(server: RedisServer, node: number, history: History) {
    const { wires } = this;
    this.server = server;
    this.#node = node;
    this.#history = history;
    this.witness = new Witness({ node, history, wires, wallClock: this.#wallClock });
  }

  static async start(node: number, history: History): Promise<RealNode> {
    const server = await startRedis({ config: DURABLE });
    const self = new RealNode(server, node, history);
    try {
      self.#feed = await Feed.open(server.port, self.witness);
      await self.#wallClock.compare(self.#feed);
      await self.#feed.watch();
      return self;
    } catch (error) {
      await self.stop();
      throw error;
    }
  }

  /** When it was restarted, or its scripts were flushed, for the first time. */
  get firstWithoutScripts(): number {
    return this.#firstWithoutScripts;
  }

  pause(): void {
    this.#when('up', () => {
      this.server.pause();
      this.#state = 'paused';
    });
  }

  resume(): void {
    this.#when('paused', () => {
      this.server.resume();
      this.#state = 'up';
    });
  }

  /** Dies in the midst of whatever it does. */
  crash(): void {
    this.#then(async () => {
      if (this.#state === 'down') return;
      this.#state = 'down';
      this.#failing = false;
      await this.server.kill();
      this.#diedAt = performance.now();
      // What it has shown before its death is still to be read.
      await this.#feed?.ended;
    });
  }

  restart(memory: 'kept' | 'lost'): void {
    this.#when('down', async () => {
      const { restarts, counterLosses, guard } = this.#history;
      const at = performance.now();
      // One that nobody has ever admitted has nothing to forget.
      restarts.push({ node: this.#node, at, isLossy: memory === 'lost' && this.witness.hasSeenVotes });
      this.#noteScriptsGone();
      if (memory === 'lost') {
        await rm(join(this.server.dir, 'appendonlydir'), { recursive: true, force: true });
        this.witness.forget(at);
        counterLosses.push({ at, isMadeUpFor: guard !== 'off' });
      }
      await this.#restartUnseen();
      this.#state = 'up';
    });
  }

  /** Answers every attempt to write with an error, or does not any more. */
  fail(failing: boolean): void {
    this.#when('up', async () => {
      await this.server.cli('CONFIG', 'SET', 'min-replicas-to-write', failing ? 1 : 0);
      this.#failing = failing;
    });
  }

  flushScripts(): void {
    this.#when('up', () => {
      this.#noteScriptsGone();
      return this.server.cli('SCRIPT', 'FLUSH');
    });
  }

  /** All keys are gone. */
  forget(): void {
    this.#when('up', async () => {
      if (this.#failing) return;
      this.#history.counterLosses.push({ at: performance.now(), isMadeUpFor: false });
      await this.server.cli('FLUSHALL');
    });
  }

  /** One key is gone before its time. */
  drop(which: number): void {
    this.#when('up', async () => {
      const standing = this.witness.standing();
      const seen = standing[which % standing.length];
      if (seen && !this.#failing) await this.server.cli('DEL', seen.vote.key);
    });
  }

  /** Ends a client's connection, if it has one. */
  break(client: number): void {
    this.#when('up', async () => {
      const address = this.wires.addressOf(client);
      if (address) await this.server.cli('CLIENT', 'KILL', 'ADDR', address, 'SKIPME', 'yes');
    });
  }

  /** Resolves when all faults so far have come. */
  get idle(): Promise<void> {
    return this.#last;
  }

  /** Resolves when the witness has seen everything that the server had done before. */
  async seen(): Promise<void> {
    const word = `echo ${++this.#echoes}`;
    const seen = this.witness.echo(word);
    await this.server.cli('ECHO', word);
    await seen;
  }

  /** Compares what the witness believes to stand with what the server really has. */
  async examine(): Promise<void> {
    const listed = standingOf(await this.server.cli('EVAL', LIST, 0));
    const believed = this.witness.standing();
    for (const { key, token } of listed) {
      if (believed.some(({ vote }) => vote.key === key && vote.token === token)) continue;
      this.#history.leftovers.push(`${key} of ${token} on ${this.server.port}, which nobody saw being set`);
    }
  }

  closeFeed(): void {
    this.#feed?.close();
  }

  async stop(): Promise<void> {
    this.closeFeed();
    await this.server.stop();
  }

  /** First on a port that no client knows; what is known when it gets back to its own misses nothing. */
  async #restartUnseen(): Promise<void> {
    const { server, witness } = this;
    const feed = await onFreePort(async (port) => {
      await appendFile(join(server.dir, 'redis.conf'), `port ${port}\n`);
      await server.restart();
      return Feed.open(port, witness);
    });
    this.#feed = feed;
    await this.#wallClock.compare(feed);
    witness.recall(standingOf(await feed.request('EVAL', LIST, '0')), this.#diedAt);
    await feed.watch();
    await feed.request('CONFIG', 'SET', 'port', String(server.port));
  }

  #noteScriptsGone(): void {
    this.#firstWithoutScripts = Math.min(this.#firstWithoutScripts, performance.now());
  }

  #when(state: State, run: () => unknown): void {
    this.#then(async () => {
      if (this.#state === state) await run();
    });
  }

  #then(run: () => Promise<void>): void {
    this.#last = this.#last.then(run);
    // Whoever waits for `idle` hears of it.
    this.#last.catch(() => {});
  }
}

function standingOf(listed: Resp): Standing[] {
  const entries = listed as [string, string, number][];
  return entries.flatMap(([key, token, ttl]) =>
    isLock(key) && !isReservation(token) ? [{ key, token, ttl }] : [],
  );
}
