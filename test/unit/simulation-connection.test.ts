import { describe, expect, it } from 'vitest';
import { grantScript } from '../../src/node/redis/scripts/script.ts';
import { emptyHistory } from '../support/checker/history.ts';
import { runEvents } from '../support/simulation/by-hand.ts';
import { SimulatedConnection } from '../support/simulation/connection.ts';
import { type Latency, Link } from '../support/simulation/link.ts';
import { Process } from '../support/simulation/process.ts';
import { Server } from '../support/simulation/server.ts';
import { Timeline } from '../support/simulation/timeline.ts';
import { wordOf } from '../support/wire-format.ts';

const NEVER = Number.POSITIVE_INFINITY;
const SCRIPT = grantScript('any');

/** What chance decides when a connection breaks: a request on its way is lost, or is executed all the same. */
const LOST = 0;
const EXECUTED = 0.999;

interface Setting {
  readonly chance?: number;
  readonly detours?: boolean;
  readonly latency?: Latency;
  readonly connectTimeout?: number;
}

/** A client, a server that knows the script, and 10 ms between them, each way. */
class Bench {
  /** What all chances are from now on, in [0, 1). */
  chance: number;
  readonly timeline = new Timeline();
  readonly history = emptyHistory(1);
  readonly process: Process;
  readonly server: Server;
  readonly link: Link;
  readonly connection: SimulatedConnection;
  readonly heard: string[] = [];

  constructor({ chance = LOST, detours = false, latency, connectTimeout = 300 }: Setting = {}) {
    this.chance = chance;
    const { timeline, history } = this;
    const fraction = (): number => this.chance;
    const clock = { timeline, rate: 1, origin: 0 };
    this.process = new Process({ ...clock, id: 0, fraction, pauses: history.pauses });
    this.server = new Server({ ...clock, index: 0, history, saveInterval: 0, age: 0, keys: [] });
    this.server.load(SCRIPT.text);
    this.link = new Link(latency ?? { least: 10, span: 0 }, fraction);
    const { process, server, link } = this;
    const plan = { timeline, history, process, server, link, fraction, connectTimeout, detours };
    this.connection = new SimulatedConnection(plan);
  }

  hear(what: string): void {
    this.heard.push(`${Math.round(this.process.time)}: ${what}`);
  }

  /** Connects at 0; unless the network is disturbed, it is up at 20. */
  open(): this {
    this.process.at(0, () =>
      this.connection.open({
        up: () => this.hear('up'),
        down: ({ message }) => this.hear(`down: ${message}`),
      }),
    );
    return this;
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
    this.connection.evalsha(SCRIPT.sha, [token], [1_000, 'grant', 1, token, 100_000, ''], (error, reply) => {
      this.hear(`${token}: ${error ? error.message : wordOf('grant', (reply as unknown[])[0])}`);
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
}

describe('a simulated connection', () => {
  it('is up after a round trip', async () => {
    expect(await new Bench().open().run()).toEqual(['20: up']);
  });

  it('carries a request there and its answer back', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    expect(await bench.run()).toEqual(['20: up', '120: a: granted']);
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: 120, overDead: false }]);
  });

  it('writes down each operation of a command', async () => {
    const bench = new Bench().open();
    const args = [9_000, 'grant', 2, 'a', 1_000, '', 'grant', 1, 'b', 2_000, ''];
    bench.at(100, () => bench.connection.evalsha(SCRIPT.sha, ['r', 's', 't'], args, () => {}));
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

  it('carries the error that the server answers with', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(50, () => bench.server.flushScripts());
    expect(await bench.run()).toEqual(['20: up', '120: a: NOSCRIPT No matching script.']);
    expect(bench.history.exchanges).toMatchObject([
      { reply: 'NOSCRIPT No matching script.', executedAt: NEVER, answeredAt: 120 },
    ]);
  });

  it('loads scripts, and asks for INFO', async () => {
    const bench = new Bench().open();
    bench.server.flushScripts();
    const [master] = bench.connection.masters();
    expect(master?.name).toBe('n0');
    bench.at(
      100,
      () =>
        void bench.connection
          .masterOf()
          .load(SCRIPT.text)
          .then(() => bench.grant('a')),
    );
    bench.at(
      200,
      () =>
        void bench.connection
          .masterOf()
          .info()
          .then((text) => bench.hear(String(text).slice(0, 8))),
    );
    bench.at(300, () => {
      const asked = bench.connection.masterOf().hasScripts([SCRIPT.sha, 'other']);
      void asked.then((known) => bench.hear(known.join()));
    });
    expect(await bench.run()).toEqual(['20: up', '140: a: granted', '220: # Server', '320: true,false']);
  });

  it('asks a server nothing over a connection that there is no more', async () => {
    const bench = new Bench().open();
    bench.at(100, () => {
      const master = bench.connection.masterOf();
      bench.connection.break();
      bench.at(500, () => {
        expect(bench.connection.masterOf()).not.toBe(master);
        master.info().catch((error: Error) => bench.hear(error.message));
      });
    });
    expect((await bench.run()).at(-1)).toBe('500: the connection was lost');
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
    bench.link.disturb({ from: 50, to: 105, direction: 'both', delay: 30 });
    expect(await bench.run()).toEqual(['20: up', '150: a: granted']);
  });

  it('holds what is sent while it is cut, for as long as it lives', async () => {
    const bench = new Bench().open().grantAt(100, 'a').grantAt(250, 'b');
    bench.link.disturb({ from: 50, to: 200, direction: 'up', delay: NEVER });
    bench.link.disturb({ from: 255, to: 400, direction: 'down', delay: NEVER });
    expect(await bench.run()).toEqual(['20: up', '220: a: granted', '410: b: granted']);
    expect(bench.exchanges.map(({ executedAt }) => executedAt)).toEqual([210, 260]);
  });

  it('has what a paused server will read', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(50, () => bench.server.pause()).meanwhile(300, () => bench.server.resume());
    expect(await bench.run()).toEqual(['20: up', '310: a: granted']);
  });

  it('fails what is asked of it before it is up, soon, but not at once', async () => {
    const bench = new Bench().open().at(5, () => {
      bench.grant('a');
      bench.hear('asked');
    });
    expect(await bench.run()).toEqual(['5: asked', '5: a: there is no connection', '20: up']);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER, answeredAt: NEVER }]);
  });
});

describe('a simulated connection that breaks', () => {
  const ECONNRESET = 'read ECONNRESET';

  it('fails what is unanswered, is down, and is made again', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.at(105, () => bench.connection.break());
    expect(await bench.run()).toEqual([
      '20: up',
      `105: a: ${ECONNRESET}`,
      `105: down: ${ECONNRESET}`,
      '126: up',
    ]);
  });

  it('tells that it is down before or after it fails what is unanswered', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    bench.at(105, () => bench.connection.break());
    expect(await bench.run(200)).toEqual(['20: up', `105: down: ${ECONNRESET}`, `105: a: ${ECONNRESET}`]);
  });

  it('is made again within a quarter of a second', async () => {
    const bench = new Bench({ chance: EXECUTED }).open();
    bench.at(100, () => bench.connection.break());
    expect(await bench.run()).toEqual(['20: up', `100: down: ${ECONNRESET}`, '371: up']);
  });

  it('may lose a request that was on its way', async () => {
    const bench = new Bench({ chance: LOST }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.connection.break()).run();
    expect(bench.history.exchanges).toMatchObject([
      { executedAt: NEVER, answeredAt: NEVER, reply: '', overDead: false, torn: false },
    ]);
  });

  it('may execute a request that was on its way, as one over a dead connection', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.connection.break()).run();
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: NEVER, overDead: true }]);
    expect(bench.history.votes).toMatchObject([{ token: 'a', overDead: true }]);
  });

  it('loses an answer that was on its way', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    bench.at(115, () => bench.connection.break());
    expect(await bench.run(200)).toEqual(['20: up', `115: down: ${ECONNRESET}`, `115: a: ${ECONNRESET}`]);
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: NEVER, overDead: false }]);
  });

  it('loses a request that a cut had held', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'a');
    bench.link.disturb({ from: 50, to: 200, direction: 'up', delay: NEVER });
    await bench.at(150, () => bench.connection.break()).run();
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('may have a paused server execute a request long after it is gone', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'old');
    bench.meanwhile(50, () => bench.server.pause());
    bench.at(200, () => bench.connection.break());
    bench.meanwhile(600, () => bench.server.resume());
    await bench.run();
    expect(bench.exchanges).toEqual([{ token: 'old', executedAt: 600, answeredAt: NEVER, overDead: true }]);
  });

  it('may have a paused server drop a request that nobody has read', async () => {
    const bench = new Bench({ chance: EXECUTED }).open().grantAt(100, 'old');
    bench.meanwhile(50, () => bench.server.pause());
    bench.at(200, () => bench.connection.break());
    bench.meanwhile(600, () => {
      bench.chance = LOST;
      bench.server.resume();
    });
    await bench.run();
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('breaks once only', async () => {
    const bench = new Bench().open();
    bench.at(100, () => bench.connection.break()).at(100, () => bench.connection.break());
    expect(await bench.run()).toEqual(['20: up', `100: down: ${ECONNRESET}`, '121: up']);
  });

  it('cannot break before it is up', async () => {
    const bench = new Bench().open().at(5, () => bench.connection.break());
    expect(await bench.run()).toEqual(['20: up']);
  });
});

describe('a simulated connection that its client resets', () => {
  const GIVEN_UP = new Error('given up');

  it('is down with that cause, a little later, and is made again', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.at(105, () => {
      bench.connection.reset(GIVEN_UP);
      bench.hear('reset');
    });
    expect(await bench.run()).toEqual([
      '20: up',
      '105: reset',
      '105: a: given up',
      '105: down: given up',
      '126: up',
    ]);
  });

  it('fails what is asked of it until it is down', async () => {
    const bench = new Bench().open().at(100, () => {
      bench.connection.reset(GIVEN_UP);
      bench.grant('a');
    });
    expect(await bench.run(110)).toEqual(['20: up', '100: a: given up', '100: down: given up']);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it.each([
    ['loses', LOST, NEVER],
    ['executes', EXECUTED, 110],
  ])('%s what was on its way', async (_, chance, executedAt) => {
    const bench = new Bench({ chance }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.connection.reset(GIVEN_UP)).run();
    expect(bench.exchanges).toMatchObject([{ executedAt, answeredAt: NEVER }]);
  });

  it('is made again once, however often it is reset', async () => {
    const bench = new Bench().open().at(100, () => {
      bench.connection.reset(GIVEN_UP);
      bench.connection.reset(GIVEN_UP);
    });
    expect(await bench.run()).toEqual(['20: up', '100: down: given up', '121: up']);
  });

  it('is made again once if it was about to be', async () => {
    const bench = new Bench({ chance: EXECUTED }).open();
    bench.at(100, () => bench.connection.break()).at(150, () => bench.connection.reset(GIVEN_UP));
    expect(await bench.run()).toEqual([
      '20: up',
      '100: down: read ECONNRESET',
      '150: down: given up',
      '421: up',
    ]);
  });

  it('begins anew if it was just being made', async () => {
    const bench = new Bench().open().at(15, () => bench.connection.reset(GIVEN_UP));
    expect(await bench.run()).toEqual(['15: down: given up', '36: up']);
  });
});

describe('a simulated connection that cannot be made', () => {
  it('loses a SYN that is sent in a cut, and tries again', async () => {
    const bench = new Bench();
    bench.link.disturb({ from: 0, to: 5, direction: 'up', delay: NEVER });
    expect(await bench.open().run()).toEqual(['300: down: no connection within 300 ms', '321: up']);
  });

  it('loses the answer to a SYN in a cut', async () => {
    const bench = new Bench();
    bench.link.disturb({ from: 8, to: 12, direction: 'down', delay: NEVER });
    expect(await bench.open().run()).toEqual(['300: down: no connection within 300 ms', '321: up']);
  });

  it('gives a later SYN 700 ms', async () => {
    const bench = new Bench();
    bench.link.disturb({ from: 0, to: 310, direction: 'up', delay: NEVER });
    expect(await bench.open().run(1_100)).toEqual([
      '300: down: no connection within 300 ms',
      '1001: down: no connection within 700 ms',
      '1022: up',
    ]);
  });

  it('ignores the answer to a SYN that comes too late', async () => {
    const bench = new Bench({ connectTimeout: 15 });
    bench.link.disturb({ from: 16, to: 20, direction: 'both', delay: 50 });
    expect(await bench.open().run()).toEqual(['15: down: no connection within 15 ms', '86: up']);
  });

  it('is refused after a round trip by a machine without its server', async () => {
    const bench = new Bench();
    bench.server.crash(true);
    bench.meanwhile(15, () => bench.server.restart('kept'));
    expect(await bench.open().run()).toEqual(['20: down: connect ECONNREFUSED', '41: up']);
  });

  it('hears nothing of a machine that is down', async () => {
    const bench = new Bench();
    bench.server.crash(false);
    bench.meanwhile(50, () => bench.server.restart('kept'));
    expect(await bench.open().run()).toEqual(['300: down: no connection within 300 ms', '321: up']);
  });

  it('is made to a paused server, by its kernel', async () => {
    const bench = new Bench();
    bench.server.pause();
    expect(await bench.open().run()).toEqual(['20: up']);
  });
});

describe('a simulated connection to a server that crashes', () => {
  it('is reset by a machine that says so', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(105, () => {
      bench.server.crash(true);
      bench.connection.serverCrashed();
    });
    bench.meanwhile(115.5, () => bench.server.restart('kept'));
    expect(await bench.run()).toEqual([
      '20: up',
      '115: a: read ECONNRESET',
      '115: down: read ECONNRESET',
      '136: up',
    ]);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });

  it('still gets the answers that were on their way before', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(112, () => {
      bench.server.crash(true);
      bench.connection.serverCrashed();
    });
    expect((await bench.run(122)).slice(0, 2)).toEqual(['20: up', '120: a: granted']);
  });

  it('hears nothing of it before it is up', async () => {
    const bench = new Bench().open().meanwhile(15, () => bench.connection.serverCrashed());
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
      '141: up',
    ]);
    expect(bench.exchanges).toMatchObject([{ executedAt: NEVER }]);
  });
});

describe('a simulated connection that is closed', () => {
  it('fails what is unanswered, is never down, and is not made again', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.at(105, () => bench.connection.close());
    expect(await bench.run()).toEqual(['20: up', '105: a: the connection is closed']);
  });

  it('still delivers what was on its way, in good order', async () => {
    const bench = new Bench({ chance: LOST }).open().grantAt(100, 'a');
    await bench.at(105, () => bench.connection.close()).run();
    expect(bench.exchanges).toEqual([{ token: 'a', executedAt: 110, answeredAt: NEVER, overDead: false }]);
  });

  it.each([5, 15])('is not made any more if it was just being made (%i)', async (time) => {
    const bench = new Bench().open().at(time, () => bench.connection.close());
    expect(await bench.run()).toEqual([]);
    expect(bench.timeline.pending).toEqual([]);
  });

  it('is not made again if it was just lost', async () => {
    const bench = new Bench().open().at(100, () => {
      bench.connection.break();
      bench.connection.close();
    });
    expect(await bench.run()).toEqual(['20: up', '100: down: read ECONNRESET']);
  });

  it('is not made again by a reset', async () => {
    const bench = new Bench().open().at(100, () => {
      bench.connection.close();
      bench.connection.reset(new Error('given up'));
    });
    expect(await bench.run()).toEqual(['20: up']);
  });

  it('is not told of a reset that came before', async () => {
    const bench = new Bench().open().at(100, () => {
      bench.connection.reset(new Error('given up'));
      bench.connection.close();
    });
    expect(await bench.run()).toEqual(['20: up']);
  });
});

describe('a simulated connection of a process that is stopped', () => {
  it('has its answers wait for it', async () => {
    const bench = new Bench().open().grantAt(100, 'a');
    bench.meanwhile(110, () => bench.process.pause(90, true));
    expect(await bench.run()).toEqual(['20: up', '200: a: granted']);
    expect(bench.exchanges).toMatchObject([
      { executedAt: 110, answeredAt: expect.closeTo(200, 6) as number },
    ]);
  });
});
