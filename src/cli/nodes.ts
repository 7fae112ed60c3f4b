import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { NodeStatus } from '../readiness.ts';
import type { Redlock } from '../redlock.ts';
import type { Call } from './call.ts';
import { withRedlock } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { jsonLine, nodesJson } from './json.ts';
import { nodesTable, quorumSentence } from './node-view.ts';
import { noArguments } from './resource.ts';

/** Between two looks at nodes that are still connecting, in ms. */
const PAUSE = 20;

/** `quorlock nodes` */
export async function nodes(call: Call): Promise<number> {
  const { line, stdout } = call;
  noArguments(line);
  return withRedlock(call, async ({ redlock, quorum }) => {
    const all = await contacted(redlock);
    if (line.has('json')) stdout.print(jsonLine(nodesJson(all, quorum)));
    else stdout.print(...nodesTable(all, new Date(), stdout.paint), '', quorumSentence(all, quorum));
    return all.filter(({ state }) => state === 'up').length >= quorum ? EXIT.ok : EXIT.unavailable;
  });
}

/** The states of the nodes, once each has answered, or has had `connectTimeout` for it. */
export async function contacted(redlock: Redlock): Promise<readonly NodeStatus[]> {
  while (redlock.nodes.some(({ state }) => state === 'connecting')) await delay(PAUSE);
  // Reads a key that does not exist, so that each node has answered a request.
  await redlock.inspect(randomUUID());
  return redlock.nodes;
}
