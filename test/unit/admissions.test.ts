import { describe, expect, it } from 'vitest';
import { type Admission, Admissions } from '../../src/node/redis/admissions.ts';
import type { RestartGuard } from '../../src/node/redis/quarantine.ts';
import type { Master } from '../../src/node/redis/redis-connection.ts';
import { gateScript, grantScript, UNGUARDED } from '../../src/node/redis/scripts/script.ts';
import { parseInfo } from '../../src/node/redis/server-info.ts';
import { FakeConnection, infoOf, scriptsOf } from '../support/fake-connection.ts';
import { ManualClock } from '../support/manual-clock.ts';

const OLD = infoOf();
const YOUNG = infoOf({ uptime_in_seconds: '10' });
const PROMOTED = infoOf({ master_replid: 'replid-2', second_repl_offset: '7' });

/** Admissions with a quarantine of a minute, and a connection that is up. */
function admissionsOver(guard: RestartGuard = 'auto') {
  const clock = new ManualClock(1_000);
  const connection = new FakeConnection();
  const admissions = new Admissions({ guard, quarantine: 60_000, clock, sampleKeys: ['sample'] });
  connection.connect();
  const master = (): Master => connection.masters()[0] as Master;
  return {
    clock,
    connection,
    admissions,
    master,
    look: (info: string): Promise<Admission> => admissions.look(master(), parseInfo(info)),
    /** The connection breaks, and is made again. */
    reconnect: async (): Promise<void> => {
      await connection.down();
      admissions.parted();
      connection.connect();
    },
  };
}

describe('a server that is old enough to remember', () => {
  it('is given the gate and the script that grants', async () => {
    const { look, admissions, connection, master } = admissionsOver();
    const admission = { kind: 'admitted', sha: scriptsOf(OLD).grants };
    expect(await look(OLD)).toEqual(admission);
    expect(admissions.of(master())).toEqual(admission);
    expect(connection.sent).toEqual(['exists', 'load gate', 'load grants']);
    expect([...connection.scripts()].sort()).toEqual(Object.values(scriptsOf(OLD)).sort());
  });

  it.each([
    ['both', ['gate', 'grants'], []],
    ['the gate of another version', ['gate'], ['load grants']],
    ['the script that grants', ['grants'], ['load gate']],
  ] as const)('is given nothing that it has: %s', async (_what, has, loads) => {
    const { look, connection } = admissionsOver();
    for (const script of has) connection.scripts().add(scriptsOf(OLD)[script]);
    expect(await look(OLD)).toMatchObject({ kind: 'admitted' });
    expect(connection.sent).toEqual(['exists', ...loads]);
  });

  it('is not admitted if it does not take the scripts', async () => {
    const { look, admissions, connection, master } = admissionsOver();
    connection.load_ = new Error('NOPERM no script');
    await expect(look(OLD)).rejects.toThrow('NOPERM no script');
    expect(admissions.of(master())).toBeUndefined();
  });
});

describe('a server that may have forgotten locks', () => {
  it('is given no script but the one that does all but grant', async () => {
    const { look, admissions, connection, master } = admissionsOver();
    const { grants: sha } = scriptsOf(YOUNG);
    const admission = { kind: 'quarantined', sha, until: 51_000, replaced: false, blank: true };
    expect(await look(YOUNG)).toEqual(admission);
    expect(admissions.of(master())).toEqual(admission);
    expect(connection.sent).toEqual(['exists', 'load all but grants']);
  });

  it('has to be looked at when its time is over', async () => {
    const { look, admissions, clock, master } = admissionsOver();
    await look(YOUNG);
    clock.advance(49_999);
    expect(admissions.of(master())).toMatchObject({ kind: 'quarantined' });
    clock.advance(1);
    expect(admissions.of(master())).toBeUndefined();
    expect(await look(YOUNG)).toMatchObject({ kind: 'admitted' });
  });

  it('is admitted if somebody else has done so', async () => {
    const { look, connection } = admissionsOver();
    connection.scripts().add(scriptsOf(YOUNG).gate);
    expect(await look(YOUNG)).toMatchObject({ kind: 'admitted' });
    expect(connection.sent).toEqual(['exists', 'load grants']);
  });

  it('is not admitted by the gate of its life before', async () => {
    const { look, connection } = admissionsOver();
    connection.scripts().add(scriptsOf(OLD).gate).add(scriptsOf(OLD).grants);
    expect(await look(PROMOTED)).toMatchObject({ kind: 'quarantined', replaced: true, until: 61_000 });
    expect(connection.sent).toEqual(['exists', 'load all but grants']);
  });

  it('is admitted when it has granted, which it could not without the script', async () => {
    const { look, admissions, master } = admissionsOver();
    const { sha } = await look(YOUNG);
    expect(admissions.granted(master())).toBe(true);
    expect(admissions.of(master())).toEqual({ kind: 'admitted', sha });
  });

  it('is admitted by a grant only once', async () => {
    const { look, admissions, master } = admissionsOver();
    await look(YOUNG);
    expect([admissions.granted(master()), admissions.granted(master())]).toEqual([true, false]);
  });

  it('is not admitted by a grant if it has taken another’s place', async () => {
    const { look, admissions, master } = admissionsOver();
    await look(PROMOTED);
    expect(admissions.granted(master())).toBe(false);
    expect(admissions.of(master())).toMatchObject({ kind: 'quarantined', replaced: true });
  });

  it('can be admitted because it is new', async () => {
    const { look, admissions, connection, master } = admissionsOver();
    const { sha } = await look(YOUNG);
    await admissions.admit(master());
    expect(admissions.of(master())).toEqual({ kind: 'admitted', sha });
    expect(connection.sent.slice(2)).toEqual(['load gate', 'load grants']);
  });

  it('can be admitted because it is new only on the connection that it was looked at', async () => {
    const { look, admissions, connection, master, reconnect } = admissionsOver();
    await look(YOUNG);
    await reconnect();
    await admissions.admit(master());
    expect(admissions.of(master())).toBeUndefined();
    expect(connection.sent).toEqual(['exists', 'load all but grants']);
  });
});

describe('a server that has lost its scripts', () => {
  it('has to be looked at', async () => {
    const { look, admissions, master } = admissionsOver();
    await look(OLD);
    admissions.missing(master());
    expect(admissions.of(master())).toBeUndefined();
  });

  it('on the connection that it was admitted on is given them again, however young it is', async () => {
    const { look, admissions, connection, master } = admissionsOver();
    connection.scripts().add(scriptsOf(YOUNG).gate);
    await look(YOUNG);
    connection.scripts().clear();
    admissions.missing(master());
    connection.sent.length = 0;
    expect(await look(YOUNG)).toMatchObject({ kind: 'admitted' });
    expect(connection.sent).toEqual(['exists', 'load gate', 'load grants']);
  });

  it('on another connection may have lost its memory too', async () => {
    const { look, connection, reconnect } = admissionsOver();
    connection.scripts().add(scriptsOf(YOUNG).gate);
    await look(YOUNG);
    connection.scripts().clear();
    await reconnect();
    expect(await look(YOUNG)).toMatchObject({ kind: 'quarantined', until: 51_000, replaced: false });
  });

  it('and was a replica meanwhile has other locks now', async () => {
    const { look, admissions, connection, master } = admissionsOver();
    await look(OLD);
    admissions.missing(master());
    connection.sent.length = 0;
    expect(await look(PROMOTED)).toMatchObject({ kind: 'quarantined', replaced: true });
    expect(connection.sent).toEqual(['exists', 'load all but grants']);
  });
});

describe('evidence', () => {
  it('is of one connection', async () => {
    const { look, admissions, connection, master, reconnect } = admissionsOver();
    await look(OLD);
    const before = master();
    await reconnect();
    expect(admissions.of(master())).toBeUndefined();
    await expect(admissions.look(before, parseInfo(OLD))).rejects.toThrow('lost');
    expect(connection.scripts().size).toBe(2);
  });

  it('that was asked for on a connection that is lost meanwhile gives nobody a script', async () => {
    const { look, connection, reconnect, admissions, master } = admissionsOver();
    let tell!: (known: boolean[]) => void;
    connection.exists_ = new Promise((resolve) => {
      tell = resolve;
    });
    const looked = look(OLD);
    await reconnect();
    tell([false, false]);
    await expect(looked).rejects.toThrow('lost');
    expect(connection.sent).toEqual(['exists']);
    expect(admissions.of(master())).toBeUndefined();
  });

  it('is of one master of several', async () => {
    const { admissions, connection } = admissionsOver();
    const young = infoOf({ run_id: 'run-2', uptime_in_seconds: '10' });
    connection.info_ = [OLD, young];
    const [first, second] = connection.masters() as [Master, Master];
    expect(await admissions.look(first, parseInfo(OLD))).toMatchObject({ kind: 'admitted' });
    // Not taken for another server in the place of the first.
    expect(await admissions.look(second, parseInfo(young))).toMatchObject({
      kind: 'quarantined',
      replaced: false,
    });
  });
});

describe('without a guard', () => {
  const { sha } = grantScript(UNGUARDED);

  it.each([OLD, YOUNG, PROMOTED])(
    'every server is admitted, by a script that admits it for nobody else',
    async (info) => {
      const { look, connection } = admissionsOver('off');
      expect(await look(info)).toEqual({ kind: 'admitted', sha });
      expect(connection.sent).toEqual(['exists', 'load grants']);
      expect([...connection.scripts()]).toEqual([sha]);
      expect(sha).not.toBe(scriptsOf(info).grants);
    },
  );

  it('a server is given nothing that it has', async () => {
    const { look, connection } = admissionsOver('off');
    connection.scripts().add(sha);
    expect(await look(YOUNG)).toEqual({ kind: 'admitted', sha });
    expect(connection.sent).toEqual(['exists']);
  });

  it('nobody is told that a server remembers', async () => {
    const { look, connection } = admissionsOver('off');
    await look(YOUNG);
    expect(connection.scripts().has(gateScript(UNGUARDED).sha)).toBe(false);
    expect(connection.scripts().has(scriptsOf(YOUNG).gate)).toBe(false);
  });
});

describe('a strict guard', () => {
  it('admits by age and by others as the usual one does', async () => {
    expect(await admissionsOver('strict').look(OLD)).toMatchObject({ kind: 'admitted' });
    expect(await admissionsOver('strict').look(YOUNG)).toMatchObject({ kind: 'quarantined' });
  });
});
