import { beforeEach, describe, expect, it } from 'vitest';
import { Releases } from '../../src/node/redis/releases.ts';
import { type FakeSubscriber, PublishingConnection } from '../support/fake-subscriber.ts';
import { ManualClock } from '../support/manual-clock.ts';

const AFTER_REFUSAL = 60_000;
const NOPERM = new Error('NOPERM No permissions to access a channel');
const LOADING = new Error('LOADING Redis is loading the dataset in memory');
const UNKNOWN = new Error("ERR unknown command 'SSUBSCRIBE'");

let clock: ManualClock;
let connection: PublishingConnection;
let releases: Releases;

beforeEach(() => {
  clock = new ManualClock(1_000);
  connection = new PublishingConnection();
  releases = new Releases({ connection, clock });
});

/** From when on one who listens is told of releases, in ms of the clock. */
function listen(key: string): number[] {
  const told: number[] = [];
  releases.listen(key, { listening: (since) => told.push(since), deaf: () => {}, released: () => {} });
  return told;
}

function lastSubscriber(): FakeSubscriber {
  const found = connection.subscribers.at(-1);
  if (!found) throw new Error('no subscriber');
  return found;
}

describe('a server that refuses to let anybody listen', () => {
  it.each([
    ['for want of a right', NOPERM],
    ['because it knows no such command', UNKNOWN],
  ])('%s is asked again after a minute, and not before', (_why, error) => {
    const told = listen('k');
    lastSubscriber().up();
    lastSubscriber().answer(error);
    clock.advance(AFTER_REFUSAL - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    expect(connection.subscribers).toHaveLength(2);
    lastSubscriber().up();
    lastSubscriber().answer();
    expect(told).toEqual([1_000 + AFTER_REFUSAL]);
  });

  it('while it is to be asked again soon for another reason is asked after a minute', () => {
    const told = [listen('k'), listen('l')];
    lastSubscriber().up();
    lastSubscriber().answer(LOADING);
    clock.advance(100);
    lastSubscriber().answer(NOPERM);
    clock.advance(AFTER_REFUSAL - 1);
    expect(connection.subscribers).toHaveLength(1);
    clock.advance(1);
    expect(connection.subscribers).toHaveLength(2);
    lastSubscriber().up();
    for (const _key of told) lastSubscriber().answer();
    expect(told).toEqual([[61_100], [61_100]]);
  });
});

describe('an answer that comes after closing', () => {
  it.each([
    ['the connection is closed', new Error('Connection is closed.')],
    ['the server is loading', LOADING],
    ['it is not allowed', NOPERM],
  ])('leaves no timer: %s', (_what, error) => {
    const told = listen('k');
    lastSubscriber().up();
    releases.close();
    lastSubscriber().answer(error);
    expect(clock.pending).toBe(0);
    clock.advance(AFTER_REFUSAL * 2);
    expect(connection.subscribers).toHaveLength(1);
    expect(told).toEqual([]);
  });

  it('tells nobody of a success', () => {
    const told = listen('k');
    lastSubscriber().up();
    releases.close();
    lastSubscriber().answer();
    expect(told).toEqual([]);
    expect(clock.pending).toBe(0);
  });
});
