import { cut } from '../quote.ts';
import { counterOf } from './counter.ts';
import type {
  ConfirmReply,
  Deliver,
  ExtendReply,
  Giving,
  GrantReply,
  InspectReply,
  NoAnswer,
  ReleaseReply,
  RepairReply,
} from './lock-node.ts';
import { type Foreign, isOwnerToken } from './owner.ts';

type Reply = GrantReply | ConfirmReply | ExtendReply | RepairReply | ReleaseReply | InspectReply;

/** One operation on its way to a server. */
export class Operation {
  readonly verb: 'grant' | 'confirm' | 'extend' | 'repair' | 'release' | 'inspect';
  readonly keys: readonly string[];
  readonly ownerToken: string;
  /** Of a claim, in ms. */
  readonly ttl: number;
  /** Of a release: {@link Giving.announce}. */
  readonly announce: Giving['announce'];
  /** What the keys' counters are raised to, or above; undefined without fencing. */
  readonly fence: number | undefined;
  /** Whether it may still be written: a claim is dropped once its round is decided, all else never is. */
  readonly wanted: () => boolean;
  readonly deliver: (reply: Reply | NoAnswer) => void;

  private constructor(
    verb: Operation['verb'],
    { keys, ownerToken, ttl = 0, announce = false, wanted = always }: Subject,
    fence: number | undefined,
    deliver: (reply: never) => void,
  ) {
    this.verb = verb;
    this.keys = keys;
    this.ownerToken = ownerToken;
    this.ttl = ttl;
    this.announce = announce;
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
  readonly announce?: Giving['announce'];
  readonly wanted?: () => boolean;
}

const always = (): boolean => true;

const ANNOUNCEMENTS: ReadonlyMap<Giving['announce'], string> = new Map<Giving['announce'], string>([
  [true, 'announce'],
  ['gone', 'gone'],
]);

/** How many KEYS it takes in a command: its own, and their counters. */
export function keyCountOf({ keys, fence }: Operation): number {
  return fence === undefined ? keys.length : 2 * keys.length;
}

/** The KEYS and ARGV of a batch, as the script takes them. */
export function encode(
  batch: readonly Operation[],
  fenceRetention: number,
): { keys: string[]; args: (string | number)[] } {
  const keys: string[] = [];
  const args: (string | number)[] = [fenceRetention];
  for (const { verb, keys: own, ownerToken, ttl, announce, fence } of batch) {
    keys.push(...own);
    if (fence !== undefined) for (const key of own) keys.push(counterOf(key));
    args.push(verb, own.length, ownerToken, ANNOUNCEMENTS.get(announce) ?? ttl, numberOf(verb, fence));
  }
  return { keys, args };
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
export function decode({ verb, fence }: Pick<Operation, 'verb' | 'fence'>, raw: unknown): Reply | Error {
  if (raw === 1 && verb === 'grant' && fence !== undefined) return { kind: 'granted', counter: fence + 1 };
  if (raw === 1 && DONE[verb]) return DONE[verb];
  if (raw === 0 && (verb === 'confirm' || verb === 'release')) return ABSENT;
  if (raw instanceof Error) return raw;
  const [word, number, owner]: unknown[] = Array.isArray(raw) ? raw : [raw];
  switch (`${verb} ${String(word)}`) {
    case 'grant granted':
      return { kind: 'granted', counter: Number(number) };
    case 'grant denied':
      return { kind: 'denied', remaining: duration(number), ...inTheWay(owner) };
    case 'extend missing':
      return { kind: 'missing' };
    case 'repair repaired':
      return { kind: 'repaired' };
    case 'extend taken':
    case 'repair taken':
      return { kind: 'taken', remaining: duration(number) };
    case 'inspect free':
      return { kind: 'free' };
    case 'inspect held':
      return { kind: 'held', remaining: duration(number), ...standing(owner) };
    default:
      return new Error(`unexpected reply to ${verb}: ${cut(String(word))}`);
  }
}

/** Whose lock denied a grant; or what did, if it is no lock of quorlock's. */
function inTheWay(word: unknown): { owner?: string; foreign?: Foreign } {
  if (word === 'value' || word === 'type') return { foreign: word };
  return typeof word === 'string' ? { owner: word } : {};
}

/** What an inspected key is: its value, unless it is of another type; and whether that is a lock of quorlock's. */
function standing(value: unknown): { ownerToken?: string; foreign?: Foreign } {
  if (typeof value !== 'string') return { foreign: 'type' };
  return isOwnerToken(value) ? { ownerToken: value } : { ownerToken: value, foreign: 'value' };
}

/** PTTL says −1 for a key without expiry. */
function duration(pttl: unknown): number {
  const ms = Number(pttl);
  return ms < 0 ? Number.POSITIVE_INFINITY : ms;
}
