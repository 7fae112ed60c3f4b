import { describe, expect, it, vi } from 'vitest';
import type { GrantReply, InspectReply, RepairReply } from '../../src/node/lock-node.ts';
import { allButGrants, grantScript, UNGUARDED } from '../../src/node/redis/scripts/script.ts';
import {
  admittedNode,
  infoOf,
  type NodeOver,
  type NodeOverPlan,
  nodeOver,
  QUARANTINE,
  scriptsOf,
} from '../support/fake-connection.ts';
import { turn } from '../support/peek.ts';

const NOSCRIPT = new Error('NOSCRIPT No matching script.');
const OLD = infoOf();
/** It remembers after another 10 s. */
const YOUNG = infoOf({ uptime_in_seconds: String((QUARANTINE - 10_100) / 1_000) });
const RESTARTED = infoOf({ run_id: 'run-2', master_replid: 'replid-2', uptime_in_seconds: '0' });
/** Started long before the connection to the first one was lost. */
const ANOTHER = infoOf({ run_id: 'run-2', master_replid: 'replid-2' });
const PROMOTED = infoOf({ master_replid: 'replid-2', second_repl_offset: '7' });

/** A node whose server is in quarantine; nothing that it was sent until then is on record. */
async function quarantinedNode(info: string = YOUNG, plan: NodeOverPlan = {}): Promise<NodeOver> {
  const over = nodeOver(plan);
  over.connection.info_ = [info];
  await over.connection.up();
  over.connection.sent.length = 0;
  return over;
}

/** The reply to a grant that is asked for now and answered with that, if it is sent at all. */
async function grantNow({ node, connection }: NodeOver, answer?: unknown): Promise<GrantReply | undefined> {
  let reply: GrantReply | undefined;
  const sent = connection.commands.length;
  node.grant({ keys: ['k'], ownerToken: 't', ttl: 1_000, wanted: () => true }, (each) => {
    reply = each;
  });
  await turn();
  if (answer !== undefined && connection.commands.length > sent) await connection.answer(answer);
  return reply;
}

async function inspectNow({ node, connection }: NodeOver): Promise<InspectReply | undefined> {
  let reply: InspectReply | undefined;
  node.inspect('k', (each) => {
    reply = each;
  });
  await turn();
  await connection.answer(NOSCRIPT);
  return reply;
}

describe('what a server is sent', () => {
  it.each([
    ['that is old', [OLD], [], ['info', 'exists', 'load gate', 'load grants']],
    ['that others have admitted', [YOUNG], ['gate', 'grants'], ['info', 'exists']],
    ['that is old and has all scripts', [OLD], ['gate', 'grants'], ['info', 'exists']],
    ['that another version has admitted', [YOUNG], ['gate'], ['info', 'exists', 'load grants']],
    ['that is young', [YOUNG], [], ['info', 'exists', 'load all but grants']],
    ['that was promoted', [PROMOTED], [], ['info', 'exists', 'load all but grants']],
  ] as const)('%s when it is connected to is no more than this', async (_what, [info], has, sent) => {
    const { connection } = nodeOver();
    connection.info_ = [info];
    for (const script of has) connection.scripts().add(scriptsOf(info)[script]);
    await connection.up();
    expect(connection.sent).toEqual(sent);
  });

  it('without a guard when it is connected to is no more than the script that grants', async () => {
    const { connection } = nodeOver({ guard: 'off' });
    connection.info_ = [YOUNG];
    await connection.up();
    expect(connection.sent).toEqual(['info', 'exists', 'load grants']);
  });

  it('once it is admitted is what is asked for, and nothing else', async () => {
    const { connection, clock, ask } = await admittedNode();
    const verbs = ['grant', 'confirm', 'extend', 'release', 'inspect'] as const;
    for (const verb of verbs) {
      ask(verb, 't');
      await turn();
      await connection.answer([verb === 'grant' ? 'granted' : 'absent']);
      await clock.advanceAsync(900);
    }
    await clock.advanceAsync(3_600_000);
    expect(connection.sent).toEqual(['grant t', 'confirm t', 'extend t', 'release t', 'inspect ']);
    expect(new Set(connection.commands.map(({ sha }) => sha))).toEqual(new Set([scriptsOf(OLD).grants]));
    expect(clock.pending).toBe(0);
  });
});

describe('a server in quarantine', () => {
  it('is sent grants all the same, since somebody may have admitted it', async () => {
    const over = await quarantinedNode();
    await grantNow(over, NOSCRIPT);
    expect(over.connection.sent).toEqual(['grant t']);
    expect(over.connection.commands[0]?.sha).toBe(scriptsOf(YOUNG).grants);
  });

  it('has not voted when it knows no such script, for as long as its quarantine goes on', async () => {
    const over = await quarantinedNode();
    expect(await grantNow(over, NOSCRIPT)).toEqual({ kind: 'quarantined', remaining: 10_100 });
    await over.clock.advanceAsync(4_000);
    expect(await grantNow(over, NOSCRIPT)).toEqual({ kind: 'quarantined', remaining: 6_100 });
  });

  it('has voted when it granted', async () => {
    const over = await quarantinedNode();
    const before = over.voting();
    expect(await grantNow(over, ['granted'])).toEqual({ kind: 'granted' });
    expect(over.voting()).toBe(before + 1);
  });

  it('votes from then on, by one script for all', async () => {
    const over = await quarantinedNode();
    await grantNow(over, ['granted']);
    over.ask('release', 't1');
    over.ask('inspect', 't2');
    over.ask('grant', 't3');
    await turn();
    expect(over.connection.sent.slice(1)).toEqual(['release t1, inspect , grant t3']);
    expect(over.connection.commands.at(-1)?.sha).toBe(scriptsOf(YOUNG).grants);
    expect(over.voting()).toBe(1);
  });

  it('is not sent a grant again that it had no script for', async () => {
    const over = await quarantinedNode();
    await grantNow(over, NOSCRIPT);
    await over.clock.advanceAsync(5_000);
    expect(over.connection.sent).toEqual(['grant t']);
  });

  it.each(['release', 'extend', 'confirm'] as const)('runs a %s, which only a holder sends', async (verb) => {
    const over = await quarantinedNode();
    over.ask(verb, 't');
    await turn();
    expect(over.connection.sent).toEqual([`${verb} t`]);
    expect(over.connection.commands[0]?.sha).toBe(allButGrants.sha);
    const answer = { release: 'released', extend: 'extended', confirm: 'confirmed' }[verb];
    await over.connection.answer([answer]);
    expect(over.replies).toEqual([`t ${answer}`]);
  });

  it('repairs nothing, and says that it is in quarantine', async () => {
    const { node, connection } = await quarantinedNode();
    const replies: RepairReply[] = [];
    const claim = { keys: ['k'], ownerToken: 't', ttl: 1_000, wanted: () => true };
    node.repair(claim, (reply) => replies.push(reply));
    await turn();
    await connection.answer(['missing']);
    expect(replies).toEqual([{ kind: 'quarantined', remaining: 10_100 }]);
  });

  it('says that a key is missing when it is asked to extend it', async () => {
    const over = await quarantinedNode();
    over.ask('extend', 't');
    await turn();
    await over.connection.answer(['missing']);
    expect(over.replies).toEqual(['t missing']);
  });

  it('is not taken for one that votes when it has run what any server may', async () => {
    const over = await quarantinedNode();
    over.ask('extend', 't');
    await turn();
    await over.connection.answer(['extended']);
    expect(over.voting()).toBe(0);
    expect(await grantNow(over, NOSCRIPT)).toMatchObject({ kind: 'quarantined' });
  });

  it('gets what is asked in one tick as two commands, what is no vote first', async () => {
    const over = await quarantinedNode();
    over.ask('grant', 't1');
    over.ask('release', 't2');
    over.ask('inspect', '');
    over.ask('extend', 't3');
    await turn();
    expect(over.connection.sent).toEqual(['release t2, extend t3', 'grant t1, inspect ']);
  });

  it('is not believed that a key is free', async () => {
    const over = await quarantinedNode();
    expect(await inspectNow(over)).toEqual({ kind: 'quarantined', remaining: 10_100 });
  });

  it('is looked at again when its time is over, not before', async () => {
    const { connection, clock, voting } = await quarantinedNode();
    await clock.advanceAsync(10_099);
    expect([connection.sent, voting()]).toEqual([[], 0]);
    await clock.advanceAsync(1);
    expect(connection.sent).toEqual(['info', 'exists', 'load gate', 'load grants']);
    expect(voting()).toBe(1);
  });

  it('votes when its time is over', async () => {
    const over = await quarantinedNode();
    await over.clock.advanceAsync(10_100);
    expect(await grantNow(over, ['granted'])).toEqual({ kind: 'granted' });
  });

  it('may be asked the moment its time is over, before its timer has run', async () => {
    const over = await quarantinedNode();
    over.clock.jump(10_100);
    over.ask('grant', 't');
    await turn();
    expect(over.connection.sent).toEqual(['info', 'exists', 'load gate', 'load grants', 'grant t']);
  });

  it('leaves no timer when the node is closed', async () => {
    const { node, clock } = await quarantinedNode();
    await node.close(100);
    expect(clock.pending).toBe(0);
  });

  it('is owed releases as any other', async () => {
    const { connection, ask } = await quarantinedNode();
    ask('release', 't');
    await turn();
    await connection.down();
    await connection.up();
    expect(connection.sent.at(-1)).toBe('release t');
    expect(connection.commands.at(-1)?.sha).toBe(allButGrants.sha);
  });
});

describe('a server that has restarted', () => {
  it('is in quarantine', async () => {
    const over = await admittedNode();
    await over.connection.down();
    over.connection.replace(RESTARTED);
    await over.connection.up();
    expect(over.connection.sent).toEqual(['info', 'exists', 'load all but grants']);
    expect(await grantNow(over, NOSCRIPT)).toEqual({ kind: 'quarantined', remaining: QUARANTINE });
  });

  it('is in quarantine for no longer than its age asks for', async () => {
    const over = await admittedNode();
    await over.connection.down();
    await over.clock.advanceAsync(5_000);
    over.connection.replace(infoOf({ run_id: 'run-2', uptime_in_seconds: '4' }));
    await over.connection.up();
    expect(await grantNow(over, NOSCRIPT)).toEqual({ kind: 'quarantined', remaining: QUARANTINE - 4_000 });
  });

  it('counts when somebody else has admitted it', async () => {
    const over = await admittedNode();
    await over.connection.down();
    over.connection.replace(RESTARTED);
    await over.connection.up();
    expect(await grantNow(over, ['granted'])).toEqual({ kind: 'granted' });
  });

  it('votes at once without a guard', async () => {
    const over = await admittedNode({ guard: 'off' });
    await over.connection.down();
    over.connection.replace(RESTARTED);
    await over.connection.up();
    expect(await grantNow(over, ['granted'])).toEqual({ kind: 'granted' });
    expect(over.connection.commands.at(-1)?.sha).toBe(grantScript(UNGUARDED).sha);
  });
});

describe.each([
  ['another server that was running already', ANOTHER],
  ['a server that was a replica meanwhile', PROMOTED],
])('%s', (_what, info) => {
  /** It has taken the place of the first. */
  async function replacedNode(): Promise<NodeOver> {
    const over = await admittedNode();
    await over.connection.down();
    over.connection.replace(info);
    await over.connection.up();
    over.connection.sent.length = 0;
    return over;
  }

  it('is sent no grant, whoever has admitted it', async () => {
    const over = await replacedNode();
    expect(await grantNow(over)).toEqual({ kind: 'quarantined', remaining: QUARANTINE });
    expect(over.connection.sent).toEqual([]);
  });

  it('is not asked whether a key is free', async () => {
    const over = await replacedNode();
    const replies: InspectReply[] = [];
    over.node.inspect('k', (reply) => replies.push(reply));
    await turn();
    expect(replies).toEqual([{ kind: 'quarantined', remaining: QUARANTINE }]);
    expect(over.connection.sent).toEqual([]);
  });

  it('runs what only a holder sends', async () => {
    const { connection, ask } = await replacedNode();
    for (const verb of ['release', 'extend', 'confirm'] as const) ask(verb, 't');
    await turn();
    expect(connection.sent).toEqual(['release t, extend t, confirm t']);
  });

  it('votes when its time is over', async () => {
    const over = await replacedNode();
    await over.clock.advanceAsync(QUARANTINE);
    expect(over.connection.sent).toEqual(['info', 'exists', 'load gate', 'load grants']);
    expect(await grantNow(over, ['granted'])).toEqual({ kind: 'granted' });
  });
});

describe('another server in the place of one that was there for long', () => {
  it.each([
    ['started while that was still there', 12, QUARANTINE],
    ['may have started since', 10, QUARANTINE - 10_000],
  ])('is in quarantine for as long as that asks for: it %s', async (_what, uptime, remaining) => {
    const over = await admittedNode();
    await over.clock.advanceAsync(60_000);
    await over.connection.down();
    await over.clock.advanceAsync(10_000);
    over.connection.replace(infoOf({ run_id: 'run-2', uptime_in_seconds: String(uptime) }));
    await over.connection.up();
    expect(await grantNow(over, NOSCRIPT)).toEqual({ kind: 'quarantined', remaining });
  });
});

describe('another server that somebody has admitted', () => {
  it('gets no grant from a client that has seen the one before', async () => {
    const over = await admittedNode();
    await over.connection.down();
    over.connection.replace(ANOTHER);
    for (const sha of Object.values(scriptsOf(ANOTHER))) over.connection.scripts().add(sha);
    await over.connection.up();
    over.connection.sent.length = 0;
    expect(await grantNow(over)).toMatchObject({ kind: 'quarantined' });
    expect(over.connection.sent).toEqual([]);
  });
});

describe('SCRIPT FLUSH', () => {
  it.each([
    ['an old server', OLD],
    ['a young one that was admitted', YOUNG],
  ])('on %s costs the first grant a look and a load, and no quarantine', async (_what, info) => {
    const over = nodeOver();
    over.connection.info_ = [info];
    for (const sha of Object.values(scriptsOf(info))) over.connection.scripts().add(sha);
    await over.connection.up();
    over.connection.sent.length = 0;
    over.connection.scripts().clear();
    expect(await grantNow(over, NOSCRIPT)).toBeUndefined();
    const again = ['info', 'exists', 'load gate', 'load grants', 'grant t'];
    expect(over.connection.sent).toEqual(['grant t', ...again]);
    await over.connection.answer(['granted']);
    expect(await grantNow(over, ['granted'])).toEqual({ kind: 'granted' });
    expect(over.connection.sent).toHaveLength(7);
  });

  it('on a young server is not told from a loss of memory after a reconnection', async () => {
    const over = nodeOver();
    over.connection.info_ = [YOUNG];
    for (const sha of Object.values(scriptsOf(YOUNG))) over.connection.scripts().add(sha);
    await over.connection.up();
    over.connection.scripts().clear();
    await over.connection.down();
    await over.connection.up();
    expect(await grantNow(over, NOSCRIPT)).toEqual({ kind: 'quarantined', remaining: 10_100 });
  });
});

describe('a connection that is lost', () => {
  it('takes with it what was found, so that the next server is given nothing', async () => {
    const { connection } = nodeOver();
    let tell!: (known: boolean[]) => void;
    connection.exists_ = new Promise((resolve) => {
      tell = resolve;
    });
    await connection.up();
    expect(connection.sent).toEqual(['info', 'exists']);
    await connection.down();
    connection.replace(RESTARTED);
    connection.exists_ = undefined;
    await connection.up();
    tell([false, false]);
    await turn();
    expect(connection.sent.slice(2)).toEqual(['info', 'exists', 'load all but grants']);
    expect([...connection.scripts()]).toEqual([allButGrants.sha]);
  });

  it('leaves the server that is there then to be looked at before it gets a grant', async () => {
    const { connection, ask } = await admittedNode();
    await connection.down();
    connection.info_ = 'hold';
    await connection.up();
    ask('grant', 't');
    await turn();
    expect(connection.sent).toEqual(['info']);
  });
});

describe('a server that was restarted while it could not be reached', () => {
  it('is as old as it says, however often the connection was tried', async () => {
    const { connection, clock, ask } = await admittedNode();
    await connection.down();
    for (let i = 0; i < 60; i++) {
      await clock.advanceAsync(1_000);
      await connection.down(new Error('connect ETIMEDOUT'));
    }
    const info = infoOf({ run_id: 'run-2', uptime_in_seconds: '50' });
    connection.replace(info);
    await connection.up();
    ask('grant', 't');
    await turn();
    expect(connection.commands.at(-1)?.sha).toBe(scriptsOf(info).grants);
  });
});

describe('several masters behind one node', () => {
  const SECOND = infoOf({ run_id: 'run-2', uptime_in_seconds: '1' });

  /** The keys that begin with b are on the second master, which is young. */
  async function twoMasters(): Promise<NodeOver> {
    const over = nodeOver();
    over.connection.slots = (key) => key.charCodeAt(0);
    over.connection.place = (key) => (key.startsWith('b') ? 1 : 0);
    over.connection.info_ = [OLD, SECOND];
    await over.connection.up();
    over.connection.sent.length = 0;
    return over;
  }

  it('are looked at each', async () => {
    const { connection } = await twoMasters();
    expect([...connection.scripts(0)].sort()).toEqual(Object.values(scriptsOf(OLD)).sort());
    expect([...connection.scripts(1)]).toEqual([allButGrants.sha]);
  });

  it('vote each for their own keys', async () => {
    const { node, connection } = await twoMasters();
    const replies: GrantReply[] = [];
    for (const key of ['a', 'b']) {
      const claim = { keys: [key], ownerToken: key, ttl: 1_000, wanted: () => true };
      node.grant(claim, (reply) => replies.push(reply));
    }
    await turn();
    expect(connection.sent).toEqual(['grant a', 'grant b']);
    expect(connection.commands.map(({ sha }) => sha)).toEqual([
      scriptsOf(OLD).grants,
      scriptsOf(SECOND).grants,
    ]);
    await connection.answer(['granted'], 0);
    await connection.answer(NOSCRIPT, 1);
    expect(replies).toEqual([{ kind: 'granted' }, { kind: 'quarantined', remaining: QUARANTINE - 1_000 }]);
  });

  it('do not keep each other from voting when one of them cannot be looked at', async () => {
    const over = nodeOver();
    over.connection.slots = (key) => key.charCodeAt(0);
    over.connection.place = (key) => (key.startsWith('b') ? 1 : 0);
    over.connection.info_ = [OLD, infoOf({ run_id: 'run-2', loading: '1' })];
    await over.connection.up();
    const replies: string[] = [];
    for (const key of ['a', 'b'])
      over.node.grant({ keys: [key], ownerToken: key, ttl: 1_000, wanted: () => true }, ({ kind }) =>
        replies.push(`${key} ${kind}`),
      );
    await turn();
    await over.connection.answer(['granted']);
    expect(replies.sort()).toEqual(['a granted', 'b unreachable']);
  });

  it('are no node at all when none of them can be looked at', async () => {
    const over = nodeOver();
    over.connection.info_ = [1, 2].map((n) => infoOf({ run_id: `run-${n}`, loading: '1' }));
    await over.connection.up();
    over.ask('grant', 't');
    await turn();
    expect(over.replies).toEqual(['t unreachable']);
  });

  it('are looked at before a grant that came to another one than was meant', async () => {
    const over = await twoMasters();
    over.connection.place = () => 0;
    // A redirection led it to the second one, which has no such script.
    expect(await grantNow(over, NOSCRIPT)).toBeUndefined();
    expect(over.connection.sent.slice(1, 3)).toEqual(['info', 'info']);
  });

  it('answer at once, without a grant, for a key that none of them is known to have', async () => {
    const over = await twoMasters();
    over.connection.place = () => undefined;
    const replies: unknown[] = [];
    const claim = { keys: ['a'], ownerToken: 't', ttl: 1_000, wanted: () => true };
    over.node.grant(claim, (reply) => replies.push(reply));
    await vi.waitFor(() => expect(replies).toHaveLength(1));
    expect(replies).toMatchObject([{ kind: 'unreachable', maybeExecuted: false }]);
    expect(over.connection.commands).toEqual([]);
  });
});
