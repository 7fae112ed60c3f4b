import { EventEmitter } from 'node:events';
import slotOf from 'cluster-key-slot';
import { describe, expect, it } from 'vitest';
import { toEndpoint } from '../../src/node/redis/endpoint.ts';
import { IoredisConnection } from '../../src/client/ioredis.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** A client of one server of a Cluster. */
class Member {
  readonly options: { readonly host: string; readonly port: number };

  constructor(port: number) {
    this.options = { host: '127.0.0.1', port };
  }

  async info(): Promise<string> {
    return `port ${this.options.port}`;
  }
}

/** A Cluster client as far as a connection looks at it: the test says which members are masters, and who has the slots. */
class FakeCluster extends EventEmitter {
  readonly isCluster = true;
  readonly options = {};
  readonly status = 'ready';
  readonly slots: string[][] = [];
  members: readonly Member[];

  constructor(...members: Member[]) {
    super();
    this.members = members;
  }

  duplicate(): this {
    return this;
  }

  nodes(): Member[] {
    return [...this.members];
  }

  async connect(): Promise<void> {}
  disconnect(): void {}
  async evalsha(): Promise<void> {}
}

const first = new Member(7001);
const second = new Member(7002);

function connected(): { cluster: FakeCluster; connection: IoredisConnection } {
  const cluster = new FakeCluster(first, second);
  cluster.slots[slotOf('k')] = ['127.0.0.1:7002'];
  const endpoint = toEndpoint(cluster, 0);
  const clock = new ManualClock();
  const connection = new IoredisConnection({ endpoint, connectTimeout: 100, clock, random: seededRandom(1) });
  connection.open({ up: () => {}, down: () => {} });
  cluster.emit('ready');
  return { cluster, connection };
}

describe('the masters of a Redis Cluster', () => {
  it('are the same as long as nothing happens to them', () => {
    const { connection } = connected();
    expect(connection.masters().map(({ name }) => name)).toEqual(['127.0.0.1:7001', '127.0.0.1:7002']);
    expect(connection.masters()[1]).toBe(connection.masters()[1]);
    expect(connection.masterOf('k')).toBe(connection.masters()[1]);
  });

  it('are unknown for a slot that nobody has', () => {
    expect(connected().connection.masterOf('other')).toBeUndefined();
  });

  it('end with their role: who was a replica meanwhile is another one', async () => {
    const { cluster, connection } = connected();
    const before = connection.masterOf('k');
    cluster.members = [first];
    cluster.emit('refresh');
    cluster.members = [first, second];
    expect(connection.masterOf('k')).not.toBe(before);
    await expect(before?.info()).rejects.toThrow('the connection was lost');
  });

  it('end with their role also if it is only seen as they are listed', () => {
    const { cluster, connection } = connected();
    const before = connection.masterOf('k');
    cluster.members = [first];
    connection.masters();
    cluster.members = [first, second];
    expect(connection.masterOf('k')).not.toBe(before);
  });

  it('keep theirs while others lose it', () => {
    const { cluster, connection } = connected();
    const [before] = connection.masters();
    cluster.members = [first];
    cluster.emit('refresh');
    expect(connection.masters()[0]).toBe(before);
  });

  it.each(['close', 'ready'])('are others after the connection was lost and made (%s)', async (event) => {
    const { cluster, connection } = connected();
    const before = connection.masterOf('k');
    cluster.emit(event);
    expect(connection.masterOf('k')).not.toBe(before);
    await expect(before?.info()).rejects.toThrow('the connection was lost');
  });
});
