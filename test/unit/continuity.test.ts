import { describe, expect, it } from 'vitest';
import { Continuity } from '../../src/quorum/continuity.ts';

describe('continuity', () => {
  it('counts no node before a round has succeeded', () => {
    const continuity = new Continuity(2);
    continuity.restored(0);
    expect(continuity.counts(0)).toBe(false);
  });

  it('counts a node that held the lock when a round succeeded', () => {
    const continuity = new Continuity(2);
    continuity.restored(0);
    continuity.succeeded();
    expect([continuity.counts(0), continuity.counts(1)]).toEqual([true, false]);
  });

  it('does not count a node that began anew, until the next success', () => {
    const continuity = new Continuity(1);
    continuity.restored(0);
    continuity.succeeded();
    continuity.restored(0);
    expect(continuity.counts(0)).toBe(false);
    continuity.succeeded();
    expect(continuity.counts(0)).toBe(true);
  });

  it('goes on for a node that still holds the lock', () => {
    const continuity = new Continuity(1);
    continuity.restored(0);
    continuity.succeeded();
    continuity.continued(0);
    expect(continuity.counts(0)).toBe(true);
  });

  it('counts a node that was found with the lock from the next success on', () => {
    const continuity = new Continuity(1);
    continuity.continued(0);
    expect(continuity.counts(0)).toBe(false);
    continuity.succeeded();
    expect(continuity.counts(0)).toBe(true);
  });

  it('ends when a node may have been without the lock', () => {
    const continuity = new Continuity(1);
    continuity.restored(0);
    continuity.succeeded();
    continuity.broke(0);
    continuity.continued(0);
    expect(continuity.counts(0)).toBe(false);
  });

  it('counts a grant of the winning round that is reported after the win', () => {
    const continuity = new Continuity(2);
    continuity.granted(0);
    continuity.succeeded();
    continuity.granted(1);
    expect([continuity.counts(0), continuity.counts(1)]).toEqual([true, true]);
  });

  it('counts no grant before the win', () => {
    const continuity = new Continuity(1);
    continuity.granted(0);
    expect(continuity.counts(0)).toBe(false);
  });

  it('knows no node beyond the list', () => {
    const continuity = new Continuity(1);
    continuity.succeeded();
    expect(continuity.counts(7)).toBe(false);
  });
});
