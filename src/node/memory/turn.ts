import { MessageChannel } from 'node:worker_threads';
import { inNeutralContext } from '../../context.ts';

/** How many callbacks run before the event loop must turn. */
const MOST_IN_A_TURN = 1_000;

/** Resolves when the event loop has turned; undefined if no callback has run since. */
let turn: Promise<void> | undefined;
/** How many callbacks this turn has had. */
let callbacks = 0;
/** When the next callback may run. */
let start: Promise<void> = Promise.resolve();

/**
 * Runs `callback` as a microtask, in the order of the calls. After so many in one turn of the event loop the next ones wait
 * for another, so that code which only works with memory lets timers fire. Uses nothing that fake timers replace.
 */
export function soon(callback: () => void): void {
  turn ??= inNeutralContext(beginTurn);
  callbacks++;
  if (callbacks === MOST_IN_A_TURN) start = turn;
  void runAfter(start, callback);
}

async function beginTurn(): Promise<void> {
  await nextTurn();
  turn = undefined;
  callbacks = 0;
}

async function runAfter(promise: Promise<void>, callback: () => void): Promise<void> {
  await promise;
  callback();
}

/** A new channel each time: of one channel, Node.js reads up to 1,000 messages before it runs a timer. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.once('message', () => {
      port1.close();
      resolve();
    });
    port2.postMessage(undefined);
  });
}
