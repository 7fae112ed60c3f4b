import { checkNames, number, wrong } from '../bad-input.ts';
import { quote } from '../quote.ts';
import { FencingMarkError, StaleFencingTokenError } from './errors.ts';
import { checkClient, evaluate, type FencedRedis, keyPrefixOf } from './guard-client.ts';
import { GUARD } from './guard-script.ts';
import { markKeyOf } from './mark-key.ts';
import { checkFencingToken } from './token.ts';

export interface FencedSetOptions {
  /** For how many ms the value is kept; the mark stays. @default for ever */
  readonly ttl?: number | undefined;
}

/**
 * Sets `key` to `value`, as `SET` does, unless a later holder has been there. Which token was the largest is kept,
 * without expiry, in a second key beside it; both are looked at and written in one step.
 *
 * Rejects with {@link StaleFencingTokenError} when a later holder has been there, and {@link FencingMarkError} when
 * what is kept is no token. Bad input is a `TypeError` or `RangeError`, and nothing is sent.
 */
export async function fencedSet(
  client: FencedRedis,
  key: string,
  value: string | Buffer,
  fencingToken: number,
  options: FencedSetOptions = {},
): Promise<void> {
  if (typeof value !== 'string' && !Buffer.isBuffer(value))
    throw wrong(TypeError, 'value', value, 'a string or a Buffer');
  checkNames('options', options, ['ttl']);
  const ttl = number('ttl', options.ttl, 0, { min: 1, max: Number.MAX_SAFE_INTEGER, whole: true });
  await guard(client, key, fencingToken, ['SET', value, ...(ttl > 0 ? ['PX', String(ttl)] : [])]);
}

/** Deletes `key` unless a later holder has been there; rejects as {@link fencedSet} does. The mark stays. */
export async function fencedDelete(client: FencedRedis, key: string, fencingToken: number): Promise<void> {
  await guard(client, key, fencingToken, ['DEL']);
}

/**
 * Shows the token and does nothing else: from now on earlier holders are refused at this key. Do it before you read
 * what you are about to change. Rejects as {@link fencedSet} does.
 */
export async function fencedCheck(client: FencedRedis, key: string, fencingToken: number): Promise<void> {
  await guard(client, key, fencingToken, []);
}

async function guard(
  client: FencedRedis,
  key: string,
  fencingToken: number,
  command: readonly (string | Buffer)[],
): Promise<void> {
  checkClient(client);
  checkFencingToken(fencingToken);
  const markKey = markKeyOf(key, keyPrefixOf(client));
  // Not by EVALSHA: to send again what a server did not know would change the order of one holder's writes.
  const [verdict, found] = await evaluate(client, GUARD, [key, markKey], [String(fencingToken), ...command]);
  if (verdict === 'accepted') return;
  if (verdict === 'stale') throw new StaleFencingTokenError(key, fencingToken, Number(found));
  if (verdict === 'unreadable') throw new FencingMarkError(key, fencingToken, markKey, String(found));
  throw new TypeError(`client did not say how the guard of ${quote(key)} decided`);
}
