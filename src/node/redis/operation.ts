import { cut } from '../../quote.ts';
import { counterOf, LAST_NUMBER } from '../counter.ts';
import { inboxOf } from '../inbox.ts';
import type {
  ConfirmReply,
  Deliver,
  ExtendReply,
  GrantReply,
  InspectReply,
  NoAnswer,
  Place,
  ReleaseReply,
  ReleaseRequest,
  RepairReply,
  Unusable,
  Waiter,
} from '../lock-node.ts';
import { type Foreign, isOwnerToken } from '../owner.ts';

type Reply = GrantReply | ConfirmReply | ExtendReply | RepairReply | ReleaseReply | InspectReply;

/** One operation on its way to a server. */
export class Operation {
  readonly verb: 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'inspect';
  readonly keys: readonly string[];
  readonly ownerToken: string;
  /** Of a grant, an extension or a repair, in ms. */
  readonly ttl: number;
  /** Of a release: {@link ReleaseRequest.afterwards}. */
  readonly afterwards: ReleaseRequest['afterwards'];
  /** For how long a free key is reserved for the first in its line, in ms. */
  readonly reservation: number;
  /** Who waits in a line, if that is who asks. */
  readonly waiter: Waiter | undefined;
  /** What the keys' counters are raised to, or above; undefined without fencing. */
  readonly fence: number | undefined;
  /** Whether it may still be written: a grant, confirmation, extension or repair is dropped once its round is decided. */
  readonly wanted: () => boolean;
  readonly deliver: (reply: Reply | NoAnswer) => void;

  private constructor(
    verb: Operation['verb'],
    { keys, ownerToken, ttl = 0, afterwards = 'serve', reservation = 1, waiter, wanted = always }: Subject,
    fence: number | undefined,
    deliver: (reply: never) => void,
  ) {
    this.verb = verb;
    this.keys = keys;
    this.ownerToken = ownerToken;
    this.ttl = ttl;
    this.afterwards = afterwards;
    this.reservation = reservation;
    this.waiter = waiter;
    this.fence = fence;
    this.wanted = wanted;
    this.deliver = deliver as Operation['deliver'];
  }

  /** An operation whose reply has the type that its verb promises; {@link decode} sees to it. */
  static of<R extends Reply>(
    verb: Operation['verb'],
    subject: Subject,
    fence: number | undefined,
    deliver: Deliver<R>,
  ): Operation {
    return new Operation(verb, subject, fence, deliver);
  }
}

/** What an operation is about. */
interface Subject {
  readonly keys: readonly string[];
  readonly ownerToken: string;
  readonly ttl?: number;
  readonly afterwards?: ReleaseRequest['afterwards'];
  readonly reservation?: number | undefined;
  readonly waiter?: Waiter | undefined;
  readonly wanted?: () => boolean;
}

const always = (): boolean => true;

/** How many KEYS it takes in a command: its own, and their counters. */
export function keyCountOf({ keys, fence }: Operation): number {
  return fence === undefined ? keys.length : 2 * keys.length;
}

/** The KEYS and ARGV of a batch, as the script takes them. On a Redis Cluster, inboxes name the hash tag of their key. */
export function encode(
  batch: readonly Operation[],
  fenceRetention: number,
  isSharded: boolean,
): { keys: string[]; args: (string | number)[] } {
  const keys: string[] = [];
  const args: (string | number)[] = [fenceRetention];
  for (const operation of batch) {
    const { verb, keys: own, ownerToken, ttl, fence, waiter } = operation;
    keys.push(...own);
    if (fence !== undefined) for (const key of own) keys.push(counterOf(key));
    const wireVerb = waiter ? wireVerbOf(operation) : verb;
    const time = verb === 'release' ? reservationOf(operation) : ttl;
    args.push(wireVerb, own.length, ownerToken, time, numberOf(verb, fence));
    if (!waiter) continue;
    args.push(inboxOf(waiter.name, isSharded ? waiter.key : undefined));
    if (wireVerb !== 'leave') args.push(waiter.since, own.indexOf(waiter.key) + 1);
    if (wireVerb === 'stand') args.push(reservationOf(operation));
  }
  return { keys, args };
}

/** The script's verb for what a waiter asks. */
function wireVerbOf({ verb, afterwards }: Operation): 'stand' | 'leave' | 'yield' {
  if (verb === 'grant') return 'stand';
  return afterwards === 'yield' ? 'yield' : 'leave';
}

/** At least 1 ms: to the script, 0 says that nobody is served. */
function reservationOf({ afterwards, reservation }: Operation): number {
  return afterwards === 'hand over' ? 0 : Math.max(1, reservation);
}

/** The number that counters are raised to: by a grant, above `fence`. */
function numberOf(verb: Operation['verb'], fence: number | undefined): number | '' {
  if (fence === undefined) return '';
  return verb === 'grant' ? fence + 1 : fence;
}

const ABSENT = { kind: 'absent' } as const;
const DONE = {
  grant: { kind: 'granted' },
  confirm: { kind: 'confirmed' },
  extend: { kind: 'extended' },
  repair: { kind: 'extended' },
  release: { kind: 'released' },
  inspect: undefined,
} as const;

/** One operation's part of the script's reply; an Error if it failed there, or if it makes no sense. */
export function decode(
  { verb, fence, keys }: Pick<Operation, 'verb' | 'fence' | 'keys'>,
  raw: unknown,
): Reply | Unusable | Error {
  if (raw === 1 && verb === 'grant' && fence !== undefined) return granted(fence + 1, fence);
  if (raw === 1 && DONE[verb]) return DONE[verb];
  if (raw === 0 && (verb === 'confirm' || verb === 'release')) return ABSENT;
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
      if (isDuration(number)) return { kind: 'taken', remaining: remainingOf(number) };
      break;
    case 'inspect free':
      return { kind: 'free' };
    case 'inspect held':
      if (isDuration(number)) return { kind: 'held', remaining: remainingOf(number), ...standing(owner) };
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
