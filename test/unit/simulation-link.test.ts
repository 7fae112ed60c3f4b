import { describe, expect, it } from 'vitest';
import { inboxOf } from '../../src/node/inbox.ts';
import { grantScript } from '../../src/node/redis/scripts/script.ts';
import { type Exchange, emptyHistory, type Operation } from '../support/checker/history.ts';
import { runEvents } from '../support/simulation/by-hand.ts';
import { type Mishap, SimulatedLink } from '../support/simulation/link.ts';
import { Process } from '../support/simulation/process.ts';
import { Recorder } from '../support/simulation/recorder.ts';
import { Server } from '../support/simulation/server.ts';
import { Timeline } from '../support/simulation/timeline.ts';
import { type Latency, Way } from '../support/simulation/way.ts';
import { tokenOf } from '../support/token.ts';
import { type Request, wordOf } from '../support/wire-format.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SCRIPT = grantScript('any');
const NAME = tokenOf(0, 1);
const INBOX = inboxOf(NAME);

/** What chance decides when a link breaks: a request on its way is lost, or is executed all the same. */
const LOST = 0;
const EXECUTED = 0.999;

interface Setting {
  readonly chance?: number;
  readonly detours?: boolean;
  readonly authenticates?: boolean;
  readonly latency?: Latency;
}

/** A client, a server that knows the script, and 10 ms between them, each way. */
class Bench {
  /** What all chances are from now on, in [0, 1). */
  chance: number;
  mishap: Mishap = {};
  readonly timeline = new Timeline();
  readonly history = emptyHistory(1);
  readonly process: Process;
  readonly server: Server;
  readonly way: Way;
  readonly heard: string[] = [];
  readonly #setting: Setting;
  #link: SimulatedLink | undefined;

  constructor(setting: Setting = {}) {
    this.#setting = setting;
    this.chance = setting.chance ?? LOST;
    const { timeline, history } = this;
    const fraction = (): number => this.chance;
    const clock = { timeline, rate: 1, origin: 0 };
    this.process = new Process({ ...clock, id: 0, fraction, pauses: history.pauses });
    this.server = new Server({ ...clock, index: 0, history, saveInterval: 0, age: 0, keys: [] });
    this.server.load(SCRIPT.text);
    this.way = new Way(setting.latency ?? { least: 10, span: 0 }, fraction);
  }

  get link(): SimulatedLink {
    return this.#link as SimulatedLink;
  }

  hear(what: string): void {
    this.heard.push(`${Math.round(this.process.time)}: ${what}`);
  }

  /** Connects at 0; unless the network is disturbed, it is up at 20. */
  open(): this {
    const { detours = false, authenticates = false } = this.#setting;
    const { timeline, history, process, server, way } = this;
    const fraction = (): number => this.chance;
    return this.at(0, () => {
      const recorder = new Recorder({ timeline, history, process, server }, true);
      const mishap = (): Mishap => this.mishap;
      this.#link = new SimulatedLink(
        { timeline, process, server, way, fraction, detours, authenticates, recorder, mishap },
        {
          connected: () => {
            if (authenticates) this.hear('connected');
          },
          up: () => this.hear('up'),
          down: ({ message }) => this.hear(`down: ${message}`),
          message: (channel, text) => {
            expect(channel).toBe(INBOX);
            this.hear(`told ${text}`);
          },
          moved: () => expect.unreachable(),
        },
      );
    });
  }

  /** The client does something. */
  at(time: number, run: () => void): this {
    this.process.at(time, run);
    return this;
  }

  /** The client asks for a grant under that token, which is a key as well. */
  grantAt(time: number, token: string): this {
    return this.at(time, () => this.grant(token));
  }

  grant(token: string): void {
    const command = ['EVALSHA', SCRIPT.sha, 1, token, 1_000, 'grant', 1, token, 100_000, ''];
    this.link.send(command, (error, reply) => {
      this.hear(`${token}: ${error ? error.message : wordOf('grant', (reply as unknown[])[0])}`);
    });
  }

  ask(...command: string[]): void {
    this.link.send(command, (error, reply) => this.hear(error ? error.message : JSON.stringify(reply)));
  }

  subscribe(): void {
    this.link.subscribe(INBOX, (error) => this.hear(error ? error.message : 'subscribed'));
  }

  /** It comes to be its turn for that key, which another has had: it is told, unless that is not its name. */
  turn(time: number, key: string, name = NAME): this {
    return this.meanwhile(time, () => {
      this.#run('grant', key, { token: 'other' });
      this.#run('grant', key, { waiter: { name, key, since: 0 } });
      this.#run('release', key, { token: 'other' });
    });
  }

  /** Something happens to the world. */
  meanwhile(time: number, run: () => void): this {
    this.timeline.at(time, run);
    return this;
  }

  async run(until = 1_000): Promise<string[]> {
    await runEvents(this.timeline, until);
    return this.heard;
  }

  get exchanges(): { token: string; executedAt: number; answeredAt: number; overDead: boolean }[] {
    return this.history.exchanges.map(({ token, executedAt, answeredAt, overDead }) => ({
      token,
      executedAt,
      answeredAt,
      overDead,
    }));
  }

  #run(operation: Operation, key: string, also: Partial<Request>): void {
    const request: Request = {
      operation,
      keys: [key],
      token: 'own',
      ttl: operation === 'grant' ? 1_000 : 0,
      afterwards: 'serve',
      reservation: 30,
      waiter: undefined,
      fence: undefined,
      ...also,
    };
    const exchange: Exchange = {
      client: 1,
      node: 0,
      operation,
      token: request.token,
      sentAt: this.timeline.now,
      executedAt: NEVER,
      reply: '',
      answeredAt: NEVER,
      overDead: false,
      torn: false,
    };
    this.server.run(SCRIPT.sha, [{ request, exchange }], false);
  }
}

/** One that is up at 20, and listens from 40 on. */
function listening(): Bench {
  const bench = new Bench().open();
  return bench.at(20, () => bench.subscribe());
}

describe('a simulated link', () => {
  it('is up after a round trip', async () => {
    expect(await new Bench().open().run()).toEqual(['20: up']);
  });

  it('is up a round trip later if the server wants a password', async () => {
    expect(await new Bench({ authenticates: true }).open().run()).toEqual(['20: connected', '40: up']);
  });

  it('carries a request there and its answer back', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    expect(await bench.run()).toEqual(['20: up', '120: a: granted']);
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: 120, overDead: false }]);
  });

  it('writes down each operation of a command', async () => {
    const bench = new Bench().open();
    const args = [9_000, 'grant', 2, 'a', 1_000, '', 'grant', 1, 'b', 2_000, ''];
    bench.at(100, () => bench.link.send(['EVALSHA', SCRIPT.sha, 3, 'r', 's', 't', ...args], () => {}));
    await bench.run();
    expect(bench.history.exchanges).toMatchObject([
      { client: 0, node: 0, operation: 'grant', token: 'a', sentAt: 100, reply: 'granted' },
      { client: 0, node: 0, operation: 'grant', token: 'b', sentAt: 100, reply: 'granted' },
    ]);
    expect(bench.history.votes.map(({ key, until }) => `${key} until ${until}`)).toEqual([
      'r until 1110',
      's until 1110',
      't until 2110',
    ]);
  });

  it('writes down what no call has asked for', async () => {
    const bench = new Bench().open();
    bench.at(100, () => bench.ask('PING')).at(200, () => bench.subscribe());
    bench.at(300, () => bench.ask('EVALSHA', SCRIPT.sha, '1', 'a', '1000', 'release', '1', 'a', '30', ''));
    bench.at(500, () => bench.ask('EVALSHA', SCRIPT.sha, '1', 'a', '1000', 'release', '1', 'a', '30', ''));
    // A grant may be asked for again.
    await bench.grantAt(600, 'a').grantAt(700, 'a').run();
    expect(bench.history.extras.map(({ at, what }) => `${Math.round(at)}: ${what}`)).toEqual([
      '20: connection',
      '100: look',
      '200: subscription',
      '500: repetition',
    ]);
  });

  it('carries the error that the server answers with', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(50, () => bench.server.flushScripts());
    expect(await bench.run()).toEqual(['20: up', '120: a: NOSCRIPT No matching script.']);
    expect(bench.history.exchanges).toMatchObject([
      { reply: 'NOSCRIPT No matching script.', executedAt: NEVER, answeredAt: 120 },
    ]);
  });

  it('loads scripts, asks which are there, and says PING', async () => {
    const bench = new Bench().open();
    bench.server.flushScripts();
    bench.at(100, () => bench.ask('SCRIPT', 'LOAD', SCRIPT.text));
    bench.at(200, () => bench.ask('SCRIPT', 'EXISTS', SCRIPT.sha, 'other'));
    bench.at(300, () => bench.ask('PING'));
    expect((await bench.run()).slice(2)).toEqual(['220: [1,0]', '320: "PONG"']);
  });

  it('asks for INFO', async () => {
    const bench = new Bench().open().at(100, () => bench.ask('INFO'));
    expect((await bench.run())[1]).toMatch(/^120: "# Server/);
  });

  it('carries no other command', async () => {
    const bench = new Bench().open().at(100, () => expect(() => bench.ask('FLUSHALL')).toThrow('FLUSHALL'));
    await bench.run();
  });

  it('keeps the order of requests, however long each takes', async () => {
    const bench = new Bench({ latency: { least: 10, span: 100 } }).open();
    bench.at(200, () => {
      bench.chance = 0.9;
      bench.grant('slow');
      bench.chance = 0;
      bench.grant('quick');
    });
    expect(await bench.run()).toEqual(['20: up', '310: slow: granted', '310: quick: granted']);
    expect(bench.exchanges.map(({ executedAt }) => executedAt)).toEqual([300, 300]);
  });

  it('keeps the order of answers, however long each takes', async () => {
    const bench = new Bench({ latency: { least: 10, span: 100 } }).open();
    bench.grantAt(200, 'a').grantAt(205, 'b');
    bench.meanwhile(209, () => {
      bench.chance = 0.9;
    });
    bench.meanwhile(212, () => {
      bench.chance = 0;
    });
    expect(await bench.run()).toEqual(['20: up', '310: a: granted', '310: b: granted']);
  });

  it('lets requests overtake each other where they take detours', async () => {
    const bench = new Bench({ detours: true }).open();
    bench.at(100, () => {
      bench.chance = 0.2;
      bench.grant('redirected');
      bench.chance = 0.3;
      bench.grant('straight');
    });
    expect(await bench.run()).toEqual(['20: up', '120: straight: granted', '126: redirected: granted']);
  });

  it('is slower while its link is', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.way.disturb({ from: 50, to: 105, direction: 'both', delay: 30 });
    expect(await bench.run()).toEqual(['20: up', '150: a: granted']);
  });

  it('holds what is sent while it is cut, for as long as it lives', async () => {
    const bench = new Bench().open().grantAt(100, 'a').grantAt(250, 'b');
    bench.way.disturb({ from: 50, to: 200, direction: 'up', delay: NEVER });
    bench.way.disturb({ from: 255, to: 400, direction: 'down', delay: NEVER });
    expect(await bench.run()).toEqual(['20: up', '220: a: granted', '410: b: granted']);
    expect(bench.exchanges.map(({ executedAt }) => executedAt)).toEqual([210, 260]);
  });

  it('has what a paused server will read', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(50, () => bench.server.pause()).meanwhile(300, () => bench.server.resume());
    expect(await bench.run()).toEqual(['20: up', '310: a: granted']);
  });
});

describe('a simulated link that breaks', () => {
  const ECONNRESET = 'read ECONNRESET';

  it('fails what is unanswered, and is down for good', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.at(105, () => bench.link.break());
    expect(await bench.run()).toEqual(['20: up', `105: a: ${ECONNRESET}`, `105: down: ${ECONNRESET}`]);
  });

  it('tells that it is down before or after it fails what is unanswered', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    bench.at(105, () => bench.link.break());
    expect(await bench.run()).toEqual(['20: up', `105: down: ${ECONNRESET}`, `105: a: ${ECONNRESET}`]);
  });

  it('fails what is asked of it then', async () => {
    const bench = new Bench().open();
    bench.at(100, () => {
      bench.link.break();
      bench.grant('a');
      bench.hear('asked');
    });
    expect((await bench.run()).slice(2)).toEqual(['100: asked', `100: a: ${ECONNRESET}`]);
  });

  it('may lose a request that was on its way', async () => {
    const bench = new Bench({ chance: LOST }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.link.break()).run();
    expect(bench.history.exchanges).toMatchObject([
      { executedAt: NEVER, answeredAt: NEVER, reply: '', overDead: false, torn: false },
    ]);
  });

  it('may execute a request that was on its way, as one over a dead connection', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.link.break()).run();
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: NEVER, overDead: true }]);
    expect(bench.history.votes).toMatchObject([{ token: 'a', overDead: true }]);
  });

  it('loses an answer that was on its way', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    bench.at(115, () => bench.link.break());
    expect(await bench.run(200)).toEqual(['20: up', `115: down: ${ECONNRESET}`, `115: a: ${ECONNRESET}`]);
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: NEVER, overDead: false }]);
  });

  it('loses a request that a cut had held', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    bench.way.disturb({ from: 50, to: 200, direction: 'up', delay: NEVER });
    await bench.at(150, () => bench.link.break()).run();
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('may have a paused server execute a request long after it is gone', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'old');
    bench.meanwhile(50, () => bench.server.pause());
    bench.at(200, () => bench.link.break());
    bench.meanwhile(600, () => bench.server.resume());
    await bench.run();
    expect(bench.exchanges).toEqual([{ token: 'old', executedAt: 600, answeredAt: NEVER, overDead: true }]);
  });

  it('may have a paused server drop a request that nobody has read', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'old');
    bench.meanwhile(50, () => bench.server.pause());
    bench.at(200, () => bench.link.break());
    bench.meanwhile(600, () => {
      bench.chance = LOST;
      bench.server.resume();
    });
    await bench.run();
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('breaks once only, and not before it is connected', async () => {
    const bench = new Bench().open().at(5, () => bench.link.break());
    bench.at(100, () => bench.link.break()).at(100, () => bench.link.break());
    expect(await bench.run()).toEqual(['20: up', `100: down: ${ECONNRESET}`]);
  });
});

describe('a simulated link that its client cuts', () => {
  it('tells nobody anything any more', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.at(105, () => bench.link.cut()).at(106, () => bench.link.break());
    expect(await bench.run()).toEqual(['20: up']);
  });

  it.each([
    ['loses', LOST, NEVER],
    ['executes', EXECUTED, 110],
  ])('%s what was on its way', async (_, chance, executedAt) => {
    const bench = new Bench({ chance }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.link.cut()).run();
    expect(bench.exchanges).toMatchObject([{ executedAt, answeredAt: NEVER, overDead: executedAt < NEVER }]);
  });

  it.each([5, 15])('is not made any more if it was just being made (%i)', async (time) => {
    const bench = new Bench().open().at(time, () => bench.link.cut());
    expect(await bench.run()).toEqual([]);
  });
});

describe('a simulated link that cannot be made', () => {
  it.each([
    ['a SYN', 'up', 0, 5],
    ['the answer to a SYN', 'down', 8, 12],
  ] as const)('hears nothing when a cut loses %s', async (_, direction, from, to) => {
    const bench = new Bench();
    bench.way.disturb({ from, to, direction, delay: NEVER });
    expect(await bench.open().run()).toEqual([]);
  });

  it('is refused after a round trip by a machine without its server', async () => {
    const bench = new Bench();
    bench.server.crash(true);
    expect(await bench.open().run()).toEqual(['20: down: connect ECONNREFUSED']);
  });

  it('hears nothing of a machine that is down', async () => {
    const bench = new Bench();
    bench.server.crash(false);
    expect(await bench.open().run()).toEqual([]);
  });

  it('is made to a paused server, by its kernel, which checks no password', async () => {
    const bench = new Bench({ authenticates: true });
    bench.server.pause();
    bench.meanwhile(300, () => bench.server.resume());
    expect(await bench.open().run()).toEqual(['20: connected', '310: up']);
  });
});

describe('a simulated link to a server that crashes', () => {
  it('is reset by a machine that says so', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(105, () => {
      bench.server.crash(true);
      bench.link.serverCrashed();
    });
    bench.meanwhile(105.5, () => bench.server.restart('kept'));
    expect(await bench.run()).toEqual(['20: up', '115: a: read ECONNRESET', '115: down: read ECONNRESET']);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('still gets the answers that were on their way before', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(112, () => {
      bench.server.crash(true);
      bench.link.serverCrashed();
    });
    expect((await bench.run()).slice(0, 2)).toEqual(['20: up', '120: a: granted']);
  });

  it('hears nothing of it before it is up', async () => {
    const bench = new Bench().open().meanwhile(15, () => bench.link.serverCrashed());
    expect(await bench.run()).toEqual(['20: up']);
  });

  it('hears nothing of a machine that is down', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(105, () => bench.server.crash(false));
    expect(await bench.run()).toEqual(['20: up']);
  });

  it('is reset when it asks the server’s next run', async () => {
    const bench = new Bench().open();
    bench.meanwhile(50, () => {
      bench.server.crash(false);
      bench.server.restart('kept');
    });
    bench.server.load(SCRIPT.text);
    expect(await bench.grantAt(100, 'a').run()).toEqual([
      '20: up',
      '120: a: read ECONNRESET',
      '120: down: read ECONNRESET',
    ]);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });
});

describe('a simulated link that its server ends', () => {
  const CLOSED = 'the server has closed the connection';

  it('is down when the client hears of it', async () => {
    const bench = new Bench().open().meanwhile(100, () => bench.link.end());
    expect(await bench.run()).toEqual(['20: up', `110: down: ${CLOSED}`]);
  });

  it('still gets the answers that were on their way before', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(112, () => {
      bench.way.disturb({ from: 112, to: 113, direction: 'down', delay: NEVER });
      bench.link.end();
    });
    expect(await bench.run()).toEqual(['20: up', '120: a: granted', `123: down: ${CLOSED}`]);
  });

  it('executes nothing more', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(95, 'a');
    bench.meanwhile(100, () => bench.link.end());
    expect(await bench.run()).toEqual(['20: up', `110: down: ${CLOSED}`, `110: a: ${CLOSED}`]);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('is not ended by a server that does not run', async () => {
    const bench = new Bench().open().meanwhile(100, () => {
      bench.server.pause();
      bench.link.end();
    });
    expect(await bench.run()).toEqual(['20: up']);
  });
});

describe('a simulated link that a firewall forgets', () => {
  it('lets nothing through any more, and nobody is told', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(95, 'a').grantAt(110, 'b');
    bench.meanwhile(100, () => bench.link.forget());
    expect(await bench.run()).toEqual(['20: up']);
    expect(bench.exchanges.map(({ executedAt }) => executedAt)).toEqual([NEVER, NEVER]);
  });

  it('loses the answers that were on their way', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(115, () => bench.link.forget());
    expect(await bench.run()).toEqual(['20: up']);
    expect(bench.exchanges).toMatchObject([{ executedAt: 110, answeredAt: NEVER }]);
  });

  it('does not hear that its server has crashed', async () => {
    const bench = new Bench().open().meanwhile(100, () => bench.link.forget());
    bench.meanwhile(200, () => {
      bench.server.crash(true);
      bench.link.serverCrashed();
    });
    expect(await bench.run()).toEqual(['20: up']);
  });
});

describe('a simulated link of a process that is stopped', () => {
  it('has its answers wait for it', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(110, () => bench.process.pause(90, true));
    expect(await bench.run()).toEqual(['20: up', '200: a: granted']);
    expect(bench.exchanges).toMatchObject([
      { executedAt: 110, answeredAt: expect.closeTo(200, 6) as number },
    ]);
  });
});

describe('a simulated link that listens', () => {
  const LISTENING = ['20: up', '40: subscribed'];

  it('is told once it has subscribed, in order', async () => {
    const bench = listening().turn(100, 'a').turn(101, 'b');
    expect(await bench.run()).toEqual([...LISTENING, '110: told turn a', '111: told turn b']);
    expect(bench.history.messages).toMatchObject([
      { client: 0, node: 0, key: 'a', what: 'turn', publishedAt: 100, arrivedAt: [110] },
      { key: 'b', publishedAt: 101, arrivedAt: [111] },
    ]);
    expect(bench.history.subscriptions).toEqual([{ client: 0, node: 0, at: 40 }]);
  });

  it('is told from the moment on at which the server knows', async () => {
    expect(await listening().turn(29, 'a').turn(31, 'b').run()).toEqual([...LISTENING, '41: told turn b']);
  });

  it('is told nothing that is for another waiter', async () => {
    const bench = listening().turn(100, 'a', tokenOf(0, 2));
    expect(await bench.run()).toEqual(LISTENING);
  });

  it('is refused by a server that is loading', async () => {
    const bench = listening();
    bench.server.failing = 'LOADING wait';
    expect(await bench.run()).toEqual(['20: up', '40: LOADING wait']);
    expect(bench.history.subscriptions).toEqual([]);
  });

  it('is told nothing once it has unsubscribed', async () => {
    const bench = listening().at(100, () => bench.link.unsubscribe(INBOX));
    bench.turn(109, 'a').turn(111, 'b');
    expect(await bench.run()).toEqual([...LISTENING, '119: told turn a']);
  });

  it('loses what is on its way when it breaks', async () => {
    const bench = listening().turn(95, 'a').turn(109, 'b').turn(111, 'c');
    bench.at(100, () => bench.link.break());
    expect(await bench.run()).toEqual([...LISTENING, '100: down: read ECONNRESET']);
    // The server takes what it says for heard until it knows.
    expect(bench.history.messages).toMatchObject([
      { client: 0, node: 0, key: 'a', what: 'turn', publishedAt: 95, arrivedAt: [] },
      { key: 'b', publishedAt: 109, arrivedAt: [] },
    ]);
    expect(bench.server.audience.size).toBe(0);
  });

  it('is told late what a cut has held up, and in order', async () => {
    const bench = listening();
    bench.way.disturb({ from: 90, to: 150, direction: 'down', delay: NEVER });
    expect(await bench.turn(100, 'a').turn(149, 'b').run()).toEqual([
      ...LISTENING,
      '160: told turn a',
      '160: told turn b',
    ]);
  });

  it('hears nothing of a server that has died without a word, though there is a new one', async () => {
    const bench = listening().meanwhile(100, () => bench.server.crash(false));
    bench.meanwhile(150, () => {
      bench.server.restart('kept');
      bench.server.load(SCRIPT.text);
    });
    expect(await bench.turn(200, 'a').run()).toEqual(LISTENING);
  });

  it('finds out when it asks that server for something', async () => {
    const bench = listening().meanwhile(100, () => bench.server.crash(false));
    bench.meanwhile(150, () => bench.server.restart('kept')).at(200, () => bench.subscribe());
    expect(await bench.run()).toEqual([...LISTENING, '220: read ECONNRESET', '220: down: read ECONNRESET']);
  });

  it('is told when its process runs again', async () => {
    const bench = listening().meanwhile(90, () => bench.process.pause(100, true));
    expect(await bench.turn(100, 'a').run()).toEqual([...LISTENING, '190: told turn a']);
  });

  it('never hears a message that is lost, though the link lives', async () => {
    const bench = listening().turn(100, 'a').turn(200, 'b');
    bench.meanwhile(90, () => {
      bench.mishap = { isLost: true };
    });
    bench.meanwhile(150, () => {
      bench.mishap = {};
    });
    expect(await bench.run()).toEqual([...LISTENING, '210: told turn b']);
  });

  it('hears a message that is repeated twice, and what came later in between', async () => {
    const bench = listening().turn(100, 'a').turn(150, 'b');
    bench.mishap = { againAfter: 60 };
    expect(await bench.run()).toEqual([
      ...LISTENING,
      '110: told turn a',
      '160: told turn b',
      '170: told turn a',
      '220: told turn b',
    ]);
    expect(bench.history.messages[0]?.arrivedAt).toEqual([110, 170]);
  });

  it('is told nothing once it is cut, nor once the server has ended it', async () => {
    const cut = listening().turn(95, 'a');
    cut.at(100, () => cut.link.cut());
    expect(await cut.turn(110, 'b').run()).toEqual(LISTENING);
    const ended = listening().meanwhile(100, () => ended.link.end());
    expect(await ended.turn(105, 'a').run()).toHaveLength(3);
  });
});
