import { cut, enumerate } from '../quote.ts';
import { type Finding, type Remark, SEVERITIES, type Severity } from './finding.ts';
import { judgeNode, unusable } from './judge-node.ts';
import { judgeServer } from './judge-server.ts';
import type { Evidence, JudgedSettings, NodeReport } from './report.ts';

/** How many characters a message has at most: servers can say anything, at any length. */
const LONGEST = 500;

/** How many masters of a Redis Cluster a message names. */
const MOST_NAMED = 3;

const RANKS: readonly Severity[] = ['error', 'warning', 'note'];

/** What the facts mean. Pure. */
export function judge({ settings, nodes, isInterrupted }: Evidence): readonly Finding[] {
  const twins = twinsOf(nodes);
  const ofNodes = nodes.flatMap((node) =>
    remarksOn(node, twins.get(node), settings).map((remark) => ({ remark, subject: node.name })),
  );
  const findings = [
    ...bySameRemark(ofNodes).map(({ remark, subjects }) => finding(remark, subjects)),
    ...judgeNumber(nodes.length),
    ...(isInterrupted ? [finding(INTERRUPTED)] : []),
  ];
  const codes = [...new Set(findings.map(({ code }) => code))];
  return RANKS.flatMap((severity) =>
    codes.flatMap((code) => findings.filter((each) => each.severity === severity && each.code === code)),
  );
}

/** What is said of several subjects in the same words, together. */
function bySameRemark(
  remarks: readonly { readonly remark: Remark; readonly subject: string }[],
): readonly { readonly remark: Remark; readonly subjects: readonly string[] }[] {
  const groups = new Map<string, { remark: Remark; subjects: Set<string> }>();
  for (const { remark, subject } of remarks) {
    const { code, message, remedy } = remark;
    const words = JSON.stringify([code, message, remedy]);
    const group = groups.get(words) ?? { remark, subjects: new Set<string>() };
    groups.set(words, group);
    group.subjects.add(subject);
  }
  return [...groups.values()].map(({ remark, subjects }) => ({ remark, subjects: [...subjects] }));
}

const INTERRUPTED: Remark = {
  code: 'INTERRUPTED',
  message: 'The signal aborted before everything was checked.',
  remedy: 'Allow 10 s: the rate of the clocks takes two looks, 2 s apart, and a node may not answer.',
};

/** Whether the node is not kept from voting because it is the same server as another. */
function isNoTwin(node: NodeReport): boolean {
  return judgeNode(node).every(({ code }) => code !== 'SAME_SERVER');
}

/** Which nodes lead to a server of another one, and the name of that: the later one, or the one that does not vote for this reason. */
function twinsOf(nodes: readonly NodeReport[]): ReadonlyMap<NodeReport, string> {
  const owners = new Map<string, NodeReport>();
  const twins = new Map<NodeReport, string>();
  for (const node of [...nodes.filter(isNoTwin), ...nodes.filter((node) => !isNoTwin(node))]) {
    for (const { info } of node.first?.servers ?? []) {
      const runId = info.get('run_id');
      if (runId === undefined) continue;
      const owner = owners.get(runId) ?? node;
      owners.set(runId, owner);
      if (owner !== node) twins.set(node, owner.name);
    }
  }
  return twins;
}

function remarksOn(node: NodeReport, twin: string | undefined, settings: JudgedSettings): readonly Remark[] {
  const { first, second } = node;
  const ofTwin = twin === undefined ? [] : [unusable(`it is the same server as ${twin}`)];
  const ofServers = (first?.servers ?? []).flatMap((server) =>
    judgeServer(server, {
      settings,
      bySentinel: first?.bySentinel === true,
      second: second?.servers.find(({ name }) => name === server.name),
    }).map((remark) => ({ remark, subject: server.name })),
  );
  const others = [
    ...ofTwin,
    ...bySameRemark(ofServers).map(({ remark, subjects }) =>
      subjects.includes(node.name) ? remark : naming(remark, subjects),
    ),
  ];
  // The state of the node says only one thing that is wrong, and knows less of it.
  const ofState = judgeNode(node).filter(
    ({ code }) => code === 'UNREACHABLE' || !others.some((other) => other.code === code),
  );
  return [...ofState, ...others];
}

function judgeNumber(nodes: number): readonly Finding[] {
  const tolerated = Math.ceil(nodes / 2) - 1;
  return [
    ...(nodes < 3
      ? [
          finding({
            code: 'FEW_NODES',
            message:
              nodes === 1
                ? 'No node may fail: there is only one.'
                : 'No node may fail: a majority of 2 nodes is 2.',
            remedy: 'Use 3 nodes, which tolerate the loss of 1, or 5, which tolerate the loss of 2.',
          }),
        ]
      : []),
    ...(nodes % 2 === 0
      ? [
          finding({
            code: 'EVEN_NODES',
            message: `With ${nodes} nodes, ${tolerated} may fail, as with ${nodes - 1}.`,
            remedy: `Use ${nodes + 1} nodes, or ${nodes - 1}.`,
          }),
        ]
      : []),
  ];
}

/** Which of the masters of a Redis Cluster it is about. */
function naming(remark: Remark, servers: readonly string[]): Remark {
  return { ...remark, message: `On ${enumerate(servers, MOST_NAMED)}: ${remark.message}` };
}

function finding({ code, message, remedy }: Remark, nodes: readonly string[] = []): Finding {
  return {
    severity: SEVERITIES[code],
    code,
    nodes,
    message: cut(message, LONGEST),
    remedy: cut(remedy, LONGEST),
  };
}
