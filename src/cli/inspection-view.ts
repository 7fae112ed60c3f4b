import type { Inspection } from '../inspection.ts';
import { quote } from '../quote.ts';
import { formatDuration } from './duration.ts';
import { moment } from './moment.ts';
import { inspectionTable, nameOwner } from './node-view.ts';
import type { Cell, Paint, Tone } from './paint.ts';
import { fields } from './table.ts';

export const STATE_TONES: Readonly<Record<Inspection['state'], Tone>> = {
  free: 'good',
  held: 'warning',
  revoked: 'warning',
  indeterminate: 'bad',
};

const MEANINGS: Readonly<Record<Inspection['state'], string>> = {
  free: 'nobody holds it',
  held: '',
  revoked: 'it was taken away from its holder, and nobody gets it until then',
  indeterminate: 'too few nodes agree on who holds it',
};

/** Who holds a resource, and what each node says. */
export function inspectionLines(resource: string, inspection: Inspection, now: Date, paint: Paint): string[] {
  const { state, nodes } = inspection;
  const meaning = MEANINGS[state];
  return [
    `${quote(resource)} is ${paint({ text: state, tone: STATE_TONES[state] })}${meaning && `: ${meaning}`}`,
    ...ownerLines(inspection, now, paint),
    '',
    ...inspectionTable(nodes, paint),
  ];
}

/** Who holds a resource, one fact a line. */
export function ownerLines(inspection: Inspection, now: Date, paint: Paint): string[] {
  const { owner, revokedBy, remaining, fencingToken } = inspection;
  const pairs: [string, Cell][] = [];
  if (owner) pairs.push(['holder', nameOwner(owner.token)]);
  if (owner?.since) pairs.push(['since', moment(owner.since, now)]);
  if (revokedBy !== undefined) pairs.push(['revoked by', revokedBy]);
  if (remaining > 0) pairs.push(['remaining', remainingOf(inspection, now)]);
  if (fencingToken !== undefined) pairs.push(['fencing token', String(fencingToken)]);
  return fields(pairs, paint);
}

function remainingOf({ state, remaining }: Inspection, now: Date): string {
  if (remaining === Number.POSITIVE_INFINITY) return 'for ever: the key has no expiry';
  const until = moment(new Date(now.getTime() + remaining), now);
  if (state === 'held') return `${formatDuration(remaining)}, unless it is extended`;
  return `until ${until}${state === 'indeterminate' ? ', unless it is extended' : ''}`;
}
