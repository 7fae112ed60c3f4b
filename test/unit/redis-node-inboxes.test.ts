import { describe, expect, it } from 'vitest';
import type { ReleaseRequest } from '../../src/node/lock-node.ts';
import { admittedNode, nodeOver } from '../support/fake-connection.ts';
import { type FakeSubscriber, PublishingConnection } from '../support/fake-subscriber.ts';
import { turn } from '../support/peek.ts';
import { requestsOf } from '../support/wire-format.ts';

const NOPERM = new Error('NOPERM No permissions to access a channel');
const WAITER = { name: 'w', key: 'k', since: 0 };
const CLAIM = { keys: ['k'], ttl: 1_000, wanted: () => true, reservation: 30 };

async function publishingNode() {
  const connection = new PublishingConnection();
  const over = await admittedNode({ connection });
  const heard: string[] = [];
  const end = over.node.openInbox('w', 'k', {
    live: () => heard.push('live'),
    deaf: () => heard.push('deaf'),
    turn: () => heard.push('turn'),
    next: () => heard.push('next'),
  });
  return { ...over, subscriber: connection.subscribers[0] as FakeSubscriber, heard, end };
}

/** The releases that were sent, by the names of those who leave with them. */
function releasesOf({ commands }: PublishingConnection): (string | undefined)[] {
  return commands
    .flatMap(({ keys, args }) => requestsOf(keys, args))
    .filter(({ operation }) => operation === 'release')
    .map(({ waiter }) => waiter?.name);
}

describe('the inbox of a waiter at a node', () => {
  it('gets what the server publishes', async () => {
    const { subscriber, heard } = await publishingNode();
    subscriber.up();
    subscriber.answer();
    subscriber.message('quorlock:turn:w', 'next k');
    subscriber.message('quorlock:turn:w', 'turn k');
    expect(heard).toEqual(['live', 'next', 'turn']);
  });

  it('gets nothing once the node is closed', async () => {
    const { node, subscriber, heard } = await publishingNode();
    subscriber.up();
    subscriber.answer();
    await node.close(0);
    subscriber.message('quorlock:turn:w', 'turn k');
    expect(heard).toEqual(['live']);
    expect(subscriber.isClosed).toBe(true);
  });
});

describe('a node whose server refuses subscriptions', () => {
  const since = new Date(1_000);
  const polling = `the server refuses subscriptions: ${NOPERM.message}`;

  it('says why waiters poll, until a subscription succeeds', async () => {
    const { node, connection, clock, subscriber } = await publishingNode();
    expect(node.condition).toEqual({ state: 'up', since });
    subscriber.up();
    subscriber.answer(NOPERM);
    expect(node.condition).toEqual({ state: 'up', since, polling });
    await clock.advanceAsync(60_000);
    const again = (connection as PublishingConnection).subscribers[1] as FakeSubscriber;
    again.up();
    expect(node.condition).toEqual({ state: 'up', since, polling });
    again.answer();
    expect(node.condition).toEqual({ state: 'up', since });
  });

  it('says only that it is down while it is', async () => {
    const { node, connection, subscriber } = await publishingNode();
    subscriber.up();
    subscriber.answer(NOPERM);
    await connection.down();
    expect(node.condition).toEqual({ state: 'down', since, why: 'connection lost' });
  });
});

describe('a waiter that stands again', () => {
  const leave: ReleaseRequest = {
    keys: ['k'],
    ownerToken: 'old',
    afterwards: 'serve',
    reservation: 30,
    waiter: WAITER,
    longestTtl: 60_000,
  };

  it.each([
    ['is not taken out of the line by a leave that is owed', WAITER, [undefined]],
    ['does not keep another one in the line', { ...WAITER, name: 'v' }, ['w']],
  ])('%s', async (_what, waiter, releases) => {
    const connection = new PublishingConnection();
    const { node } = nodeOver({ connection });
    await connection.up();
    node.release(leave, () => {});
    await turn();
    await connection.down();
    connection.commands.length = 0;
    node.grant({ ...CLAIM, ownerToken: 'new', waiter }, () => {});
    await connection.up();
    expect(releasesOf(connection)).toEqual(releases);
  });

  it('is one that says so: any other grant leaves alone what is owed', async () => {
    const connection = new PublishingConnection();
    const { node } = nodeOver({ connection });
    await connection.up();
    node.release(leave, () => {});
    await turn();
    await connection.down();
    connection.commands.length = 0;
    node.grant({ ...CLAIM, ownerToken: 'new' }, () => {});
    await connection.up();
    expect(releasesOf(connection)).toEqual(['w']);
  });
});
