import { expect } from 'vitest';
import type {
  ConfirmReply,
  ExtendReply,
  GrantReply,
  InspectReply,
  ReleaseReply,
  RepairReply,
} from '../../src/node/lock-node.ts';
import type { Asker } from './asker.ts';
import { numberOf, type Request, type Step } from './differential-history.ts';
import type { Side } from './differential-side.ts';
import { turn } from './peek.ts';

type Reply = GrantReply | ConfirmReply | ExtendReply | RepairReply | ReleaseReply | InspectReply;

/** What a history comes to on one side. */
export interface Outcome {
  /** The replies by number, and what stands on the server in the end by key. */
  readonly found: Readonly<Record<string, Reply>>;
  /** The digits of the counters in the end, by key. */
  readonly counters: Readonly<Record<string, string>>;
  /** How long it took, in ms, by the clock by which a server on this machine expires keys. */
  readonly took: number;
}

/** Lives through a history that began at `wallTime` (in ms since 1970), on a server without keys. */
export async function outcomeOf(side: Side, history: readonly Step[], wallTime: number): Promise<Outcome> {
  const began = Date.now();
  const replies: Promise<Reply>[] = [];
  const ask = (requests: readonly Request[]): unknown =>
    replies.push(...requests.map((request) => send(side.ask, request, wallTime * 1_000)));
  for (const step of history) {
    if (step.what === 'ask') {
      ask(step.requests);
      await (step.awaited ? Promise.all(replies) : turn());
    } else if (step.what === 'ask scriptless') {
      await Promise.all(replies);
      await side.forgetScripts();
      ask(step.requests);
      await Promise.all(replies);
      // What nobody but a voter asks for may have led to no look at the server yet.
      await side.ask.inspect('d');
    } else {
      // It reaches the server by another connection, where it could overtake requests.
      await Promise.all(replies);
      await befall(side, step);
    }
  }
  const numbered = (await Promise.all(replies)).entries();
  const { locks, counters } = await side.contents();
  const found = Object.fromEntries([...numbered, ...Object.entries(locks)]);
  return { found, counters, took: Date.now() - began };
}

/** Asserts that a server said and holds what it should by a model for which no time passes by itself. */
export function expectSame({ found, counters, took }: Outcome, model: Outcome): void {
  const entries = Object.entries(found).map(([where, reply]) => [
    where,
    onTime(reply, model.found[where], took),
  ]);
  expect(Object.fromEntries(entries)).toEqual(model.found);
  expect(counters).toEqual(model.counters);
}

/** A server's reply with the remaining time of the model's, if it is as much less as the time that has passed may explain. */
function onTime(reply: Reply, expected: Reply | undefined, took: number): Reply {
  if (!('remaining' in reply) || !expected || !('remaining' in expected)) return reply;
  const { remaining } = expected;
  const spent = remaining - reply.remaining;
  return spent >= 0 && spent <= took ? { ...reply, remaining } : reply;
}

function send(ask: Asker, request: Request, now: number): Promise<Reply> {
  switch (request.verb) {
    case 'grant': {
      const { keys, ownerToken, ttl, hint } = request;
      const reply = hint
        ? ask.grantAbove(numberOf(hint, now), keys, ownerToken, ttl)
        : ask.grant(keys, ownerToken, ttl);
      return keys.length > 1 ? withoutOwner(reply) : reply;
    }
    case 'confirm':
      return ask.confirm(request.keys, request.ownerToken, numberOf(request.fencingToken, now));
    case 'extend':
    case 'repair': {
      const { verb, keys, ownerToken, ttl, fencingToken } = request;
      return ask[verb](keys, ownerToken, ttl, fencingToken && numberOf(fencingToken, now));
    }
    case 'release':
      return ask.release(request.keys, request.ownerToken);
    case 'inspect':
      return ask.inspect(request.key);
  }
}

/** Of several keys the one that expires last is named; which that is may hang on the few µs between two requests. */
async function withoutOwner(granting: Promise<GrantReply>): Promise<GrantReply> {
  const reply = await granting;
  return reply.kind === 'denied' ? { kind: 'denied', remaining: reply.remaining } : reply;
}

function befall(side: Side, step: Exclude<Step, { what: 'ask' | 'ask scriptless' }>): Promise<void> {
  switch (step.what) {
    case 'pass':
      return side.pass(step.ms);
    case 'lose':
    case 'persist':
      return side[step.what](step.key);
    case 'forget':
      return side.forget();
  }
}
