import type { Deliver, ExtendReply, GrantReply, InspectReply, NoAnswer, ReleaseReply } from './lock-node.ts';

type Reply = GrantReply | ExtendReply | ReleaseReply | InspectReply;

/** One operation on its way to a server. */
export interface Operation {
  readonly verb: 'grant' | 'extend' | 'release' | 'inspect';
  readonly keys: readonly string[];
  readonly ownerToken: string;
  readonly ttl: number;
  /** Whether it may still be written: a claim is dropped once its round is decided, all else never is. */
  wanted(): boolean;
  deliver(reply: Reply | NoAnswer): void;
}

const always = (): boolean => true;

/** An operation whose reply has the type that its verb promises; `decode` sees to it. */
export function operation<R extends Reply>(
  verb: Operation['verb'],
  subject: { keys: readonly string[]; ownerToken: string; ttl?: number; wanted?: () => boolean },
  deliver: Deliver<R>,
): Operation {
  const { keys, ownerToken, ttl = 0, wanted = always } = subject;
  return { verb, keys, ownerToken, ttl, wanted, deliver };
}

/** The KEYS and ARGV of a batch, as the script takes them. */
export function encode(batch: readonly Operation[]): { keys: string[]; args: (string | number)[] } {
  const keys: string[] = [];
  const args: (string | number)[] = [];
  for (const { verb, keys: own, ownerToken, ttl } of batch) {
    keys.push(...own);
    args.push(verb, own.length, ownerToken, ttl);
  }
  return { keys, args };
}

/** One operation's part of the script's reply; an Error if it failed there, or if it makes no sense. */
export function decode(verb: Operation['verb'], raw: unknown): Reply | Error {
  if (raw instanceof Error) return raw;
  const [word, remaining, ownerToken]: unknown[] = Array.isArray(raw) ? raw : [raw];
  switch (`${verb} ${String(word)}`) {
    case 'grant granted':
      return { kind: 'granted' };
    case 'grant denied':
      return { kind: 'denied', remaining: duration(remaining) };
    case 'extend extended':
      return { kind: 'extended' };
    case 'extend repaired':
      return { kind: 'repaired' };
    case 'extend taken':
      return { kind: 'taken', remaining: duration(remaining) };
    case 'release released':
      return { kind: 'released' };
    case 'release absent':
      return { kind: 'absent' };
    case 'inspect free':
      return { kind: 'free' };
    case 'inspect held':
      return {
        kind: 'held',
        remaining: duration(remaining),
        ...(typeof ownerToken === 'string' ? { ownerToken } : {}),
      };
    default:
      return new Error(`unexpected reply to ${verb}: ${String(word)}`);
  }
}

/** PTTL says −1 for a key without expiry. */
function duration(pttl: unknown): number {
  const ms = Number(pttl);
  return ms < 0 ? Number.POSITIVE_INFINITY : ms;
}
