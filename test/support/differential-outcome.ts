import { expect } from 'vitest';
import type { ExtendReply, GrantReply, RepairReply } from '../../src/node/lock-node.ts';
import type { Reply as NodeReply } from '../../src/node/redis/operation.ts';
import type { Asker } from './asker.ts';
import { numberOf, type Request, type Step, sinceOf, WAITERS, waiterOf } from './differential-history.ts';
import type { Side } from './differential-side.ts';
import { turn } from './peek.ts';

type Denied = Extract<GrantReply, { readonly kind: 'denied' }>;
/** Of some only what two sides can agree on. */
type Reply =
  | Exclude<NodeReply, Denied>
  | (Pick<Denied, 'kind' | 'remaining'> & Partial<Omit<Denied, 'place'>> & { readonly place?: string });

/** What a history comes to on one side. */
export interface Outcome {
  /** The replies by number, and what stands on the server in the end by key. */
  readonly found: Readonly<Record<string, Reply>>;
  /** The digits of the counters in the end, by key. */
  readonly counters: Readonly<Record<string, string>>;
  /** The lines in the end, by key. */
  readonly lines: Readonly<Record<string, readonly string[]>>;
  /** What those who wait were told, in order. */
  readonly heard: readonly string[];
  /** How long it took, in ms, by the clock by which a server on this machine expires keys. */
  readonly took: number;
}

/** Lives through a history that began at `wallTime` (in ms since 1970), on a server without keys. */
export async function outcomeOf(side: Side, history: readonly Step[], wallTime: number): Promise<Outcome> {
  const began = Date.now();
  await side.audience.hears();
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
  const heard = await side.audience.heard();
  const { locks, counters, lines } = await side.contents();
  const found = Object.fromEntries([...numbered, ...Object.entries(locks)]);
  const named = Object.entries(lines).map(([key, line]) => [
    key,
    line.map(({ waiter, since }) => `${WAITERS.indexOf(waiter)} ${sinceOf(since, wallTime * 1_000)}`),
  ]);
  return { found, counters, lines: Object.fromEntries(named), heard, took: Date.now() - began };
}

/** Asserts that a server said and holds what it should by a model for which no time passes by itself. */
export function expectSame({ found, counters, lines, heard, took }: Outcome, model: Outcome): void {
  const entries = Object.entries(found).map(([where, reply]) => [
    where,
    onTime(reply, model.found[where], took),
  ]);
  expect(Object.fromEntries(entries)).toEqual(model.found);
  expect(counters).toEqual(model.counters);
  expect(lines).toEqual(model.lines);
  expect(heard).toEqual(model.heard);
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
    case 'grant':
      return told(granted(ask, request, now), request.keys.length > 1, now);
    case 'confirm':
      return ask.confirm(request.keys, request.ownerToken, numberOf(request.fencingToken, now));
    case 'extend':
    case 'repair': {
      const { verb, keys, ownerToken, ttl, fencingToken } = request;
      const reply = ask[verb](keys, ownerToken, ttl, fencingToken && numberOf(fencingToken, now));
      return keys.length > 1 ? withoutOwner(reply) : reply;
    }
    case 'release':
      return ask.release(request.keys, request.ownerToken, {
        ...(request.waiter ? { waiter: waiterOf(request.waiter) } : {}),
        afterwards: request.afterwards,
        reservation: request.reservation,
      });
    case 'revoke':
      return ask.revoke(request.key, request.tombstone, request.ttl);
    case 'inspect':
      return ask.inspect(request.key);
  }
}

/** Of several keys the owner of the one that expires last is named; which that is may hang on the few µs between two requests. */
async function withoutOwner(extending: Promise<ExtendReply | RepairReply>): Promise<Reply> {
  const reply = await extending;
  return reply.kind === 'taken' ? { kind: 'taken', remaining: reply.remaining } : reply;
}

type Grant = Extract<Request, { readonly verb: 'grant' }>;

function granted(ask: Asker, request: Grant, now: number): Promise<GrantReply> {
  const { keys, ownerToken, ttl, hint, waiter, reservation } = request;
  const above = hint && numberOf(hint, now);
  if (waiter) {
    const { name, ...place } = waiterOf(waiter);
    const hinted = above === undefined ? {} : { hint: above };
    return ask.stand(keys, ownerToken, name, { ...place, ...hinted, ttl, reservation });
  }
  if (above === undefined) return ask.grant(keys, ownerToken, ttl);
  return ask.grantAbove(above, keys, ownerToken, ttl);
}

/** Of several keys the one that expires last is named; which that is may hang on the few µs between two requests. */
async function told(granting: Promise<GrantReply>, isOfSeveral: boolean, now: number): Promise<Reply> {
  const reply = await granting;
  if (reply.kind !== 'denied') return reply;
  const { place, ...rest } = reply;
  return {
    ...(isOfSeveral ? { kind: 'denied', remaining: reply.remaining } : rest),
    ...(place ? { place: `${place.position} ${sinceOf(place.since, now)}` } : {}),
  };
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
