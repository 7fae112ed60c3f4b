import type { Report } from './checker.ts';
import { type Facts, ROUNDING } from './facts.ts';

/** Whether nodes that have forgotten waited until nothing of it could matter any more. */
export function remembers({ history }: Facts, report: Report): void {
  const { guard, maxTtl, blankAt, restarts, votes } = history;
  if (guard === 'off') return;
  const lossy = restarts.filter(({ isLossy }) => isLossy);
  if (lossy.length === 0) return;
  for (const { node, token, from, by } of votes) {
    if (by !== 'grant' || (guard === 'auto' && from >= blankAt)) continue;
    const restart = lossy.findLast((each) => each.node === node && each.at <= from);
    if (restart && from < restart.at + maxTtl - ROUNDING)
      report('remembers', from, `node ${node}, restarted at ${restart.at}, granted ${token}`);
  }
}
