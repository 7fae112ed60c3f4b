import { expect } from 'vitest';
import type { ExtendReply, GrantReply, InspectReply, ReleaseReply } from '../../src/node/lock-node.ts';
import type { Asker } from './asker.ts';
import type { Request, Step } from './differential-history.ts';
import type { Side } from './differential-side.ts';
import { turn } from './peek.ts';

type Reply = GrantReply | ExtendReply | ReleaseReply | InspectReply;

/** What a history comes to on one side. */
export interface Outcome {
  /** The replies by number, and what stands on the server in the end by key. */
  readonly found: Readonly<Record<string, Reply>>;
  /** How long it took, in ms, by the clock by which a server on this machine expires keys. */
  readonly took: number;
}

/** Lives through a history, on a server without keys. */
export async function outcomeOf(side: Side, history: readonly Step[]): Promise<Outcome> {
  const began = Date.now();
  const replies: Promise<Reply>[] = [];
  for (const step of history) {
    if (step.what === 'ask') {
      replies.push(...step.requests.map((request) => send(side.ask, request)));
      await (step.awaited ? Promise.all(replies) : turn());
    } else {
      // It reaches the server by another connection, where it could overtake requests.
      await Promise.all(replies);
      await befall(side, step);
    }
  }
  const numbered = (await Promise.all(replies)).entries();
  const found = Object.fromEntries([...numbered, ...Object.entries(await side.contents())]);
  return { found, took: Date.now() - began };
}

/** Asserts that a server said and holds what it should by a model for which no time passes by itself. */
export function expectSame({ found, took }: Outcome, model: Outcome): void {
  const entries = Object.entries(found).map(([where, reply]) => [
    where,
    onTime(reply, model.found[where], took),
  ]);
  expect(Object.fromEntries(entries)).toEqual(model.found);
}

/** A server's reply with the remaining time of the model's, if it is as much less as the time that has passed may explain. */
function onTime(reply: Reply, expected: Reply | undefined, took: number): Reply {
  if (!('remaining' in reply) || !expected || !('remaining' in expected)) return reply;
  const { remaining } = expected;
  const late = remaining - reply.remaining;
  return late >= 0 && late <= took ? { ...reply, remaining } : reply;
}

function send(ask: Asker, request: Request): Promise<Reply> {
  switch (request.verb) {
    case 'grant':
      return ask.grant(request.keys, request.ownerToken, request.ttl);
    case 'extend':
      return ask.extend(request.keys, request.ownerToken, request.ttl);
    case 'release':
      return ask.release(request.keys, request.ownerToken);
    case 'inspect':
      return ask.inspect(request.key);
  }
}

function befall(side: Side, step: Exclude<Step, { what: 'ask' }>): Promise<void> {
  switch (step.what) {
    case 'pass':
      return side.pass(step.ms);
    case 'lose':
    case 'persist':
      return side[step.what](step.key);
    case 'forget':
    case 'forgetScripts':
      return side[step.what]();
  }
}
