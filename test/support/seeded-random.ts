import type { Random } from '../../src/random.ts';

/**
 * The same sequence for the same seed (32 bits of it count). Tokens begin with the seed and a serial number, so
 * that they are unique among all generators of a test as long as their seeds differ.
 */
export function seededRandom(seed: number): Random {
  const uint32 = mulberry32(seed);
  let serial = 0;
  return {
    token: () => [seed >>> 0, serial++, uint32(), uint32(), uint32()].map(hex).join(''),
    fraction: () => uint32() / 2 ** 32,
  };
}

/** @see https://github.com/cprosche/mulberry32 */
function mulberry32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

function hex(uint32: number): string {
  return uint32.toString(16).padStart(8, '0');
}
