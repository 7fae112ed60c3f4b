import { describe, expect, it } from 'vitest';
import { parseInfo, unfit } from '../../src/node/server-info.ts';
import { Servers } from '../../src/node/servers.ts';
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
    [{ role: 'slave' }, 'its role is slave: a replica takes no locks'],
    [{ role: 'sentinel' }, 'its role is sentinel: a replica takes no locks'],
    [{ maxmemory: '100', maxmemory_policy: 'noeviction' }, undefined],
    [{ maxmemory: '0', maxmemory_policy: 'allkeys-lru' }, undefined],
    [
      { maxmemory: '100', maxmemory_policy: 'volatile-ttl' },
      'maxmemory-policy volatile-ttl would evict locks; set it to noeviction',
    ],
  ] as [Record<string, string>, string | undefined][])('%j makes a server unfit: %s', (fields, why) => {
    expect(unfit(parseInfo(infoOf(fields)))).toBe(why);
  });
});
