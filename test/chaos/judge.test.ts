import { describe, expect, it } from 'vitest';
import { inOrder } from './in-order.ts';
import { type JudgeOptions, judge } from './judge.ts';
import type { ClientEvent, HarnessEvent, LogEvent } from './log.ts';
import { reportOf } from './report-of.ts';

const OPTIONS: JudgeOptions = { nodes: 5, guard: 'auto', maxTtl: 2_000, limits: 'kept', store: 'guarded' };

type What<Event> = Event extends LogEvent ? Omit<Event, 'at' | 'client'> : never;

/** Logs told in a few lines. Two clients, one process each; a lock's token begins with its client's letter. */
class Logs {
  readonly events: LogEvent[] = [];
  #calls = 0;

  constructor() {
    for (const client of [0, 1])
      this.harness(0, { type: 'info', f: 'process', client, lane: client, state: 'started' });
  }

  client(token: string, at: number, what: What<ClientEvent>): this {
    this.events.push({ client: token.charCodeAt(0) - 'a'.charCodeAt(0), at, ...what });
    return this;
  }

  harness(
    at: number,
    what: HarnessEvent extends infer Event ? (Event extends HarnessEvent ? Omit<Event, 'at'> : never) : never,
  ): this {
    this.events.push({ at, ...what });
    return this;
  }

  /** It asks for a lock at once, and has it until then. */
  holds(token: string, from: number, until: number, fencingToken: number): this {
    const resources = ['r'];
    const lock = { token, resources, fencingToken, until, worth: 0, isScoped: false };
    return this.client(token, from, { type: 'info', f: 'attempt', token }).client(token, from, {
      type: 'info',
      f: 'hold',
      ...lock,
    });
  }

  givesBack(token: string, at: number): this {
    return this.client(token, at, { type: 'info', f: 'give back', token });
  }

  loses(token: string, at: number): this {
    return this.client(token, at, { type: 'info', f: 'lost', token, why: 'expired' });
  }

  calls(
    token: string,
    from: number,
    to: number | undefined,
    bound: number,
    more: { stale?: string[]; wonAt?: number } = {},
  ): this {
    const call = this.#calls++;
    const request = { f: 'acquire', call, resources: ['r'], bound, once: false, waits: true } as const;
    this.client(token, from, { type: 'invoke', ...request });
    const { wonAt = to } = more;
    if (wonAt !== undefined) this.client(token, wonAt, { type: 'info', f: 'won', call });
    if (to === undefined) return this;
    const end = { f: 'acquire', call, outcome: 'ok', extra: 0, stale: more.stale ?? [] } as const;
    return this.client(token, to, { type: 'ok', ...end });
  }

  writes(
    client: number,
    at: number,
    fencingToken: number,
    isAccepted = true,
    lost = { guarded: 0, unguarded: 0 },
  ): this {
    return this.harness(at, {
      type: 'info',
      f: 'write',
      client,
      resource: 'r',
      fencingToken,
      isAccepted,
      lost,
    });
  }

  heals(at: number): this {
    return this.harness(at, { type: 'info', f: 'healed' });
  }

  /** Which rules it breaks. */
  broken(more: Partial<JudgeOptions> = {}): string[] {
    const { violations } = judge(inOrder([this.events]), { ...OPTIONS, ...more });
    return [...new Set(violations.map(({ rule }) => rule))];
  }
}

describe('of what clients have logged', () => {
  it('nothing is wrong if they hold one after the other', () => {
    const logs = new Logs()
      .holds('a', 10, 900, 1)
      .givesBack('a', 50)
      .holds('b', 51, 900, 2)
      .givesBack('b', 90);
    expect(logs.broken()).toEqual([]);
  });

  it('two holders at once are found, and where', () => {
    const logs = new Logs()
      .holds('a', 10, 900, 1)
      .holds('b', 51, 900, 2)
      .givesBack('a', 60)
      .givesBack('b', 90);
    const { violations } = judge(logs.events, OPTIONS);
    expect(violations).toMatchObject([{ rule: 'exclusion', at: 51, lanes: ['client 1', 'client 2'] }]);
  });

  it('two holders at once are found once, however long they hold', () => {
    const logs = new Logs().holds('a', 10, 30_000, 1).holds('b', 51, 30_000, 2);
    logs.givesBack('a', 20_000).givesBack('b', 21_000);
    expect(judge(logs.events, OPTIONS).violations).toHaveLength(1);
  });

  it('two holders at once are allowed while limits are broken, and said', () => {
    const logs = new Logs()
      .holds('a', 10, 900, 1)
      .holds('b', 51, 900, 2)
      .givesBack('a', 60)
      .givesBack('b', 90);
    const { violations, allowed } = judge(logs.events, { ...OPTIONS, limits: 'broken' });
    expect([violations.length, allowed.length]).toEqual([0, 1]);
  });

  it('a validity that grew counts until its end', () => {
    const logs = new Logs()
      .holds('a', 10, 100, 1)
      .client('a', 50, { type: 'info', f: 'validity', token: 'a', until: 300 })
      .holds('b', 200, 900, 2)
      .givesBack('b', 210)
      .givesBack('a', 250);
    expect(logs.broken()).toEqual(['exclusion']);
  });

  it('a later holder with a smaller fencing token is found, also long after', () => {
    const late = 60_000;
    for (const from of [60, late]) {
      const logs = new Logs()
        .holds('a', 10, 40, 7)
        .givesBack('a', 30)
        .holds('b', from, from + 40, 6)
        .givesBack('b', from + 30);
      expect(logs.broken()).toEqual(['fenced']);
    }
  });

  it('a loss that is told late is found, unless its client was stopped', () => {
    const logs = new Logs().holds('a', 10, 100, 1).loses('a', 160);
    expect(logs.broken()).toEqual(['told']);
    logs.client('a', 102, { type: 'info', f: 'pause', to: 158, amid: false });
    expect(logs.broken()).toEqual([]);
  });

  it('a loss that is not told is found if its client was killed later, but not if nobody knows whether it ran until then', () => {
    for (const { lastWord, broken } of [
      { lastWord: 20, broken: [] },
      { lastWord: 104, broken: [] },
      { lastWord: 106, broken: ['told'] },
    ]) {
      const logs = new Logs()
        .holds('a', 10, 100, 1)
        .calls('a', lastWord, undefined, 500)
        .harness(120, { type: 'info', f: 'process', client: 0, lane: 0, state: 'killed' });
      expect(logs.broken()).toEqual(broken);
    }
  });

  it('two holders at once are found, also if one of them was killed after that, and had said nothing meanwhile', () => {
    const logs = new Logs().holds('a', 10, 900, 1).holds('b', 51, 900, 2).givesBack('b', 90);
    logs.harness(60, { type: 'info', f: 'process', client: 0, lane: 0, state: 'killed' });
    expect(logs.broken()).toEqual(['exclusion']);
  });

  it('a lock that is handed out after its end is found, unless its client was stopped in the midst of that', () => {
    const logs = new Logs()
      .client('a', 10, { type: 'info', f: 'attempt', token: 'a' })
      .holds('a', 60, 50, 1)
      .loses('a', 61);
    expect(logs.broken()).toEqual(['valid']);
    logs.client('a', 20, { type: 'info', f: 'pause', to: 62, amid: false });
    expect(logs.broken()).toEqual([]);
  });

  it('a loss that is told after the release is found', () => {
    expect(new Logs().holds('a', 10, 100, 1).givesBack('a', 50).loses('a', 99).broken()).toEqual(['quiet']);
  });

  it('a call that returns while a lock is over is found, unless its client was stopped in the midst of that', () => {
    const logs = new Logs().calls('a', 10, 20, 50, { stale: ['a1'] });
    expect(logs.broken()).toEqual(['told first']);
    logs.client('a', 12, { type: 'info', f: 'pause', to: 22, amid: false });
    expect(logs.broken()).toEqual([]);
  });

  it('a call that passes an earlier one of its client is found, unless the earlier one had won before its client was killed', () => {
    for (const { wonAt, broken } of [
      { wonAt: undefined, broken: ['in turn'] },
      { wonAt: 20, broken: [] },
    ]) {
      const logs = new Logs()
        .calls('a', 10, undefined, 500, wonAt === undefined ? {} : { wonAt })
        .calls('a', 11, 30, 500)
        .harness(31, { type: 'info', f: 'process', client: 0, lane: 0, state: 'killed' });
      expect(logs.broken()).toEqual(broken);
    }
  });

  it('a call that does not settle is found, unless its client was killed', () => {
    const logs = new Logs()
      .calls('a', 10, undefined, 50)
      .holds('b', 900, 990, 1)
      .givesBack('b', 950)
      .heals(890);
    expect(logs.broken()).toEqual(['settled']);
    logs.harness(30, { type: 'info', f: 'process', client: 0, lane: 0, state: 'killed' });
    expect(logs.broken()).toEqual([]);
  });

  it('what nobody has caught is found, and a process that died', () => {
    expect(new Logs().client('a', 10, { type: 'info', f: 'leftover', what: 'oh' }).broken()).toEqual([
      'leftovers',
    ]);
    const died = new Logs().harness(30, { type: 'info', f: 'process', client: 0, lane: 0, state: 'died' });
    expect(died.broken()).toEqual(['leftovers']);
  });
});

describe('of what the store has seen', () => {
  it('an accepted write that came too late is found', () => {
    expect(new Logs().writes(0, 10, 7).writes(1, 20, 6, false).writes(1, 30, 7).broken()).toEqual([]);
    expect(new Logs().writes(0, 10, 7).writes(1, 20, 6).broken()).toEqual(['stale write']);
  });

  it('lost writes are found in the store that counts', () => {
    const logs = new Logs().writes(0, 10, 7, false, { guarded: 0, unguarded: 2 });
    expect(logs.broken()).toEqual([]);
    expect(logs.broken({ store: 'unguarded' })).toEqual(['lost write']);
    expect(new Logs().writes(0, 10, 7, true, { guarded: 1, unguarded: 1 }).broken()).toEqual(['lost write']);
  });
});

describe('of what comes after the faults', () => {
  it('a key that nobody owns any more is found, unless its owner was killed', () => {
    const logs = new Logs()
      .client('a', 10, { type: 'info', f: 'attempt', token: 'a' })
      .harness(90, { type: 'info', f: 'residue', node: 2, key: 'r', token: 'a' });
    expect(logs.broken()).toEqual(['residue']);
    logs.harness(20, { type: 'info', f: 'process', client: 0, lane: 0, state: 'killed' });
    expect(logs.broken()).toEqual([]);
  });

  it('it is found if there is no lock within a second of healing', () => {
    expect(new Logs().heals(100).holds('a', 1_050, 1_200, 1).givesBack('a', 1_100).broken()).toEqual([]);
    expect(new Logs().heals(100).holds('a', 1_150, 1_300, 1).givesBack('a', 1_200).broken()).toEqual([
      'healing',
    ]);
    expect(new Logs().heals(100).broken()).toEqual(['healing']);
  });
});

it('reports what was logged', () => {
  const logs = new Logs()
    .calls('a', 5, 10, 50)
    .holds('a', 10, 900, 1)
    .writes(0, 20, 1)
    .givesBack('a', 50)
    .harness(30, { type: 'info', f: 'node', node: 1, state: 'dead' })
    .harness(40, { type: 'info', f: 'node', node: 1, state: 'quarantined', until: 60 })
    .harness(30, { type: 'info', f: 'fault', kind: 'kill', nodes: [1], until: 40 })
    .heals(60)
    .holds('b', 70, 100, 2)
    .givesBack('b', 80);
  const events = inOrder([logs.events]);
  const verdict = judge(events, OPTIONS);
  const known = {
    driver: 'process',
    seed: 1,
    seconds: 1,
    limits: 'kept',
    command: '',
    startedAt: '',
  } as const;
  const report = reportOf(events, { known, nodes: 5, clients: 2, verdict });
  expect(report.summary).toMatchObject({
    operations: 1,
    faults: 1,
    violations: 0,
    outcomes: { acquire: { ok: 1 } },
    wait: { p50: 5, p99: 5, longest: 5 },
    firstAfterHealing: 10,
    writes: { accepted: 1, refused: 0, lostUnguarded: 0 },
  });
  expect(report.nodes[1]?.spans.map(({ state, from, to }) => [state, from, to])).toEqual([
    ['up', 0, 30],
    ['dead', 30, 40],
    ['quarantined', 40, 60],
    ['up', 60, 80],
  ]);
  expect(report.clients[0]?.spans.map(({ state, from, to }) => [state, from, to])).toEqual([
    ['waiting', 5, 10],
    ['holding', 10, 50],
  ]);
  expect(report.faults).toEqual([{ kind: 'kill', lanes: ['node 2'], from: 30, to: 40 }]);
});

it('a report says behind whom a call waits', () => {
  const logs = new Logs().calls('a', 5, 30, 90).calls('b', 10, 40, 90).calls('a', 50, 60, 90);
  const events = inOrder([logs.events]);
  const known = {
    driver: 'process',
    seed: 1,
    seconds: 1,
    limits: 'kept',
    command: '',
    startedAt: '',
  } as const;
  const { clients } = reportOf(events, { known, nodes: 5, clients: 2, verdict: judge(events, OPTIONS) });
  const details = clients.map(({ spans }) => spans.map((span) => span.details));
  expect(details).toEqual([
    [
      ['acquire r', 'won'],
      ['acquire r', 'won'],
    ],
    [['acquire r', 'behind client 1', 'won']],
  ]);
});

/** `a` waits all the time, and `b` gets the lock so many times, each time by a call that came later. */
function passed(times: number, from = 20): Logs {
  const logs = new Logs().calls('a', 10, 10_000, 20_000);
  for (let time = 0; time < times; time++) logs.calls('b', from + time, from + time + 0.5, 1_000);
  return logs;
}

const faulty = (times: number): Logs =>
  passed(times).harness(15, { type: 'info', f: 'fault', kind: 'stop', nodes: [0], until: 100 });

describe('who waits for a lock', () => {
  it('is not passed by more than twelve that came later, if nothing was wrong', () => {
    expect(passed(12).broken()).toEqual([]);
    expect(passed(13).broken()).toEqual(['fair']);
  });

  it('may be passed as often again for each fault', () => {
    expect(faulty(24).broken()).toEqual([]);
    expect(faulty(25).broken()).toEqual(['fair']);
  });

  it('is not passed by those that came before', () => {
    expect(passed(13, -5).broken()).toEqual([]);
  });
});
