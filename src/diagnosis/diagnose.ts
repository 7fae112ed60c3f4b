import type { Clock } from '../clock.ts';
import { contact } from '../contact.ts';
import type { LockNode } from '../node/lock-node.ts';
import type { Look, NodeFacts } from '../node/node-facts.ts';
import { Patience } from '../patience.ts';
import type { Diagnosis } from './finding.ts';
import { judge } from './judge.ts';
import type { JudgedSettings, NodeReport } from './report.ts';

export interface DiagnosisPlan {
  readonly nodes: readonly LockNode[];
  readonly clock: Clock;
  readonly settings: JudgedSettings;
  /** A key that is only read. */
  readonly key: string;
}

/** The time between the two looks at the clocks, in ms. */
const BETWEEN_LOOKS = 2_000;

/** How long a look may take, in ms, in addition to `nodeTimeout` for each of its few requests: a silent connection is cut before. */
const LONGEST_LOOK = 1_000;
const REQUESTS = 4;

/** Looks at all nodes twice, and judges what it finds. If the signal aborts, it judges what is known by then. */
export async function diagnose(plan: DiagnosisPlan, signal: AbortSignal | undefined): Promise<Diagnosis> {
  const { nodes, clock, settings } = plan;
  const silences = await silencesOf(plan, signal);
  const first = await look(plan, 'all', signal);
  await new Patience(clock, BETWEEN_LOOKS, signal).over;
  const second = await look(plan, 'time', signal);
  return {
    findings: judge({
      settings,
      nodes: nodes.map((node, index) => reportOf(node, silences[index], first[index], second[index])),
      isInterrupted: signal?.aborted === true,
    }),
  };
}

function reportOf(
  { name, condition }: LockNode,
  silence: string | undefined,
  first: NodeFacts | undefined,
  second: NodeFacts | undefined,
): NodeReport {
  return {
    name,
    ...(condition ? { condition } : {}),
    ...(silence === undefined ? {} : { silence }),
    ...(first ? { first } : {}),
    ...(second ? { second } : {}),
  };
}

/** Why nodes do not answer. Waits for first contacts. */
async function silencesOf(
  { nodes, clock, settings, key }: DiagnosisPlan,
  signal: AbortSignal | undefined,
): Promise<readonly (string | undefined)[]> {
  const { nodeTimeout } = settings;
  const replies = await contact({ nodes, clock, key, patience: nodeTimeout }, signal);
  return replies.map((reply) => {
    if (reply === undefined) return signal?.aborted ? undefined : `no answer within ${nodeTimeout} ms`;
    if (reply.kind === 'unreachable') return reply.cause.message;
    return reply.kind === 'unusable' ? reply.why : undefined;
  });
}

/** One look at every node. A node that cannot be examined, or does not answer in time, has no facts. */
async function look(
  { nodes, clock, settings }: DiagnosisPlan,
  what: Look,
  signal: AbortSignal | undefined,
): Promise<readonly (NodeFacts | undefined)[]> {
  const patience = new Patience(clock, LONGEST_LOOK + REQUESTS * settings.nodeTimeout, signal);
  const facts = await Promise.all(nodes.map((node) => Promise.race([node.examine?.(what), patience.over])));
  patience.end();
  return facts;
}
