import { tagged } from './hash-tag.ts';

const CHANNEL_PREFIX = 'quorlock:released:';

/** The sharded channel on which the releases of a key are published, in the same hash slot. The message says whose: {@link ownerOf}. */
export function channelOf(key: string): string {
  return CHANNEL_PREFIX + tagged(key);
}
