import { describe, expect, it } from 'vitest';
import { ColdStart } from '../../src/node/redis/cold-start.ts';
import type { RestartGuard } from '../../src/node/redis/quarantine.ts';
import { Servers } from '../../src/node/redis/servers.ts';
import {
  FakeConnection,
  infoOf,
  type NodeOver,
  nodeOver,
  QUARANTINE,
  scriptsOf,
} from '../support/fake-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { turn } from '../support/peek.ts';

/** INFO of the server behind node n, which started a second ago; or so many. */
function young(n: number, uptime = 1): string {
  return infoOf({ run_id: `run-${n}`, master_replid: `replid-${n}`, uptime_in_seconds: String(uptime) });
}

/** Three nodes of one client, whose servers have just been started and are not connected to yet. */
function three(guard: RestartGuard = 'auto'): NodeOver[] {
  const clock = new ManualClock(1_000);
  const coldStart = new ColdStart(guard === 'auto');
  const servers = new Servers();
  return [0, 1, 2].map((n) => {
    const connection = new FakeConnection(`node-${n}`);
    connection.info_ = [young(n)];
    return nodeOver({ connection, clock, coldStart, servers, guard });
  });
}

async function up(...nodes: readonly (NodeOver | undefined)[]): Promise<void> {
  for (const over of nodes) await over?.connection.up();
}

function askAll(nodes: readonly NodeOver[]): void {
  for (const { ask } of nodes) ask('grant', 't');
}

/** The scripts by which grants went to the nodes; undefined for one that got none. */
function grantedBy(nodes: readonly NodeOver[]): (string | undefined)[] {
  return nodes.map(
    ({ connection }) => connection.commands.find(({ operations }) => operations[0] === 'grant t')?.sha,
  );
}

/** Whether the servers have been admitted. */
function admitted(nodes: readonly NodeOver[]): boolean[] {
  return nodes.map(({ connection }, n) => connection.scripts().has(scriptsOf(young(n)).gate));
}

/** Three nodes of which another process has admitted the first; the grants of this client wait. */
async function halfAdmitted(): Promise<NodeOver[]> {
  const nodes = three();
  for (const sha of Object.values(scriptsOf(young(0)))) nodes[0]?.connection.scripts().add(sha);
  askAll(nodes);
  await up(...nodes);
  return nodes;
}

const FIRST_LOOK = ['info', 'exists', 'load all but grants'];

describe('new servers on all nodes', () => {
  it('are admitted when they have been looked at twice', async () => {
    const nodes = three();
    askAll(nodes);
    await up(...nodes);
    expect(admitted(nodes)).toEqual([true, true, true]);
    for (const { connection } of nodes)
      expect(connection.sent).toEqual([
        ...FIRST_LOOK,
        'info',
        'exists',
        'load gate',
        'load grants',
        'grant t',
      ]);
  });

  it('get the grants that waited for that, by the script that was loaded', async () => {
    const nodes = three();
    askAll(nodes);
    await up(...nodes);
    expect(grantedBy(nodes)).toEqual([0, 1, 2].map((n) => scriptsOf(young(n)).grants));
  });

  it('get no grant before the last of them has been looked at', async () => {
    const nodes = three();
    askAll(nodes);
    await up(nodes[0], nodes[1]);
    expect(grantedBy(nodes)).toEqual([undefined, undefined, undefined]);
    expect(admitted(nodes)).toEqual([false, false, false]);
    await up(nodes[2]);
    expect(admitted(nodes)).toEqual([true, true, true]);
  });

  it('say that they vote', async () => {
    const nodes = three();
    await up(...nodes);
    for (const { voting } of nodes) expect(voting()).toBeGreaterThan(0);
  });

  it('are admitted by the usual guard only', async () => {
    const nodes = three('strict');
    askAll(nodes);
    await up(...nodes);
    expect(admitted(nodes)).toEqual([false, false, false]);
    for (const { connection } of nodes) expect(connection.sent).toEqual([...FIRST_LOOK, 'grant t']);
  });

  it('leave no timer once they vote', async () => {
    const nodes = three();
    await up(...nodes);
    // No command is without an answer any more.
    await nodes[0]?.clock.advanceAsync(1_000);
    expect(nodes[0]?.clock.pending).toBe(0);
  });
});

describe('new servers on some nodes', () => {
  it('are in quarantine if another remembers', async () => {
    const nodes = three();
    const [first] = nodes as [NodeOver];
    first.connection.info_ = [infoOf({ run_id: 'run-0' })];
    await up(...nodes);
    expect(admitted(nodes)).toEqual([false, false, false]);
    for (const { connection } of nodes.slice(1)) expect(connection.sent).toEqual(FIRST_LOOK);
  });

  it('are in quarantine if another is down', async () => {
    const nodes = three();
    await up(nodes[0], nodes[1]);
    await nodes[2]?.connection.down(new Error('connect ECONNREFUSED'));
    expect(admitted(nodes)).toEqual([false, false, false]);
    askAll(nodes);
    await turn();
    expect(nodes[0]?.connection.sent).toEqual([...FIRST_LOOK, 'grant t']);
  });

  it('are in quarantine if another does not answer in time', async () => {
    const nodes = three();
    askAll(nodes);
    await up(nodes[0], nodes[1]);
    await nodes[0]?.clock.advanceAsync(2_000);
    expect(admitted(nodes)).toEqual([false, false, false]);
    expect(nodes[0]?.connection.sent).toEqual([...FIRST_LOOK, 'grant t']);
    expect(nodes[2]?.replies).toEqual(['t unreachable']);
  });

  it('are in quarantine if another is not fit', async () => {
    const nodes = three();
    const last = nodes[2] as NodeOver;
    last.connection.info_ = [infoOf({ run_id: 'run-2', role: 'slave' })];
    await up(...nodes);
    expect(admitted(nodes)).toEqual([false, false, false]);
  });

  it('are admitted with the one that was down once that is back, and new too', async () => {
    const nodes = three();
    await up(nodes[0], nodes[1]);
    await nodes[2]?.connection.down(new Error('connect ECONNREFUSED'));
    await up(nodes[2]);
    expect(admitted(nodes)).toEqual([true, true, true]);
  });

  it('are looked at again every second for as long as they may all be new', async () => {
    const nodes = three();
    const { connection, clock } = nodes[0] as NodeOver;
    await up(nodes[0], nodes[1]);
    await nodes[2]?.connection.down(new Error('connect ECONNREFUSED'));
    for (let looks = 1; looks <= 3; looks++) {
      await clock.advanceAsync(999);
      expect(connection.sent.filter((each) => each === 'info')).toHaveLength(looks);
      await clock.advanceAsync(1);
      expect(connection.sent.filter((each) => each === 'info')).toHaveLength(looks + 1);
    }
  });

  it('are not looked at every second once one is found to remember', async () => {
    const nodes = three();
    const { connection, clock } = nodes[0] as NodeOver;
    (nodes[2] as NodeOver).connection.info_ = [infoOf({ run_id: 'run-2' })];
    await up(...nodes);
    await clock.advanceAsync(QUARANTINE - 1_001);
    expect(connection.sent).toEqual(FIRST_LOOK);
    await clock.advanceAsync(1);
    expect(connection.sent.slice(3)).toEqual(['info', 'exists', 'load gate', 'load grants']);
  });

  it('are admitted a second after one of them was too busy to be looked at twice', async () => {
    const nodes = three();
    const [first] = nodes as [NodeOver];
    await up(nodes[0], nodes[1]);
    first.connection.info_ = new Error('BUSY Redis is busy running a script');
    await up(nodes[2]);
    expect(first.connection.sent).toEqual([...FIRST_LOOK, 'info']);
    expect(admitted(nodes)).toEqual([false, false, false]);
    first.connection.info_ = [young(0)];
    await first.clock.advanceAsync(999);
    expect(admitted(nodes)).toEqual([false, false, false]);
    await first.clock.advanceAsync(1);
    expect(admitted(nodes)).toEqual([true, true, true]);
  });

  it('are in quarantine if the second look was over another connection', async () => {
    const nodes = three();
    const [first] = nodes as [NodeOver];
    await up(nodes[0], nodes[1]);
    first.connection.renew();
    await up(nodes[2]);
    expect(first.connection.sent).toEqual([...FIRST_LOOK, 'info', 'exists']);
    expect(admitted(nodes)).toEqual([false, false, false]);
  });

  it('are in quarantine if one has another connection by the time that the last was looked at', async () => {
    const nodes = three();
    const [first, , last] = nodes as [NodeOver, NodeOver, NodeOver];
    await up(nodes[0], nodes[1]);
    await last.connection.down(new Error('connect ECONNREFUSED'));
    await first.clock.advanceAsync(500);
    // Its first look is done, and its second hangs.
    last.connection.connect();
    let tell!: (known: boolean[]) => void;
    while (!last.connection.sent.includes('load all but grants')) await Promise.resolve();
    last.connection.exists_ = new Promise((resolve) => {
      tell = resolve;
    });
    await turn();
    first.connection.renew();
    await first.clock.advanceAsync(500);
    // A further look at it hangs too.
    last.connection.exists_ = 'hold';
    tell([false, false, false]);
    await turn();
    expect(first.connection.scripts().has(scriptsOf(young(0)).gate)).toBe(false);
  });

  it('are in quarantine if another has restarted between the two looks', async () => {
    const nodes = three();
    const [first] = nodes as [NodeOver];
    await up(nodes[1], nodes[2]);
    let tell!: (known: boolean[]) => void;
    first.connection.exists_ = new Promise((resolve) => {
      tell = resolve;
    });
    await up(first);
    await first.connection.down();
    first.connection.replace(young(3, 0));
    first.connection.exists_ = 'hold';
    await up(first);
    tell([false, false]);
    await turn();
    expect(admitted(nodes)).toEqual([false, false, false]);
  });
});

describe('servers that restart after one was seen to remember', () => {
  it('are in quarantine, also when all of them do', async () => {
    const nodes = three();
    await up(...nodes);
    for (const { connection } of nodes) await connection.down();
    for (const [n, { connection }] of nodes.entries()) connection.replace(young(n + 3));
    await up(...nodes);
    for (const [n, { connection }] of nodes.entries())
      expect(connection.scripts().has(scriptsOf(young(n + 3)).gate)).toBe(false);
    askAll(nodes);
    await turn();
    const { connection, replies } = nodes[0] as NodeOver;
    await connection.answer(new Error('NOSCRIPT'));
    expect(replies).toEqual(['t quarantined']);
  });
});

describe('new servers that another process is admitting', () => {
  it('are given a moment before anything is asked of them', async () => {
    const nodes = await halfAdmitted();
    expect(grantedBy(nodes).slice(1)).toEqual([undefined, undefined]);
    await nodes[0]?.clock.advanceAsync(49);
    expect(grantedBy(nodes).slice(1)).toEqual([undefined, undefined]);
  });

  it('are looked at once more then, and vote if they have been admitted', async () => {
    const nodes = await halfAdmitted();
    for (const n of [1, 2])
      for (const sha of Object.values(scriptsOf(young(n)))) nodes[n]?.connection.scripts().add(sha);
    await nodes[0]?.clock.advanceAsync(50);
    for (const { connection } of nodes.slice(1))
      expect(connection.sent).toEqual([...FIRST_LOOK, 'info', 'exists', 'grant t']);
    expect(grantedBy(nodes)).toEqual([0, 1, 2].map((n) => scriptsOf(young(n)).grants));
  });

  it('are in quarantine if they have not been admitted by then', async () => {
    const nodes = await halfAdmitted();
    await nodes[0]?.clock.advanceAsync(50);
    const { connection, replies } = nodes[1] as NodeOver;
    await connection.answer(new Error('NOSCRIPT No matching script.'));
    expect(replies).toEqual(['t quarantined']);
    expect(admitted(nodes)).toEqual([true, false, false]);
  });

  it('are looked at again though the connection broke while they were waited for', async () => {
    const coldStart = new ColdStart(true);
    const other = { name: 'other', probe: async () => false, admit: async () => {} };
    coldStart.join(other);
    coldStart.report(other, 'other');
    const { connection, clock, ask } = nodeOver({ coldStart });
    connection.info_ = [young(0)];
    await connection.up();
    coldStart.report(other, 'admitted young');
    // It is looked at after a second, and waits a while for the other process.
    await clock.advanceAsync(1_000);
    await connection.down();
    await connection.up();
    await clock.advanceAsync(QUARANTINE);
    connection.info_ = [young(0, Math.ceil(QUARANTINE / 1_000))];
    ask('grant', 't');
    await clock.advanceAsync(1_000);
    expect(connection.sent.at(-1)).toBe('grant t');
    expect(connection.scripts().has(scriptsOf(young(0)).grants)).toBe(true);
  });

  it('are not waited for where the first is too old to be new', async () => {
    const nodes = three();
    const [first] = nodes as [NodeOver];
    first.connection.info_ = [young(0, Math.ceil(QUARANTINE / 1_000))];
    askAll(nodes);
    await up(...nodes);
    expect(grantedBy(nodes).slice(1)).not.toContain(undefined);
  });

  it('leave no timer when the node is closed meanwhile', async () => {
    const nodes = await halfAdmitted();
    const closing = nodes.map(({ node }) => node.close(10));
    await nodes[0]?.clock.advanceAsync(10);
    await Promise.all(closing);
    expect(nodes[0]?.clock.pending).toBe(0);
  });
});
