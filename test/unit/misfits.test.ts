import { describe, expect, it } from 'vitest';
import { Misfits } from '../../src/node/redis/misfits.ts';

const OLD = { kind: 'unusable', why: 'too old', isPermanent: true } as const;
const OTHER = { kind: 'unusable', why: 'evicts', isPermanent: true } as const;
const PASSING = { kind: 'unusable', why: 'a replica' } as const;

describe('what no waiting cures', () => {
  it('is permanent when a second check has found it, not before', () => {
    const misfits = new Misfits();
    expect(misfits.found(OLD, 1_000)).toEqual({ kind: 'unusable', why: 'too old' });
    expect(misfits.found(OLD, 1_250)).toEqual(OLD);
  });

  it('is not permanent when one check is reported twice', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000);
    expect(misfits.found(OLD, 1_002)).not.toHaveProperty('isPermanent');
  });

  it('is not permanent when the node was fit meanwhile', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000);
    misfits.none();
    expect(misfits.found(OLD, 1_250)).not.toHaveProperty('isPermanent');
  });

  it('is not permanent when the node has voted on the same key meanwhile', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000, 'k');
    misfits.voted('k');
    expect(misfits.found(OLD, 1_250, 'k')).not.toHaveProperty('isPermanent');
  });

  it('is permanent though the node has voted on another key meanwhile', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000, 'k');
    misfits.voted('l');
    expect(misfits.found(OLD, 1_250, 'k')).toEqual(OLD);
  });

  it('is not permanent when it concerns no key, and the node has voted meanwhile', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000);
    misfits.voted('l');
    expect(misfits.found(OLD, 1_250)).not.toHaveProperty('isPermanent');
  });

  it('is not permanent when something else was found before', () => {
    const misfits = new Misfits();
    misfits.found(OTHER, 1_000);
    expect(misfits.found(OLD, 1_250)).not.toHaveProperty('isPermanent');
  });

  it('is not permanent when it was found long ago', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000);
    expect(misfits.found(OLD, 61_000)).not.toHaveProperty('isPermanent');
    expect(misfits.found(OLD, 61_250)).toEqual(OLD);
  });

  it('stays permanent for as long as checks find it', () => {
    const misfits = new Misfits();
    for (let now = 1_000; now < 200_000; now += 50_000) misfits.found(OLD, now);
    expect(misfits.found(OLD, 201_000)).toEqual(OLD);
  });

  it('is no more than a bounded number of things', () => {
    const misfits = new Misfits();
    misfits.found(OLD, 1_000);
    for (let i = 0; i < 1_000; i++) misfits.found({ ...OLD, why: `no key ${i}` }, 1_000);
    expect(misfits.found(OLD, 1_250)).not.toHaveProperty('isPermanent');
  });
});

it('what passes is never permanent', () => {
  const misfits = new Misfits();
  misfits.found(PASSING, 1_000);
  expect(misfits.found(PASSING, 1_250)).toEqual(PASSING);
});
