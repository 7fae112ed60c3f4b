import type { Report } from './checker.ts';
import { type Belief, type Facts, ROUNDING } from './facts.ts';

/** How late a timer may be on an idle event loop, in ms. */
const TIMER = 1;

/** Whether holders were told the truth about what they held, and in time. */
export function holders(facts: Facts, report: Report): void {
  for (const belief of facts.beliefs) {
    told(facts, belief, report);
    valid(facts, belief, report);
  }
  for (const { verb, client, settledAt, stale } of facts.history.calls) {
    // Nobody can tell a process anything between its last look at the clock and the next line of its code.
    if (stale.length > 0 && !facts.stoppedAmid(client, settledAt))
      report(
        'told first',
        settledAt,
        `${verb} of client ${client} returned while ${stale.join(', ')} was over`,
      );
  }
}

function told(facts: Facts, { section }: Belief, report: Report): void {
  const { client, token, validity, releasedAt, abortedAt } = section;
  if (abortedAt > releasedAt && abortedAt < Number.POSITIVE_INFINITY)
    report('quiet', abortedAt, `the signal of ${token} aborted after its release at ${releasedAt}`);
  const end = validity.at(-1)?.until ?? section.from;
  const over = Math.max(end, section.from);
  const doneAt = Math.min(releasedAt, abortedAt, facts.crashOf(client));
  // No timer fires while its client is stopped, and it is late if its client came back just before the end.
  const late = doneAt - over - facts.pausedBetween(client, over, doneAt);
  const timer = facts.pausedBetween(client, end - TIMER, over) > 0 ? TIMER : 0;
  if (late <= timer + facts.lateness + ROUNDING) return;
  report('told', over, `${token} was over at ${end}, and its signal aborted at ${abortedAt}`);
}

function valid(facts: Facts, { section }: Belief, report: Report): void {
  const { client, token, from, validity, worth, maxHoldTime } = section;
  const asked = facts.askedAt(token);
  const began = facts.stoppedBefore(client, asked);
  const left = (validity[0]?.until ?? from) - from;
  const remaining = left + facts.pausedBetween(client, began, from);
  // A client that stops between two events looks at its clock when it runs again.
  const late = -left - facts.pausedBetween(client, began, from, 'amid');
  if (late >= 0) report('valid', from, `${token} was handed out ${late} ms after its end`);
  // Its own clock may run fast by half at most in any test; it is generations that a wrong t0 costs.
  else if (remaining < worth / 1.5)
    report('valid', from, `${token} was handed out for ${remaining} ms instead of ${worth} ms`);
  validity.forEach(({ at }, index) => {
    const last = validity[index - 1]?.until ?? at;
    if (at > last + ROUNDING && !facts.stoppedAmid(client, at))
      report('valid', at, `${token} was extended after its end at ${last}`);
  });
  const longest = (validity.at(-1)?.until ?? from) - asked;
  if (longest > maxHoldTime + ROUNDING)
    report('bounded', from, `${token} was valid for ${longest} ms in all`);
}
