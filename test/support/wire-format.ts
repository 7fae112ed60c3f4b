import { TURN } from '../../src/node/inbox.ts';
import type { ReleaseRequest, Waiter } from '../../src/node/lock-node.ts';
import type { Fence } from '../../src/node/memory/memory-store.ts';
import type { Operation } from './checker/history.ts';

/** One operation of a command, as a server reads it off its KEYS and ARGV. */
export interface Request {
  readonly operation: Operation;
  readonly keys: readonly string[];
  readonly token: string;
  /** 0 in a release. */
  readonly ttl: number;
  /** Of a release: what happens to the keys that are free afterwards. */
  readonly afterwards: ReleaseRequest['afterwards'];
  /** For how long a free key is reserved for the first in its line, in ms; 0 in what reserves none. */
  readonly reservation: number;
  /** Who waits in a line, if it is who asks. The key of a `leave` is any of its keys: it is told in no other way. */
  readonly waiter: Waiter | undefined;
  readonly fence: Fence | undefined;
}

/** How many arguments each verb takes, if not five. */
const WIDTHS: Readonly<Record<string, number>> = { stand: 9, leave: 6, yield: 8 };

const OPERATIONS: Readonly<Record<string, Operation>> = {
  stand: 'grant',
  leave: 'release',
  yield: 'release',
};

/** A script's input as src/node/redis/scripts/operations.ts has it: what is asked by it. None by the question for permissions. */
export function requestsOf(keys: readonly string[], args: readonly (string | number)[]): Request[] {
  switch (args[0]) {
    case 'permits':
      return [];
    case 'release':
      return keys.map((key, i) => releaseOf(key, args[i + 2], Number(args[1])));
    case 'plain':
    case 'fenced':
      return grantsOf(keys, args, args[0] === 'fenced' ? 2 : 1);
    default:
      return generalRequestsOf(keys, args);
  }
}

function releaseOf(key: string, token: unknown, reservation: number): Request {
  return {
    operation: 'release',
    keys: [key],
    token: String(token),
    ttl: 0,
    afterwards: 'serve',
    reservation,
    waiter: undefined,
    fence: undefined,
  };
}

/** `width`: how many keys each takes, and how many arguments beside its token. */
function grantsOf(keys: readonly string[], args: readonly (string | number)[], width: 1 | 2): Request[] {
  const requests: Request[] = [];
  for (let i = 2, key = 0; i < args.length; i += width + 1, key += width) {
    requests.push({
      operation: 'grant',
      keys: keys.slice(key, key + 1),
      token: String(args[i]),
      ttl: Number(args[i + 1]),
      afterwards: 'serve',
      reservation: 0,
      waiter: undefined,
      fence: width === 2 ? { value: Number(args[i + 2]) - 1, retention: Number(args[1]) } : undefined,
    });
  }
  return requests;
}

/** What the script answers to that input, by what it answers to each operation: in short, if all were done just as asked. */
export function answerTo(args: readonly (string | number)[], replies: readonly unknown[]): unknown {
  if (args[0] === 'permits') return 1;
  const isBrief = Number.isNaN(Number(args[0]));
  return isBrief && replies.every((reply) => reply === 1) ? replies.length : replies;
}

/** What the script answers to each operation, by its answer. */
export function repliesIn(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : Array.from({ length: Number(answer) }, () => 1);
}

/** For how long counters are kept, and then the arguments of each operation. */
function generalRequestsOf(keys: readonly string[], args: readonly (string | number)[]): Request[] {
  const requests: Request[] = [];
  let first = 0;
  let width: number;
  for (let i = 1; i < args.length; i += width) {
    width = WIDTHS[String(args[i])] ?? 5;
    const [verb, count, token, time, fence, inbox, since, index, reservation] = args.slice(i, i + width);
    const operation = OPERATIONS[String(verb)] ?? (verb as Operation);
    const many = Number(count);
    const isFenced = fence !== '';
    const own = keys.slice(first, first + many);
    requests.push({
      operation,
      keys: own,
      token: String(token),
      ttl: operation === 'release' ? 0 : Number(time),
      afterwards: thenOf(verb, time),
      reservation: Number(operation === 'release' ? time : (reservation ?? 0)),
      waiter:
        inbox === undefined
          ? undefined
          : {
              name: nameOf(String(inbox)),
              key: own[Number(index ?? 1) - 1] as string,
              since: Number(since ?? 0),
            },
      // A grant says which number it wants, and not what that comes after.
      fence: isFenced
        ? { value: Number(fence) - (operation === 'grant' ? 1 : 0), retention: Number(args[0]) }
        : undefined,
    });
    // The counters of its keys come after them.
    first += many * (isFenced ? 2 : 1);
  }
  return requests;
}

function thenOf(verb: unknown, time: unknown): ReleaseRequest['afterwards'] {
  if (verb === 'yield') return 'yield';
  return (verb === 'release' || verb === 'leave') && Number(time) === 0 ? 'hand over' : 'serve';
}

/** The waiter's name in its inbox, which may also name a hash tag. */
function nameOf(inbox: string): string {
  const name = inbox.slice(TURN.length);
  return name.slice(name.lastIndexOf(':') + 1);
}

/** What the script says of an operation that was done just as asked, or did not find its keys. */
const ON_WIRE: Readonly<Record<string, unknown>> = {
  granted: 1,
  confirmed: 1,
  extended: 1,
  released: 1,
  absent: 0,
};

/** A reply of one word, as the script gives it. */
export function onWire(word: unknown): unknown {
  return typeof word === 'string' && word in ON_WIRE ? ON_WIRE[word] : word;
}

const DONE: Partial<Record<Operation, string>> = {
  grant: 'granted',
  confirm: 'confirmed',
  extend: 'extended',
  repair: 'extended',
  release: 'released',
};

/** The word for an operation's reply, or the error in its place. */
export function wordOf(operation: Operation, reply: unknown): string {
  if (reply instanceof Error) return reply.message;
  if (reply === 1) return DONE[operation] ?? '1';
  if (reply === 0) return 'absent';
  return String(Array.isArray(reply) ? reply[0] : reply);
}
