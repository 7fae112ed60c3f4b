import { randomBytes } from 'node:crypto';

/** The only source of randomness. */
export interface Random {
  /**
   * A fresh owner token: unguessable, never the same twice. 40 lowercase hexadecimal digits: by this form other clients
   * know that it is a lock of quorlock, whose release serves the line.
   */
  token(): string;
  /** Uniform in [0, 1), for jitter. */
  fraction(): number;
}

const TOKEN_BYTES = 20;
const POOLED_TOKENS = 64;
let pool = Buffer.alloc(0);
let used = 0;

/** 160 random bits per token, drawn in blocks because one call to the system's generator costs as much as many bytes. */
export const systemRandom: Random = {
  token() {
    if (used === pool.length) {
      pool = randomBytes(TOKEN_BYTES * POOLED_TOKENS);
      used = 0;
    }
    used += TOKEN_BYTES;
    return pool.toString('hex', used - TOKEN_BYTES, used);
  },
  fraction: () => Math.random(),
};
