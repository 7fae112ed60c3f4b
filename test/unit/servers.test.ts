import { describe, expect, it } from 'vitest';
import { parseInfo, unfit } from '../../src/node/redis/server-info.ts';
import { Servers } from '../../src/node/redis/servers.ts';
import { infoOf } from '../support/fake-connection.ts';

describe('servers behind nodes', () => {
  it('belong to the node that claimed them first', () => {
    const servers = new Servers();
    expect(servers.claim('a', ['1'])).toBeUndefined();
    expect(servers.claim('b', ['2', '1'])).toBe('a');
    expect(servers.claim('c', ['2'])).toBeUndefined();
  });

  it('can be claimed again by the same node', () => {
    const servers = new Servers();
    servers.claim('a', ['1']);
    expect(servers.claim('a', ['1', '2'])).toBeUndefined();
  });

  it('are let go when their node claims others', () => {
    const servers = new Servers();
    servers.claim('a', ['1']);
    servers.claim('a', ['2']);
    expect(servers.claim('b', ['1'])).toBeUndefined();
  });
});

describe('what INFO tells', () => {
  it('is read line by line, whatever ends a line', () => {
    const { fields, runId } = parseInfo(
      '# Server\r\nredis_version:7.2.0\r\nrun_id:abc\nexecutable:/a:b\n\nnonsense',
    );
    expect([...fields]).toEqual([
      ['redis_version', '7.2.0'],
      ['run_id', 'abc'],
      ['executable', '/a:b'],
    ]);
    expect(runId).toBe('abc');
  });

  it.each([
    [{}, undefined],
    [{ redis_version: '8.0.1' }, undefined],
    [{ redis_version: '10.0.0' }, undefined],
    [{ redis_version: '6.9.9' }, 'version 6.9.9 is older than 7.0'],
    [{ redis_version: 'unstable' }, 'version unstable is older than 7.0'],
    [{ run_id: '' }, 'INFO has no run_id, so a restart could not be recognised'],
    [{ master_replid: '' }, 'INFO has no master_replid, so a restart could not be recognised'],
    [{ maxmemory: '100', maxmemory_policy: 'noeviction' }, undefined],
    [{ maxmemory: '0', maxmemory_policy: 'allkeys-lru' }, undefined],
    [
      { maxmemory: '100', maxmemory_policy: 'volatile-ttl' },
      'maxmemory-policy volatile-ttl would evict locks; set it to noeviction',
    ],
    [
      { maxmemory: 'x', maxmemory_policy: 'allkeys-lru' },
      'maxmemory-policy allkeys-lru would evict locks; set it to noeviction',
    ],
  ] as [Record<string, string>, string | undefined][])(
    '%j makes a server unfit for good: %s',
    (fields, why) => {
      expect(unfit(parseInfo(infoOf(fields)), false)).toEqual(
        why && { kind: 'unusable', why, isPermanent: true },
      );
    },
  );

  it.each(['slave', 'sentinel'])('makes a server unfit as long as its role is %s', (role) => {
    const why = `its role is ${role}: a replica takes no locks`;
    expect(unfit(parseInfo(infoOf({ role })), false)).toEqual({ kind: 'unusable', why });
  });

  it.each([undefined, null, 7, ['run_id:x'], ''])('makes a server unfit if it is no text: %j', (text) => {
    const why = 'it says nothing about itself in INFO';
    expect(unfit(parseInfo(text), false)).toEqual({ kind: 'unusable', why, isPermanent: true });
  });

  it('makes a master that Sentinel names unfit unless it stops writing without replicas', () => {
    const why = expect.stringContaining('min-replicas-to-write');
    expect(unfit(parseInfo(infoOf()), true)).toEqual({ kind: 'unusable', why, isPermanent: true });
    // Redis says how many good replicas there are only if it must have some.
    expect(unfit(parseInfo(infoOf({ min_slaves_good_slaves: '0' })), true)).toBeUndefined();
    expect(unfit(parseInfo(infoOf()), false)).toBeUndefined();
  });
});

describe('two nodes that lead to one server', () => {
  it('make the later one unfit for good', () => {
    const servers = new Servers();
    const found = [parseInfo(infoOf())];
    expect(servers.check('a', found, false)).toBeUndefined();
    const why = 'it is the same server as a';
    expect(servers.check('b', found, false)).toEqual({ kind: 'unusable', why, isPermanent: true });
  });
});
