import { quote } from '../quote.ts';
import type { Revocation } from '../revocation.ts';
import { moment } from './moment.ts';
import { nameOwner, voteLines } from './node-view.ts';
import type { Paint } from './paint.ts';
import { fields } from './table.ts';

/** What a revocation has done. */
export interface Revoked {
  readonly resource: string;
  readonly revocation: Revocation;
  /** Since when the holder had the lock, if that is known. */
  readonly since: Date | undefined;
}

export function revocationLines({ resource, revocation, since }: Revoked, now: Date, paint: Paint): string[] {
  const { outcome, owner, remaining, votes } = revocation;
  const name = quote(resource);
  switch (outcome) {
    case 'revoked':
      return [
        `the lock on ${name} is ${paint({ text: 'revoked', tone: 'good' })}`,
        ...fields(
          [
            ['taken from', owner ? nameOwner(owner.token) : ''],
            ['held since', since ? moment(since, now) : ''],
            ['free from', `${moment(new Date(now.getTime() + remaining), now)} at the latest`],
          ],
          paint,
        ),
        'The holder learns of it when it next extends its lock. Nobody else gets the lock before it would have expired.',
      ];
    case 'free':
      return [`nobody holds ${name}: nothing was revoked`];
    case 'refused':
      return [
        `${name} is not a lock, but a key without expiry or of another type: nothing was revoked there`,
        ...voteLines(votes, paint),
      ];
    case 'unconfirmed':
      return [
        `the lock on ${name} is ${paint({ text: 'perhaps not revoked', tone: 'bad' })}: too few nodes answered, and its holder may still extend it; try again`,
        ...voteLines(votes, paint),
      ];
  }
}
