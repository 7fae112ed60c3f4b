import { describe, expect, it } from 'vitest';
import type { GrantReply, LockNode, ReleaseRequest } from '../../src/index.ts';
import { createMemoryNodes, type MemoryNode } from '../../src/testing.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

const RESERVATION = 30;

function nodeWithLines() {
  const clock = new ManualClock();
  const [node] = createMemoryNodes(1, { clock }) as [MemoryNode];
  const replies: string[] = [];
  const grant = (ownerToken: string, waiter?: string): void => {
    const claim = { keys: ['k'], ownerToken, ttl: 1_000, wanted: () => true, reservation: RESERVATION };
    const stand = waiter === undefined ? {} : { waiter: { name: waiter, key: 'k', since: 0 } };
    (node as LockNode).grant({ ...claim, ...stand }, (reply: GrantReply) =>
      replies.push(`${ownerToken} ${reply.kind}`),
    );
  };
  const release = (ownerToken: string, how: Partial<ReleaseRequest> = {}): void => {
    const request = { keys: ['k'], ownerToken, longestTtl: 1_000, reservation: RESERVATION } as const;
    node.release({ ...request, afterwards: 'serve', ...how }, () => {});
  };
  return { node, clock, grant, release, replies };
}

/** What a waiter hears about a key. */
function listen(node: LockNode, waiter = 'w', key = 'k'): { heard: string[]; end: () => void } {
  const heard: string[] = [];
  const end = node.openInbox(waiter, key, {
    live: () => heard.push('live'),
    deaf: () => heard.push('deaf'),
    turn: () => heard.push('turn'),
    next: () => heard.push('next'),
  });
  return { heard, end };
}

describe('an inbox at a memory node', () => {
  it('is live at once, but not before the function to end that is there', async () => {
    const { node } = nodeWithLines();
    const { heard } = listen(node);
    expect(heard).toEqual([]);
    await turn();
    expect(heard).toEqual(['live']);
  });

  it('tells whose turn it is, and who is next', async () => {
    const { node, grant, release, replies } = nodeWithLines();
    const [first, second, third] = ['u', 'v', 'w'].map((waiter) => listen(node, waiter));
    grant('x');
    for (const waiter of ['u', 'v', 'w']) grant(waiter, waiter);
    release('x');
    await turn();
    expect([first, second, third].map((ear) => ear?.heard)).toEqual([
      ['live', 'turn'],
      ['live', 'next'],
      ['live'],
    ]);
    grant('y');
    grant('u', 'u');
    await turn();
    expect(replies.slice(-2)).toEqual(['y denied', 'u granted']);
  });

  it('tells nothing to the same waiter about another key, nor to another waiter about the same', async () => {
    const { node, grant, release } = nodeWithLines();
    listen(node);
    const others = [listen(node, 'w', 'l'), listen(node, 'v', 'k')];
    grant('x');
    grant('w', 'w');
    release('x');
    await turn();
    expect(others.map(({ heard }) => heard)).toEqual([['live'], ['live']]);
  });

  it('tells nothing to a listener that has ended', async () => {
    const { node, grant, release } = nodeWithLines();
    const [early, late] = [listen(node), listen(node)];
    early.end();
    await turn();
    grant('x');
    grant('w', 'w');
    release('x');
    late.end();
    late.end();
    await turn();
    expect([early.heard, late.heard]).toEqual([[], ['live']]);
  });

  it('that nobody has is passed over', async () => {
    const { node, grant, release } = nodeWithLines();
    const { end } = listen(node, 'v');
    const { heard } = listen(node);
    grant('x');
    grant('v', 'v');
    grant('w', 'w');
    await turn();
    end();
    release('x');
    await turn();
    expect(heard).toEqual(['live', 'turn']);
  });
});

describe('the inboxes at a memory node that', () => {
  it('fails are deaf until it is healed', async () => {
    const { node } = nodeWithLines();
    const early = listen(node);
    await turn();
    node.fail();
    node.fail();
    const late = listen(node);
    await turn();
    expect([early.heard, late.heard]).toEqual([['live', 'deaf'], ['deaf']]);
    node.heal();
    await turn();
    expect([early.heard, late.heard]).toEqual([
      ['live', 'deaf', 'live'],
      ['deaf', 'live'],
    ]);
  });

  it('hangs are not noticed to be silent, and new ones are not live', async () => {
    const { node } = nodeWithLines();
    const early = listen(node);
    await turn();
    node.hang();
    const late = listen(node);
    await turn();
    expect([early.heard, late.heard]).toEqual([['live'], []]);
    node.heal();
    await turn();
    expect(late.heard).toEqual(['live']);
  });

  it('is back tell of what it owed', async () => {
    const { node, grant, release } = nodeWithLines();
    const { heard } = listen(node);
    grant('x');
    grant('w', 'w');
    await turn();
    node.fail();
    release('x', { afterwards: 'hand over' });
    await turn();
    node.heal();
    await turn();
    expect(heard).toEqual(['live', 'deaf', 'live', 'turn']);
  });

  it('forgets are deaf for a moment, as all places are lost', async () => {
    const { node, grant, release } = nodeWithLines();
    const { heard } = listen(node);
    grant('x');
    grant('w', 'w');
    await turn();
    node.forget();
    release('x');
    await turn();
    expect(heard).toEqual(['live', 'deaf', 'live']);
  });

  it('forgets while it is down stay deaf', async () => {
    const { node } = nodeWithLines();
    const { heard } = listen(node);
    await turn();
    node.fail();
    node.forget();
    await turn();
    expect(heard.at(-1)).toBe('deaf');
  });

  it('is closed tell nothing more', async () => {
    const { node } = nodeWithLines();
    const { heard } = listen(node);
    await turn();
    await (node as LockNode).close(0);
    node.fail();
    node.heal();
    node.forget();
    await turn();
    expect(heard).toEqual(['live']);
    expect(listen(node).heard).toEqual([]);
  });

  it('lets keys expire tell nothing', async () => {
    const { node, clock, grant } = nodeWithLines();
    const { heard } = listen(node);
    grant('x');
    grant('w', 'w');
    await turn();
    clock.advance(1_000);
    await turn();
    expect(heard).toEqual(['live']);
  });
});

describe('a leave that a memory node owes', () => {
  it('is dropped for a waiter that stands again', async () => {
    const { node, grant, release } = nodeWithLines();
    const { heard } = listen(node);
    grant('x');
    grant('w', 'w');
    await turn();
    node.hang();
    release('old', { waiter: { name: 'w', key: 'k', since: 0 } });
    node.fail();
    await turn();
    grant('w', 'w');
    node.heal();
    release('x');
    await turn();
    expect(heard).toEqual(['live', 'deaf', 'live', 'turn']);
  });
});
