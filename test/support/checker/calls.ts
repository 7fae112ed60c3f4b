import type { Report } from './checker.ts';
import { type Facts, quorumOf, ROUNDING, share } from './facts.ts';
import type { Call, Vote } from './history.ts';

/** Whether calls settled in time, and with what was so. */
export function calls(facts: Facts, report: Report): void {
  for (const call of facts.history.calls) {
    settled(facts, call, report);
    if (call.once) prompt(facts, call, report);
    honest(facts, call, report);
  }
  ordered(facts, report);
  paced(facts, report);
}

function settled(facts: Facts, call: Call, report: Report): void {
  const { verb, client, resources, invokedAt, bound, settledAt, outcome, mustSucceed } = call;
  const who = `${verb} of client ${client} on ${resources.join('+')}`;
  const end = Math.min(
    settledAt,
    facts.crashOf(client),
    Math.max(facts.history.healedAt, invokedAt) + bound + 1,
  );
  const ran = end - invokedAt - facts.pausedBetween(client, facts.stoppedBefore(client, invokedAt), end);
  if (ran > bound + ROUNDING)
    report('settled', end, `${who}, called at ${invokedAt} for ${bound} ms, settled at ${settledAt}`);
  else if (
    mustSucceed &&
    outcome !== 'ok' &&
    facts.crashOf(client) === Number.POSITIVE_INFINITY &&
    !isBehindForged(facts, call)
  )
    report('live', settledAt, `${who} ended with ${outcome}`);
}

/** Whether somebody stood in a line that no process had put there, and that was served before the call. */
function isBehindForged({ history }: Facts, { resources, invokedAt, settledAt }: Call): boolean {
  return history.entries.some(
    ({ client, key, from, until, end }) =>
      client < 0 &&
      resources.includes(key) &&
      from < settledAt &&
      until > invokedAt &&
      (end === 'served' || end === 'stands'),
  );
}

/**
 * When a quorum has granted, or so many have denied that there can be none, there is nothing more to wait for: the call settles, or
 * undoes the attempt.
 */
function prompt(facts: Facts, { verb, client, token, settledAt, invokedAt }: Call, report: Report): void {
  const exchanges = token === undefined ? [] : facts.exchangesOf(token);
  // A round that confirms the token comes on top.
  if (exchanges.some(({ operation }) => operation === 'confirm')) return;
  const { nodes } = facts.history;
  const grants = exchanges.filter(({ operation }) => operation === 'grant');
  const wonAt = nth(grants, 'granted', quorumOf(nodes));
  const lostAt = nth(grants, 'denied', nodes - quorumOf(nodes) + 1);
  const decidedAt = Math.min(wonAt, lostAt);
  const undoneAt = exchanges.find(({ operation }) => operation === 'release')?.sentAt ?? settledAt;
  // Otherwise there may be nothing to undo, or only where no connection is.
  const isUndone = grants.some(
    ({ node, reply, answeredAt }) =>
      reply === 'granted' && answeredAt <= lostAt && !isDisturbed(facts, client, node, answeredAt, lostAt),
  );
  if (lostAt < wonAt && !isUndone) return;
  const doneAt = Math.min(settledAt, undoneAt);
  const waited = doneAt - decidedAt - facts.pausedBetween(client, decidedAt, doneAt);
  if (waited > ROUNDING + facts.lateness && facts.crashOf(client) > decidedAt + waited)
    report('prompt', decidedAt, `${verb} ${token}, called at ${invokedAt}, went on until ${doneAt}`);
}

/** Whether a client may have lost its connection to a node between two instants, and not have it back. */
function isDisturbed({ history }: Facts, client: number, node: number, from: number, to: number): boolean {
  return history.disturbances.some(
    (each) =>
      each.node === node &&
      (each.client ?? client) === client &&
      each.from <= to &&
      Math.max(each.to, each.backAt) >= from,
  );
}

/** When the n-th reply of a kind was read. */
function nth(answers: readonly { reply: string; answeredAt: number }[], kind: string, n: number): number {
  const times = answers.filter(({ reply }) => reply === kind).map(({ answeredAt }) => answeredAt);
  return times.sort((a, b) => a - b)[n - 1] ?? Number.POSITIVE_INFINITY;
}

function honest(facts: Facts, call: Call, report: Report): void {
  const { verb, client, token, resources, invokedAt, settledAt, outcome } = call;
  const claim = `${verb} of client ${client} on ${resources.join('+')} said ${outcome}`;
  const meanwhile = facts.history.votes.filter(
    (vote) => resources.includes(vote.key) && vote.from <= settledAt && vote.until >= invokedAt,
  );
  if (
    outcome === 'null' &&
    !isRevoked(facts, meanwhile) &&
    !meanwhile.some((vote) => vote.token !== token && hasQuorum(facts, meanwhile, vote.token))
  )
    report('honest', settledAt, `${claim}, and nobody else had a quorum`);
  if (verb === 'extend' && outcome === 'ok') {
    const section = facts.history.sections.find((each) => each.token === token);
    const over = Math.min(section?.releasedAt ?? settledAt, section?.abortedAt ?? settledAt);
    // Between the decision and its news a lock can end; not where time stands still meanwhile.
    if (over < settledAt - facts.lateness)
      report('honest', settledAt, `${claim}, and it was over at ${over}`);
  }
  if (verb !== 'inspect') return;
  if (outcome === 'held' && !meanwhile.some(({ token }) => hasQuorum(facts, meanwhile, token)))
    report('honest', settledAt, `${claim}, and nobody had a quorum`);
  if (outcome !== 'free') return;
  for (const { section, from, until } of facts.beliefs) {
    if (from > invokedAt || until < settledAt || !share(section.resources, resources)) continue;
    if (facts.wasDropped(section.token, settledAt)) continue;
    report('honest', settledAt, `${claim}, and ${section.token} held it`);
  }
}

/** Whether so many nodes have a tombstone that nobody can have a quorum. */
function isRevoked({ history }: Facts, votes: readonly Vote[]): boolean {
  const nodes = new Set(votes.filter(({ by }) => by === 'revoke').map(({ node }) => node));
  return nodes.size > history.nodes - quorumOf(history.nodes);
}

function hasQuorum(facts: Facts, votes: readonly { token: string; node: number }[], token: string): boolean {
  const nodes = new Set(votes.filter((vote) => vote.token === token).map(({ node }) => node));
  return nodes.size >= quorumOf(facts.history.nodes);
}

/** The shortest pause between two attempts of a waiter, in ms of true time: 5 ms of a clock that may be fast. */
const PAUSE = 4;
const WAITERS: ReadonlySet<Call['verb']> = new Set(['acquire', 'tryAcquire', 'using']);

/** How often a call tries within so short a time, if it is not told anything. */
function mostAtOnce({ waits, resources }: Call): number {
  // After the pauses of those who have split the votes, each of half a millisecond at least.
  if (!waits) return PAUSE / 0.5;
  // All nodes; and then it stands in a line, and in another if that arbiter is silent; of several resources, perhaps in two more.
  return resources.length > 1 ? 4 : 3;
}

/** Within so short a time no call tries again, but for what it was told meanwhile. */
function paced(facts: Facts, report: Report): void {
  const { history } = facts;
  const made = new Map<number, number[]>();
  for (const { client, at } of history.attempts) {
    const recent = (made.get(client) ?? []).filter((before) => before > at - PAUSE);
    recent.push(at);
    made.set(client, recent);
    const from = recent[0] as number;
    const within = (instant: number): boolean => instant >= from && instant <= at + ROUNDING;
    const allowed = history.calls
      .filter(
        (call) =>
          call.client === client && WAITERS.has(call.verb) && call.invokedAt <= at && call.settledAt >= from,
      )
      .reduce((sum, call) => sum + mostAtOnce(call), 0);
    if (recent.length <= allowed) continue;
    const woken = facts.wakeUpsOf(client).filter(within).length;
    if (recent.length <= allowed + woken) continue;
    report('paced', at, `client ${client} has tried ${recent.length} times since ${from}`);
    return;
  }
}

function ordered({ history }: Facts, report: Report): void {
  const last = new Map<string, number>();
  for (const { verb, token, outcome, settledAt } of history.calls) {
    if (verb !== 'extend' || token === undefined || outcome !== 'ok') continue;
    const before = last.get(token) ?? 0;
    if (settledAt < before - ROUNDING)
      report('ordered', settledAt, `an extension of ${token} overtook another`);
    last.set(token, Math.max(before, settledAt));
  }
}
