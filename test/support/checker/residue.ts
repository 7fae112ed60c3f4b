import type { Report } from './checker.ts';
import { type Facts, ROUNDING } from './facts.ts';
import type { Exchange, Section, Vote } from './history.ts';

/** Whether anything stood on the nodes when nobody held or wanted a lock, and every node could be reached. */
export function residue(facts: Facts, report: Report): void {
  const { votes, healedAt } = facts.history;
  for (const vote of votes) {
    if (vote.from > healedAt || vote.until <= healedAt + ROUNDING || isExcused(facts, vote)) continue;
    report('residue', healedAt, `node ${vote.node} still had ${vote.key} for ${vote.token}`);
  }
}

function isExcused(facts: Facts, { node, token, overDead, raisedOverDead, by }: Vote): boolean {
  if (overDead || raisedOverDead || by === 'restored' || by === 'revoke') return true;
  const exchanges = facts.exchangesOf(token).filter((each) => each.node === node);
  // With a lockDelay, what is lost is left to expire.
  if (facts.history.sections.some((each) => each.token === token && isLeft(each))) return true;
  if (exchanges.some(isForbidden)) return true;
  const client = exchanges[0]?.client;
  if (client !== undefined && facts.crashOf(client) < Number.POSITIVE_INFINITY) return true;
  // Where requests are reordered, one that overtook its release and was never answered is nobody's to undo.
  return facts.history.reordering.includes(node) && exchanges.some(isUnanswered);
}

function isLeft({ lockDelay = 0, abortedAt, releasedAt }: Section): boolean {
  return lockDelay > 0 && abortedAt < releasedAt;
}

/** Whether a server has said that the user may not do it: it is not asked again until the server is checked again. */
export function isForbidden({ operation, reply }: Exchange): boolean {
  return operation === 'release' && reply.startsWith('NOPERM');
}

function isUnanswered({ operation, executedAt, answeredAt }: Exchange): boolean {
  return (
    operation !== 'release' &&
    executedAt < Number.POSITIVE_INFINITY &&
    answeredAt === Number.POSITIVE_INFINITY
  );
}
