import { onTestFinished } from 'vitest';
import { type FakeRedis, info, startFakeRedis } from './fake-redis.ts';
import { type Request, requestsOf } from './wire-format.ts';

/** What a server says of itself that is fit to hold locks, and remembers them. */
const FIT = {
  redis_version: '7.0.15',
  run_id: 'f'.repeat(40),
  role: 'master',
  master_replid: 'e'.repeat(40),
  second_repl_offset: '-1',
  uptime_in_seconds: '100000',
  maxmemory: '100',
  maxmemory_policy: 'noeviction',
  loading: '0',
};

export interface FakeNodePlan {
  /** What it answers to INFO at each time, from the first; by default that it is fit. Fields replace those of a fit one. */
  readonly info?: (time: number) => string | Record<string, string>;
  /** What it answers to one operation; by default that it is done. */
  readonly answer?: (request: Request) => string;
  /** Whether it has the scripts that it is asked for. @default true */
  readonly hasScripts?: boolean;
}

/** Something that speaks like a node, until the test is over; in what it says it can be as wrong as a test wants. */
export async function startFakeNode(plan: FakeNodePlan): Promise<FakeRedis> {
  const { info: say = () => ({}), answer = () => ':1\r\n', hasScripts = true } = plan;
  let times = 0;
  const fake = await startFakeRedis(([name = '', ...args]) => {
    switch (name.toLowerCase()) {
      case 'info': {
        const said = say(++times);
        return typeof said === 'string' ? said : info({ ...FIT, ...said });
      }
      case 'script':
        if (args[0]?.toLowerCase() !== 'exists') return '+OK\r\n';
        return array(args.slice(1).map(() => (hasScripts ? ':1\r\n' : ':0\r\n')));
      case 'evalsha': {
        if (!hasScripts) return '-NOSCRIPT no such script\r\n';
        const keys = args.slice(2, 2 + Number(args[1]));
        const rest = args.slice(2 + keys.length);
        // In full, as a script may answer any command; what nobody is permitted goes the general way.
        return rest[0] === 'permits' ? ':1\r\n' : array(requestsOf(keys, rest).map(answer));
      }
      default:
        return '+OK\r\n';
    }
  });
  onTestFinished(() => fake.stop());
  return fake;
}

/** An array of these replies. */
export function array(replies: readonly string[]): string {
  return `*${replies.length}\r\n${replies.join('')}`;
}
