import { describe, expect, it } from 'vitest';
import { channelOf } from '../../src/node/channel.ts';
import { ownerOf } from '../../src/node/owner.ts';
import { grantScript } from '../../src/node/redis/scripts/script.ts';
import { type Exchange, emptyHistory, type Operation } from '../support/checker/history.ts';
import { runEvents } from '../support/simulation/by-hand.ts';
import { Link } from '../support/simulation/link.ts';
import { Process } from '../support/simulation/process.ts';
import { Server } from '../support/simulation/server.ts';
import { type Mishap, SimulatedSubscriber } from '../support/simulation/subscriber.ts';
import { Timeline } from '../support/simulation/timeline.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SCRIPT = grantScript('any');

/** Chance always has it this way. */
const fraction = (): number => 0;

/** A client that listens, a server that knows the script, and 10 ms between them, each way. */
class Bench {
  readonly timeline = new Timeline();
  readonly history = emptyHistory(1);
  readonly process: Process;
  readonly server: Server;
  readonly link: Link;
  readonly subscriber: SimulatedSubscriber;
  readonly heard: string[] = [];
  mishap: Mishap = {};

  constructor() {
    const { timeline, history } = this;
    const clock = { timeline, rate: 1, origin: 0 };
    this.process = new Process({ ...clock, id: 0, fraction, pauses: history.pauses });
    this.server = new Server({ ...clock, index: 0, history, saveInterval: 0, age: 0, keys: [] });
    this.server.load(SCRIPT.text);
    this.link = new Link({ least: 10, span: 0 }, fraction);
    const { process, server, link } = this;
    this.subscriber = new SimulatedSubscriber({
      timeline,
      history,
      process,
      server,
      link,
      fraction,
      connectTimeout: 300,
      detours: false,
      mishap: () => this.mishap,
      closed: () => this.hear('closed'),
    });
  }

  hear(what: string): void {
    this.heard.push(`${Math.round(this.process.time)}: ${what}`);
  }

  /** It connects at 0, and subscribes to `r` whenever it is up. */
  open(): this {
    const owners = new Map(['a', 'b', 'c'].map((token) => [ownerOf(token), token]));
    this.process.at(0, () =>
      this.subscriber.open({
        up: () => {
          this.hear('up');
          this.subscribe();
        },
        down: ({ message }) => this.hear(`down: ${message}`),
        message: (channel, text) => {
          expect(channel).toBe(channelOf('r'));
          this.hear(`${owners.get(text)}`);
        },
      }),
    );
    return this;
  }

  subscribe(): void {
    this.subscriber.subscribe(channelOf('r'), (error) => this.hear(error ? error.message : 'subscribed'));
  }

  /** The lock of that token comes and goes. */
  release(time: number, token: string, { key = 'r', announce = true } = {}): this {
    return this.meanwhile(time, () => {
      this.#run('grant', token, key, false);
      this.#run('release', token, key, announce);
    });
  }

  meanwhile(time: number, run: () => void): this {
    this.timeline.at(time, run);
    return this;
  }

  at(time: number, run: () => void): this {
    this.process.at(time, run);
    return this;
  }

  async run(until = 1_000): Promise<string[]> {
    await runEvents(this.timeline, until);
    return this.heard;
  }

  #run(operation: Operation, token: string, key: string, announce: boolean): void {
    const exchange: Exchange = {
      client: 1,
      node: 0,
      operation,
      token,
      sentAt: this.timeline.now,
      executedAt: NEVER,
      reply: '',
      answeredAt: NEVER,
      overDead: false,
      torn: false,
    };
    const ttl = operation === 'grant' ? 1_000 : 0;
    this.server.run(SCRIPT.sha, [{ keys: [key], ttl, announce, fence: undefined, exchange }], false);
  }
}

const LISTENING = ['20: up', '40: subscribed'];

describe('a simulated subscriber', () => {
  it('is told of releases once it has subscribed, in order', async () => {
    const bench = new Bench().open().release(100, 'a').release(101, 'b');
    expect(await bench.run()).toEqual([...LISTENING, '110: a', '111: b']);
    expect(bench.history.messages).toMatchObject([
      { client: 0, node: 0, key: 'r', token: 'a', publishedAt: 100, arrivedAt: [110] },
      { token: 'b', publishedAt: 101, arrivedAt: [111] },
    ]);
    expect(bench.history.subscriptions).toEqual([{ client: 0, node: 0, at: 40 }]);
  });

  it('is told from the moment on at which the server knows', async () => {
    expect(await new Bench().open().release(29, 'a').release(31, 'b').run()).toEqual([
      '20: up',
      '40: subscribed',
      '41: b',
    ]);
  });

  it('is told of no other key, and of nothing that is not to be told', async () => {
    const bench = new Bench().open().release(100, 'a', { key: 's' }).release(110, 'b', { announce: false });
    expect(await bench.run()).toEqual(LISTENING);
  });

  it('is told nothing once it has unsubscribed', async () => {
    const bench = new Bench().open().at(100, () => bench.subscriber.unsubscribe(channelOf('r')));
    bench.release(109, 'a').release(111, 'b');
    expect(await bench.run()).toEqual([...LISTENING, '119: a']);
  });

  it('loses what is on its way when its connection breaks, and what is said until it has subscribed again', async () => {
    const bench = new Bench()
      .open()
      .release(95, 'a')
      .at(100, () => bench.subscriber.break());
    bench.release(110, 'b').release(200, 'c');
    expect(await bench.run()).toEqual([
      ...LISTENING,
      '100: down: read ECONNRESET',
      '121: up',
      '141: subscribed',
      '210: c',
    ]);
    expect(bench.history.messages).toMatchObject([
      { token: 'a', arrivedAt: [] },
      { token: 'b', arrivedAt: [] },
      { token: 'c', arrivedAt: [210] },
    ]);
  });

  it('is told late what a cut has held up, and in order', async () => {
    const bench = new Bench().open();
    bench.link.disturb({ from: 90, to: 150, direction: 'down', delay: NEVER });
    expect(await bench.release(100, 'a').release(149, 'b').run()).toEqual([...LISTENING, '160: a', '160: b']);
  });

  it('hears nothing of a server that has died without a word, though there is a new one', async () => {
    const bench = new Bench().open().meanwhile(100, () => bench.server.crash(false));
    bench.meanwhile(150, () => {
      bench.server.restart('kept');
      bench.server.load(SCRIPT.text);
    });
    expect(await bench.release(200, 'a').run()).toEqual(LISTENING);
  });

  it('finds out when it asks that server for something', async () => {
    const bench = new Bench().open().meanwhile(100, () => bench.server.crash(false));
    bench.meanwhile(150, () => bench.server.restart('kept')).at(200, () => bench.subscribe());
    expect(await bench.run()).toEqual([
      ...LISTENING,
      '220: read ECONNRESET',
      '220: down: read ECONNRESET',
      '241: up',
      '261: subscribed',
    ]);
  });

  it('is told when its process runs again', async () => {
    const bench = new Bench().open().meanwhile(90, () => bench.process.pause(100, true));
    expect(await bench.release(100, 'a').run()).toEqual([...LISTENING, '190: a']);
  });

  it('never hears a message that is lost, though its connection lives', async () => {
    const bench = new Bench().open().release(100, 'a').release(200, 'b');
    bench.meanwhile(90, () => {
      bench.mishap = { isLost: true };
    });
    bench.meanwhile(150, () => {
      bench.mishap = {};
    });
    expect(await bench.run()).toEqual([...LISTENING, '210: b']);
  });

  it('hears a message that is repeated twice, and what came later in between', async () => {
    const bench = new Bench().open().release(100, 'a').release(150, 'b');
    bench.mishap = { againAfter: 60 };
    expect(await bench.run()).toEqual([...LISTENING, '110: a', '160: b', '170: a', '220: b']);
    expect(bench.history.messages[0]?.arrivedAt).toEqual([110, 170]);
  });

  it('is told nothing once it is closed', async () => {
    const bench = new Bench()
      .open()
      .release(95, 'a')
      .at(100, () => bench.subscriber.close());
    expect(await bench.release(110, 'b').run()).toEqual([...LISTENING, '100: closed']);
    expect(bench.server.audience.size).toBe(0);
  });
});
