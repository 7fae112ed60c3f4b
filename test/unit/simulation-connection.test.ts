import { describe, expect, it } from 'vitest';
import { inboxOf } from '../../src/node/inbox.ts';
import { ScriptInput } from '../../src/node/redis/encode.ts';
import type { RedisSubscriber } from '../../src/node/redis/redis-connection.ts';
import { grantScript } from '../../src/node/redis/scripts/script.ts';
import { emptyHistory } from '../support/checker/history.ts';
import { runEvents } from '../support/simulation/by-hand.ts';
import { type ConnectionPlan, SimulatedConnection } from '../support/simulation/connection.ts';
import { Process } from '../support/simulation/process.ts';
import { Server } from '../support/simulation/server.ts';
import { Timeline } from '../support/simulation/timeline.ts';
import { Way } from '../support/simulation/way.ts';
import { wordOf } from '../support/wire-format.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SCRIPT = grantScript('any');

/** Chance always has it this way. */
const fraction = (): number => 0;

/** A client, a server that knows the script, and 10 ms between them, each way; pauses are as short as can be. */
class Bench {
  readonly timeline = new Timeline();
  readonly history = emptyHistory(1);
  readonly process: Process;
  readonly server: Server;
  readonly way: Way;
  readonly feed: Way;
  readonly connection: SimulatedConnection;
  readonly heard: string[] = [];

  constructor(also: Partial<ConnectionPlan> = {}) {
    const { timeline, history } = this;
    const clock = { timeline, rate: 1, origin: 0 };
    this.process = new Process({ ...clock, id: 0, fraction, pauses: history.pauses });
    this.server = new Server({ ...clock, index: 0, history, saveInterval: 0, age: 0, keys: [] });
    this.server.load(SCRIPT.text);
    this.way = new Way({ least: 10, span: 0 }, fraction);
    this.feed = new Way({ least: 10, span: 0 }, fraction);
    const { process, server, way, feed } = this;
    this.connection = new SimulatedConnection({
      timeline,
      history,
      process,
      server,
      way,
      feed,
      fraction,
      connectTimeout: 300,
      patience: 1_000,
      ...also,
    });
  }

  hear(what: string): void {
    this.heard.push(`${Math.round(this.process.time)}: ${what}`);
  }

  /** Connects at 0, and asks for INFO whenever it is up, as a node does. */
  open(): this {
    return this.at(0, () =>
      this.connection.open({
        up: () => {
          this.hear('up');
          void this.connection.masters()[0]?.info();
        },
        parted: () => this.hear('parted'),
        down: ({ message }) => this.hear(`down: ${message}`),
      }),
    );
  }

  /** Listens from 100 on. */
  listen(): this {
    let subscriber: RedisSubscriber;
    return this.at(100, () => {
      subscriber = this.connection.subscriberTo();
      subscriber.open({
        up: () => subscriber.subscribe(inboxOf('name'), (error) => this.hear(error?.message ?? 'listens')),
        down: () => this.hear('deaf'),
        message: () => this.hear('told'),
      });
    });
  }

  at(time: number, run: () => void): this {
    this.process.at(time, run);
    return this;
  }

  meanwhile(time: number, run: () => void): this {
    this.timeline.at(time, run);
    return this;
  }

  /** The client asks for a grant under that token, which is a key as well. */
  grantAt(time: number, token: string): this {
    return this.at(time, () => {
      const master = this.connection.masterOf();
      if (master instanceof Error) this.hear(`${token}: ${master.message}`);
      else
        master.evalsha(
          SCRIPT.sha,
          new ScriptInput([token], [1_000, 'grant', 1, token, 100_000, '']),
          (error, reply) => {
            this.hear(`${token}: ${error ? error.message : wordOf('grant', (reply as unknown[])[0])}`);
          },
        );
    });
  }

  async run(until = 1_000): Promise<string[]> {
    await runEvents(this.timeline, until);
    return this.heard;
  }
}

describe('a simulated connection', () => {
  it('is the product’s, over links', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    expect(await bench.run()).toEqual(['20: up', '120: a: granted']);
    expect(bench.connection.name).toBe('n0');
    expect(bench.history.exchanges).toMatchObject([{ token: 'a', sentAt: 100, executedAt: 110 }]);
  });

  it('writes down what it said that no call has asked for, tries to connect included', async () => {
    const bench = new Bench().open();
    await bench.run();
    expect(bench.history.extras.map(({ at, what }) => `${Math.round(at)}: ${what}`)).toEqual([
      '0: look',
      '20: connection',
      '20: look',
    ]);
  });

  it('says whether it reorders', () => {
    expect(new Bench({ detours: true }).connection.reorders).toBe(true);
    expect(new Bench().connection.reorders).toBe(false);
  });

  it('is made again after a pause when it breaks, and was not to be counted on meanwhile', async () => {
    const bench = new Bench().open().grantAt(400, 'a');
    bench.at(405, () => bench.connection.break('main'));
    expect(await bench.run()).toEqual([
      '20: up',
      '405: a: read ECONNRESET',
      '405: parted',
      '405: down: read ECONNRESET',
      '475: up',
    ]);
    expect(bench.history.disturbances).toMatchObject([{ node: 0, client: 0, from: 405 }]);
    expect(bench.history.disturbances[0]?.to).toBeCloseTo(495, 0);
  });

  it('is made again at once when it is ended while it is idle, and what waits is sent then', async () => {
    const bench = new Bench().open().meanwhile(400, () => bench.connection.end('main'));
    bench.grantAt(415, 'a');
    expect(await bench.run()).toEqual(['20: up', '410: parted', '430: up', '450: a: granted']);
    // Sent as soon as the connection had it.
    expect(bench.history.exchanges).toMatchObject([{ sentAt: 415 }]);
    expect(bench.history.exchanges[0]?.executedAt).toBeCloseTo(440, 0);
  });

  it('finds out that a firewall has forgotten it when it asks for something', async () => {
    const bench = new Bench().open().meanwhile(400, () => bench.connection.forget('main'));
    expect(await bench.grantAt(500, 'a').run(3_000)).toEqual([
      '20: up',
      '1600: a: no answer for 1000 ms',
      '1600: parted',
      '1600: down: no answer for 1000 ms',
      '1670: up',
    ]);
    expect(bench.history.disturbances).toMatchObject([{ node: 0, client: 0, from: 400 }]);
    expect(bench.history.disturbances[0]?.to).toBeCloseTo(1_690, 0);
  });

  it('finds out by itself, later', async () => {
    const bench = new Bench().open().meanwhile(400, () => bench.connection.forget('main'));
    expect((await bench.run(30_000)).slice(1)).toEqual([
      '21120: parted',
      '21120: down: no answer for 1000 ms',
      '21190: up',
    ]);
  });

  it('gives up a link that is not made, and makes another', async () => {
    const bench = new Bench();
    bench.way.disturb({ from: 0, to: 5, direction: 'up', delay: NEVER });
    expect(await bench.open().run()).toEqual(['300: down: no connection within 300 ms', '370: up']);
  });

  it('hears that its server crashed, as does what listens', async () => {
    const bench = new Bench().open().listen();
    bench.meanwhile(400, () => {
      bench.server.crash(true);
      bench.connection.serverCrashed();
    });
    expect((await bench.run(450)).slice(0, 4)).toEqual([
      '20: up',
      '140: listens',
      '410: parted',
      '410: deaf',
    ]);
  });

  it('leaves nothing behind when it is closed', async () => {
    const bench = new Bench().open().at(400, () => bench.connection.close());
    expect(await bench.run()).toEqual(['20: up']);
    expect(bench.timeline.pending).toEqual([]);
  });
});

describe('what a simulated connection listens with', () => {
  it('goes another way', async () => {
    const bench = new Bench().open();
    bench.way.disturb({ from: 90, to: 2_000, direction: 'both', delay: NEVER });
    expect(await bench.listen().run()).toEqual(['20: up', '140: listens']);
  });

  it.each(['break', 'end'] as const)('ends by itself (%s)', async (how) => {
    const bench = new Bench().open().listen();
    bench.at(500, () => bench.connection[how]('feed'));
    expect((await bench.run()).slice(2)).toEqual([
      how === 'break' ? '500: deaf' : '510: deaf',
      how === 'break' ? '540: listens' : '550: listens',
    ]);
  });

  it('is forgotten by a firewall without a word', async () => {
    const bench = new Bench().open().listen();
    bench.at(500, () => bench.connection.forget('feed'));
    expect((await bench.run()).slice(2)).toEqual([]);
  });
});
