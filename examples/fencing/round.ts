import { Redis } from 'ioredis';
import type { Holder } from './holder.ts';

/** What both rounds have in common. */
export interface Setting {
  readonly nodes: readonly string[];
  readonly store: string;
  /** ms */
  readonly ttl: number;
}

/** Two deposits into an account that starts at 100, the first of them late; resolves with the balance in the end. */
export async function play(
  setting: Setting,
  [first, second]: readonly [Holder, Holder],
  guarded: boolean,
): Promise<number> {
  const account = guarded ? 'account:guarded' : 'account:unguarded';
  const store = new Redis(setting.store);
  await store.set(account, 100);
  const common = { ...setting, account, guarded };

  first.give({ ...common, deposit: 10, pauses: true });
  const early = await first.next('holds');
  console.log(
    `  holder 1 has the lock, with the token ${early.fencingToken}. It reads ${early.balance}, wants to add 10,`,
  );
  console.log('           sees that it still has the lock, and is stopped by SIGSTOP.');

  second.give({ ...common, deposit: 50, pauses: false });
  const later = await second.next('holds');
  console.log(`  holder 2 gets the lock when it has expired, with the token ${later.fencingToken}.`);
  const deposited = await second.next('wrote');
  await second.next('done');
  console.log(`           It reads ${later.balance}, adds 50, writes ${deposited.balance}, and is done.`);

  first.wake();
  const late = await first.next('wrote', 'refused');
  await first.next('done');
  console.log('  holder 1 is woken by SIGCONT, and goes on with its write.');
  console.log(
    late.kind === 'refused'
      ? `           Refused: its token ${late.fencingToken} is stale, the store has seen ${late.newest}.`
      : `           The store takes it: ${late.balance}. Its lock was ${late.state} by then.`,
  );

  const balance = Number(await store.get(account));
  await store.quit();
  return balance;
}
