import { cut } from '../../quote.ts';
import { LAST_NUMBER } from '../counter.ts';
import type { Place, Unusable } from '../lock-node.ts';
import { type Foreign, isOwnerToken } from '../owner.ts';
import type { Operation, Reply } from './operation.ts';

const ABSENT = { kind: 'absent' } as const;
const DONE = {
  grant: { kind: 'granted' },
  confirm: { kind: 'confirmed' },
  extend: { kind: 'extended' },
  repair: { kind: 'extended' },
  release: { kind: 'released' },
  revoke: undefined,
  inspect: undefined,
} as const;

/** One operation's part of the script's reply; an Error if it failed there, or if it makes no sense. */
export function decode(
  { verb, fence, keys }: Pick<Operation, 'verb' | 'fence' | 'keys'>,
  raw: unknown,
): Reply | Unusable | Error {
  if (raw === 1 && verb === 'grant' && fence !== undefined) return granted(fence + 1, fence);
  if (raw === 1 && DONE[verb]) return DONE[verb];
  if (raw === 0 && (verb === 'confirm' || verb === 'release' || verb === 'revoke')) return ABSENT;
  if (raw instanceof Error) return raw;
  const [word, number, owner, ...rest]: unknown[] = Array.isArray(raw) ? raw : [raw];
  switch (`${verb} ${describe(word)}`) {
    case 'grant granted':
      if (fence !== undefined) return granted(Number(number), fence);
      break;
    case 'grant denied': {
      const [index, position, since] = rest;
      const key = keys[Number(index) - 1];
      if (!isDuration(number) || key === undefined) break;
      return {
        kind: 'denied',
        remaining: remainingOf(number),
        key,
        ...inTheWay(owner),
        ...standingIn(position, since),
      };
    }
    case 'extend missing':
      return { kind: 'missing' };
    case 'repair repaired':
      return { kind: 'repaired' };
    case 'extend taken':
    case 'repair taken':
      if (isDuration(number)) return { kind: 'taken', remaining: remainingOf(number), ...ownerIn(owner) };
      break;
    case 'inspect free':
      return { kind: 'free' };
    case 'inspect held':
      if (isDuration(number))
        return { kind: 'held', remaining: remainingOf(number), ...standing(owner), ...counted(rest[0]) };
      break;
    case 'revoke revoked':
      if (isDuration(number))
        return {
          kind: 'revoked',
          remaining: number,
          ...(typeof owner === 'string' ? { ownerToken: owner } : {}),
        };
      break;
    case 'revoke refused':
      if (isDuration(number)) return { kind: 'refused', remaining: remainingOf(number), ...foreignIn(owner) };
      break;
  }
  return new Error(
    `unexpected reply to ${verb}: ${describe(word)}${Array.isArray(raw) ? ` ${describe(number)}` : ''}`,
  );
}

/** A number that is not above the hint, or beyond any real clock, would break the order of tokens, also on the other nodes. */
function granted(counter: number, hint: number): Reply | Unusable {
  if (Number.isInteger(counter) && counter > hint && counter <= LAST_NUMBER)
    return { kind: 'granted', counter };
  const why = `its fencing counter is ${counter}: not a whole number above ${hint} and before the year 2200`;
  return { kind: 'unusable', why, maybeExecuted: true };
}

/** Whether PTTL may give this number for a key that exists. */
function isDuration(pttl: unknown): pttl is number {
  return typeof pttl === 'number' && pttl >= -1;
}

/** Whose lock denied a grant; or what did, if it is no lock of quorlock's. */
function inTheWay(word: unknown): { owner?: string; foreign?: Foreign; isReserved?: true } {
  if (word === 'value' || word === 'type') return { foreign: word };
  if (word === 'turn') return { isReserved: true };
  return typeof word === 'string' ? { owner: word } : {};
}

/** Whose lock it is that was found in place of one's own. */
function ownerIn(word: unknown): { owner?: string } {
  const { owner } = inTheWay(word);
  return owner === undefined ? {} : { owner };
}

/** What it is that cannot be revoked. */
function foreignIn(word: unknown): { foreign?: Foreign } {
  const { foreign } = inTheWay(word);
  return foreign === undefined ? {} : { foreign };
}

/** The counter of an inspected key. One that is no number of quorlock's counts as none. */
function counted(digits: unknown): { counter?: number } {
  const counter = typeof digits === 'string' ? Number(digits) : Number.NaN;
  return Number.isSafeInteger(counter) && counter > 0 && counter <= LAST_NUMBER ? { counter } : {};
}

/** The waiter's place, if it is in the line. A score that is no time was forged, and counts as no place. */
function standingIn(position: unknown, digits: unknown): { place?: Place } {
  const since = typeof digits === 'string' ? Number(digits) : Number.NaN;
  if (!Number.isSafeInteger(position) || !Number.isSafeInteger(since)) return {};
  return { place: { position: position as number, since } };
}

/** What an inspected key is: its value, unless it is of another type; and whether that is a lock of quorlock's. */
function standing(value: unknown): { ownerToken?: string; foreign?: Foreign } {
  if (typeof value !== 'string') return { foreign: 'type' };
  return isOwnerToken(value) ? { ownerToken: value } : { ownerToken: value, foreign: 'value' };
}

/** PTTL says −1 for a key without expiry. */
function remainingOf(pttl: number): number {
  return pttl === -1 ? Number.POSITIVE_INFINITY : pttl;
}

/** A list may be nested too deeply to be written out. */
function describe(part: unknown): string {
  return Array.isArray(part) ? 'a list' : cut(String(part));
}
