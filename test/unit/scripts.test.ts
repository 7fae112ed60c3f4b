import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { allButGrants, gateScript, grantScript } from '../../src/node/redis/scripts/script.ts';
import { parseInfo } from '../../src/node/redis/server-info.ts';
import { infoOf } from '../support/fake-connection.ts';

describe('the gate', () => {
  it('is the same in every version of quorlock', () => {
    // To change it is to admit and quarantine servers beside other versions, which know nothing of it.
    expect(gateScript('run-id replid').text).toBe(
      'return 1 -- quorlock: this server remembers its locks: run-id replid',
    );
  });

  it('is of one life of a server', () => {
    expect(gateScript('a x').sha).not.toBe(gateScript('a y').sha);
    expect(gateScript('a x').sha).not.toBe(gateScript('b x').sha);
  });
});

describe('the script that grants', () => {
  it('is of one life of a server', () => {
    expect(grantScript('a x').sha).not.toBe(grantScript('a y').sha);
    expect(grantScript('a x').sha).not.toBe(grantScript('b x').sha);
  });

  it('says nothing of that life but in a comment at its end', () => {
    const [life, other] = ['a x', 'b y'].map((incarnation) => grantScript(incarnation).text.split('\n'));
    expect(life?.at(-1)).toBe('-- a x');
    expect(life?.slice(0, -1)).toEqual(other?.slice(0, -1));
  });
});

describe('a script', () => {
  it.each([
    ['the gate', gateScript('a x')],
    ['the one that grants', grantScript('a x')],
    ['the one that grants nothing', allButGrants],
  ])('is known by the SHA-1 of its text: %s', (_which, { text, sha }) => {
    expect(sha).toBe(createHash('sha1').update(text).digest('hex'));
  });

  it('that any server may have is neither of the others', () => {
    expect(allButGrants.text).not.toBe(grantScript('a x').text);
  });
});

describe('a life of a server, by INFO', () => {
  it('is its run and its replication id', () => {
    expect(parseInfo(infoOf()).incarnation).toBe('run-1 replid-1');
  });

  it('has lasted for its uptime, in ms', () => {
    expect(parseInfo(infoOf({ uptime_in_seconds: '12' })).uptime).toBe(12_000);
  });

  it.each([
    ['-1', false],
    ['0', true],
    ['1234', true],
  ])('began with a promotion if it has a second replication offset: %s', (offset, promoted) => {
    expect(parseInfo(infoOf({ second_repl_offset: offset })).promoted).toBe(promoted);
  });

  it.each(['x', '', '-1000000000000', '-1', '1e400', 'NaN'])(
    'has just begun if its uptime is %j',
    (uptime_in_seconds) => {
      expect(parseInfo(infoOf({ uptime_in_seconds })).uptime).toBe(0);
    },
  );

  it('began with a promotion if its second replication offset is no number', () => {
    expect(parseInfo(infoOf({ second_repl_offset: 'x' })).promoted).toBe(true);
  });

  it('is taken for a new one where nothing is told', () => {
    expect(parseInfo('')).toMatchObject({ runId: '', incarnation: ' ', uptime: 0, promoted: false });
  });
});
