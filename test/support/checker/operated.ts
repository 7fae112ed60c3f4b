import type { Report } from './checker.ts';
import { type Belief, type Facts, ROUNDING, share } from './facts.ts';
import type { Call } from './history.ts';

/** Whether what was taken away stays away, and what was lost stays locked for as long as it has to. */
export function operated(facts: Facts, report: Report): void {
  for (const call of facts.history.calls) {
    if (call.verb !== 'revoke' || call.outcome !== 'revoked') continue;
    for (const belief of facts.beliefs) revoked(facts, call, belief, report);
  }
  for (const belief of facts.beliefs) delayed(facts, belief, report);
}

/** What its holder had asked for by then may still count; nothing later does. */
function revoked(
  facts: Facts,
  { resources, invokedAt, settledAt }: Call,
  belief: Belief,
  report: Report,
): void {
  const { section, from, until } = belief;
  const { token, validity } = section;
  if (from > invokedAt || until <= settledAt || !share(resources, section.resources)) return;
  if (facts.wasDropped(token, until)) return;
  const ttl = Math.max(0, ...facts.exchangesOf(token).map((each) => each.ttl ?? 0));
  const end = validity.at(-1)?.until ?? from;
  if (end <= settledAt + ttl + ROUNDING) return;
  report('revoked', settledAt, `${token} was taken away, and valid until ${end}`);
}

/** A lock that its holder has not given back keeps others out for its lockDelay. */
function delayed(facts: Facts, belief: Belief, report: Report): void {
  const { section, until } = belief;
  const { client, token, resources, abortedAt, releasedAt, lockDelay = 0 } = section;
  if (lockDelay === 0 || abortedAt >= releasedAt) return;
  // Its own clock may be fast.
  const end = until + lockDelay / (1 + (facts.history.pace?.drift ?? 0));
  for (const other of facts.beliefs) {
    if (other.from < until || other.from >= end - ROUNDING || !share(resources, other.section.resources))
      continue;
    if (facts.wasDropped(token, other.from)) continue;
    report(
      'delayed',
      other.from,
      `${other.section.token} held what client ${client} had lost at ${until}, ${lockDelay} ms too early`,
    );
  }
}
