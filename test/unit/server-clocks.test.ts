import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ClockJumpEvent } from '../../src/index.ts';
import { FakeConnection, infoOf, type NodeOver, nodeOver } from '../support/fake-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

/** What a server's clock is ahead of the client's, in ms. */
const LEAD = 1_700_000_000_000;

interface Over extends NodeOver {
  /** By how many ms the server's clock was set since the start. */
  set: (by: number) => void;
  readonly events: ClockJumpEvent[];
  /** Sends a command after so many ms. */
  readonly use: (after: number) => Promise<void>;
  /** How often TIME was sent. */
  readonly asked: () => number;
  /** The connection is lost and made again. */
  readonly reconnect: (fields?: Record<string, string>) => Promise<void>;
}

async function over({ permits = true, masters = 1 } = {}): Promise<Over> {
  const clock = new ManualClock(1_000);
  const connection = new FakeConnection();
  let off = 0;
  const micros = (): number => (LEAD + clock.now() + off) * 1_000;
  const infos = (fields: Record<string, string> = {}): string[] =>
    Array.from({ length: masters }, (_, i) =>
      infoOf({ run_id: `run-${i}`, server_time_usec: String(micros()), ...fields }),
    );
  connection.permits = permits;
  connection.reorders = masters > 1;
  connection.info_ = infos();
  connection.time_ = () => [String(Math.floor(micros() / 1e6)), String(micros() % 1e6)];
  const events: ClockJumpEvent[] = [];
  const note = (event: unknown): unknown => events.push(event as ClockJumpEvent);
  subscribe('quorlock:node:clockJumped', note);
  onTestFinished(() => void unsubscribe('quorlock:node:clockJumped', note));
  const node = nodeOver({ connection, clock });
  await connection.up();
  return {
    ...node,
    events,
    set: (by) => {
      off = by;
    },
    use: async (after) => {
      clock.advance(after);
      node.ask('inspect', 't');
      await turn();
    },
    asked: () => connection.sent.filter((each) => each === 'time').length,
    reconnect: async (fields) => {
      await connection.down();
      connection.info_ = infos(fields);
      await connection.up();
    },
  };
}

describe('the time of a server', () => {
  it('is asked for along with a command, every 5 s', async () => {
    const { use, asked } = await over();
    await use(4_999);
    expect(asked()).toBe(0);
    await use(1);
    expect(asked()).toBe(1);
    await use(1_000);
    expect(asked()).toBe(1);
    await use(4_000);
    expect(asked()).toBe(2);
  });

  it('is not asked for while no command is sent', async () => {
    const { clock, asked } = await over();
    await clock.advanceAsync(3_600_000);
    expect(asked()).toBe(0);
  });

  it('is not asked for by a user who may lack a permission', async () => {
    const { use, asked } = await over({ permits: false });
    await use(5_000);
    expect(asked()).toBe(0);
  });

  it('is asked for on each master of a Redis Cluster', async () => {
    const { use, asked } = await over({ masters: 3 });
    await use(5_000);
    expect(asked()).toBe(3);
  });
});

describe('a jump of the clock', () => {
  it('is published', async () => {
    const { use, set, events } = await over();
    await use(5_000);
    set(100);
    await use(5_000);
    await use(5_000);
    expect(events).toEqual([{ node: 'a:6379', direction: 'forward', by: expect.closeTo(95, 0) }]);
    set(0);
    await use(5_000);
    expect(events[1]).toEqual({ node: 'a:6379', direction: 'backward', by: expect.closeTo(95, 0) });
  });

  it('of a master of a Redis Cluster is published with its name', async () => {
    const { use, set, events } = await over({ masters: 2 });
    set(100);
    await use(5_000);
    expect(events.map(({ node, server }) => [node, server])).toEqual([
      ['a:6379', 'a:6379 0'],
      ['a:6379', 'a:6379 1'],
    ]);
  });

  it('is noticed by INFO on the next connection to the same server', async () => {
    const { use, set, events, reconnect } = await over();
    await use(5_000);
    set(-100);
    await reconnect();
    expect(events).toMatchObject([{ direction: 'backward' }]);
  });

  it('is not taken for one if another server has another clock', async () => {
    const { use, set, events, reconnect } = await over();
    await use(5_000);
    set(100_000);
    await reconnect({ run_id: 'another' });
    expect(events).toEqual([]);
  });

  it.each([
    ['an error', new Error('LOADING')],
    ['nonsense', ['x', 'y'] as const],
  ])('is not made up from %s', async (_, time) => {
    const { use, connection, events } = await over();
    connection.time_ = () => time;
    await use(5_000);
    await use(5_000);
    expect(events).toEqual([]);
  });

  it('is remembered for a diagnosis', async () => {
    const { use, set, node, reconnect } = await over();
    set(100);
    await use(5_000);
    await reconnect();
    const { servers } = await node.examine('time');
    expect(servers[0]?.jump).toEqual({
      direction: 'forward',
      by: expect.closeTo(95, 0),
      noticedAt: new Date(6_000),
    });
  });
});
