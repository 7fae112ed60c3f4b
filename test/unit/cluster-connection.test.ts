import { beforeEach, describe, expect, it } from 'vitest';
import { ClusterConnection } from '../../src/node/redis/cluster-connection.ts';
import type { Locate, Target } from '../../src/node/redis/locate.ts';
import type { Session } from '../../src/node/redis/session.ts';
import { slotOf } from '../../src/node/redis/slot.ts';
import { type FakeLink, FakeLinks } from '../support/fake-link.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';
import { seededRandom } from '../support/seeded-random.ts';

const [FIRST, SECOND, THIRD] = ['10.0.0.1:7000', '10.0.0.2:7000', '10.0.0.3:7000'] as const;
/** Keys whose slots are in the first and in the second half. */
const LOW = key(0);
const HIGH = key(8_192);

/** A key whose slot is in the half that begins there. */
function key(from: number): string {
  for (let n = 0; ; n++) if (slotOf(`k${n}`) >= from && slotOf(`k${n}`) < from + 8_192) return `k${n}`;
}

let clock: ManualClock;
let links: FakeLinks;
/** Which master has which half of the slots, as every server tells; an Error if that is the answer. */
let halves: readonly [string, string] | Error;
/** Servers that do not answer the SYN, and those that refuse it. */
let silent: Set<string>;
let refusing: Set<string>;
let heard: string[];
let connection: ClusterConnection;

const locate =
  (target: Target): Locate =>
  (found) => {
    let isOver = false;
    if ('host' in target) queueMicrotask(() => !isOver && found(null, [target]));
    return () => {
      isOver = true;
    };
  };

const addressOf = ({ address }: FakeLink): string =>
  'host' in address ? `${address.host}:${address.port}` : address.path;

function slots(): unknown {
  if (halves instanceof Error) return halves;
  return halves.map((address, i) => {
    const [host, port] = address.split(':');
    return [8_192 * i, 8_192 * i + 8_191, [host, Number(port), 'id']];
  });
}

beforeEach(() => {
  clock = new ManualClock(10_000);
  halves = [FIRST, SECOND];
  silent = new Set();
  refusing = new Set();
  heard = [];
  links = new FakeLinks({
    opened: (link) => {
      if (refusing.has(addressOf(link))) link.refuse();
      else if (!silent.has(addressOf(link))) link.up();
    },
    sent: (sent, link) => {
      if (sent.command[0] === 'CLUSTER' && link.isUp) sent.answer(slots());
    },
  });
  connection = new ClusterConnection({
    name: 'cluster(a)',
    seeds: [{ host: '10.0.0.1', port: 7_000 }],
    natMap: () => undefined,
    locate,
    openLink: links.open,
    clean: (error) => error,
    clock,
    random: seededRandom(1),
    connectTimeout: 3_000,
    patience: 1_000,
  });
});

async function open(): Promise<void> {
  connection.open({
    up: () => heard.push('up'),
    parted: () => heard.push('parted'),
    down: ({ message }) => heard.push(message),
  });
  await turn();
}

const names = (): string[] => connection.masters().map(({ name }) => name);
const linkTo = (address: string): FakeLink =>
  links.alive.find((link) => addressOf(link) === address) as FakeLink;

/** Sends a command to the master of a key; what comes of it. */
function send(name: string): unknown[] {
  const answers: unknown[] = [];
  const master = connection.masterOf(name);
  if (master instanceof Error) answers.push(master.message);
  else (master as Session).send(['GET', name], (error, reply) => answers.push(error?.message ?? reply));
  return answers;
}

describe('a Redis Cluster', () => {
  it('is up once each of its masters has been tried', async () => {
    silent.add(SECOND);
    await open();
    expect(heard).toEqual([]);
    await clock.advanceAsync(1_000);
    expect(heard).toEqual(['up']);
    expect(names()).toEqual([FIRST]);
  });

  it('has a connection to each master, and to no other server', async () => {
    halves = [SECOND, THIRD];
    await open();
    expect(heard).toEqual(['up']);
    expect(names()).toEqual([SECOND, THIRD]);
    expect(links.alive.map(addressOf)).toEqual([SECOND, THIRD]);
  });

  it('sends a command to the master that has its key', async () => {
    await open();
    send(LOW);
    send(HIGH);
    expect(linkTo(FIRST).commands).toContain(`GET ${LOW}`);
    expect(linkTo(SECOND).commands).toContain(`GET ${HIGH}`);
  });

  it('is down for the reason that its seeds give, until one of them can be reached', async () => {
    refusing.add(FIRST);
    await open();
    expect(heard).toEqual(['connect ECONNREFUSED 10.0.0.1:7000']);
    expect(send(LOW)).toEqual(['connect ECONNREFUSED 10.0.0.1:7000']);
    refusing.clear();
    await clock.advanceAsync(300);
    expect(heard.at(-1)).toBe('up');
  });

  it('is down while no server tells which masters there are', async () => {
    halves = new Error('NOPERM the user may not run cluster|slots');
    await open();
    expect(heard[0]).toContain('NOPERM');
    await clock.advanceAsync(1_000);
    expect(heard).not.toContain('up');
    expect(heard.length).toBeLessThan(15);
    halves = [FIRST, SECOND];
    await clock.advanceAsync(300);
    expect(heard.at(-1)).toBe('up');
  });

  it('asks its seeds again when all masters are lost', async () => {
    halves = [SECOND, THIRD];
    await open();
    halves = [FIRST, THIRD];
    for (const address of [SECOND, THIRD]) refusing.add(address);
    for (const link of links.alive) link.down();
    await clock.advanceAsync(1_000);
    refusing.delete(THIRD);
    await clock.advanceAsync(1_000);
    expect(names().sort()).toEqual([FIRST, THIRD]);
    expect(heard.at(-1)).toBe('up');
  });
});

describe('a master of a Redis Cluster', () => {
  it('that hangs costs only what was sent to it', async () => {
    await open();
    const hung = send(LOW);
    const other = send(HIGH);
    linkTo(SECOND).sent.at(-1)?.answer('value');
    await clock.advanceAsync(1_100);
    expect(hung).toEqual(['no answer for 1000 ms']);
    expect(other).toEqual(['value']);
    expect(heard).toEqual(['up', 'parted']);
    expect(linkTo(SECOND).isUp).toBe(true);
  });

  it('that another has taken over for is left', async () => {
    await open();
    halves = [THIRD, SECOND];
    refusing.add(FIRST);
    send(LOW);
    linkTo(FIRST).down();
    await clock.advanceAsync(1_000);
    expect(names().sort()).toEqual([SECOND, THIRD]);
    send(LOW);
    expect(linkTo(THIRD).commands).toContain(`GET ${LOW}`);
    expect(heard).toEqual(['up', 'parted', 'up']);
  });

  it('that says MOVED is believed, and the table is asked for again', async () => {
    await open();
    halves = [FIRST, THIRD];
    const slot = slotOf(HIGH);
    const master = connection.redirected(new Error(`MOVED ${slot} ${THIRD}`));
    expect(master?.name).toBe(THIRD);
    expect(connection.masterOf(HIGH)).toBe(master);
    const answers = send(HIGH);
    await clock.advanceAsync(200);
    expect(linkTo(THIRD).commands).toContain(`GET ${HIGH}`);
    linkTo(THIRD).sent.at(-1)?.answer('value');
    expect(answers).toEqual(['value']);
    expect(names().sort()).toEqual([FIRST, THIRD]);
  });

  it('that slots are moving to is connected to, and keeps its connection', async () => {
    await open();
    const master = connection.redirected(new Error(`ASK ${slotOf(LOW)} ${THIRD}`));
    await turn();
    expect(master?.name).toBe(THIRD);
    expect(connection.masterOf(LOW)).not.toBe(master);
    await clock.advanceAsync(1_000);
    connection.redirected(new Error(`MOVED ${slotOf(LOW)} ${FIRST}`));
    await clock.advanceAsync(1_000);
    expect(names().sort()).toEqual([FIRST, SECOND, THIRD]);
  });

  it.each(['MOVED', 'MOVED x y', 'MOVED 7 :7000', 'ASK 7 ?:7000', 'ERR no'])(
    'that redirects to nowhere is not followed: %s',
    async (message) => {
      await open();
      expect(connection.redirected(new Error(message))).toBeUndefined();
    },
  );

  it('that is redirected to again and again is not asked for the table each time', async () => {
    await open();
    for (let i = 0; i < 100; i++) {
      connection.redirected(new Error(`MOVED ${slotOf(LOW)} ${FIRST}`));
      await clock.advanceAsync(5);
    }
    const asked = links.opened.flatMap(({ commands }) => commands.filter((each) => each === 'CLUSTER SLOTS'));
    expect(asked.length).toBeLessThanOrEqual(7);
  });
});

describe('the end of a connection to a Redis Cluster', () => {
  it.each(['before it is up', 'when it is up', 'while a master is down'])(
    'leaves nothing: %s',
    async (when) => {
      if (when === 'before it is up') silent.add(FIRST);
      await open();
      if (when === 'while a master is down') {
        refusing.add(FIRST);
        linkTo(FIRST).down();
        await turn();
      }
      connection.close();
      heard.length = 0;
      expect(links.alive).toEqual([]);
      expect(clock.pending).toBe(0);
      await clock.advanceAsync(10_000);
      expect(heard).toEqual([]);
      expect(links.alive).toEqual([]);
    },
  );
});
