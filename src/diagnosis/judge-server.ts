import type { Feature, PastJump, Refusal, ServerFacts, Subject } from '../node/node-facts.ts';
import { LARGEST_RATE_ERROR } from '../node/redis/clock-watch.ts';
import { unfit } from '../node/redis/server-info.ts';
import type { FindingCode, Remark } from './finding.ts';
import { unusable } from './judge-node.ts';
import type { JudgedSettings } from './report.ts';

export interface ServerContext {
  readonly settings: JudgedSettings;
  readonly bySentinel: boolean;
  /** The same server some time later. */
  readonly second: ServerFacts | undefined;
}

/** How far apart wall clocks may be, in ms: half of what makes a server refuse a hint. */
const LARGEST_OFFSET = 30 * 60_000;

/** The shortest time over which a rate is measured, in ms. */
const SHORTEST_MEASUREMENT = 1_000;

/** Up to this rate, a clock that gains or loses time may be slewed: chrony does so by up to 8.3 %. Beyond it, it was set. */
const FASTEST_SLEW = 0.1;

/** Which part of maxmemory may be in use. */
const LARGEST_USE = 0.9;

/** What one server says of itself. */
export function judgeServer(server: ServerFacts, context: ServerContext): readonly Remark[] {
  const { settings } = context;
  return [
    ...settingsOf(server, context),
    ...permissionsOf(server, settings),
    ...memoryOf(server),
    ...persistenceOf(server, context),
    ...roundTripsOf(server, settings),
    ...clockOf(server, context),
  ];
}

function numberOf({ info }: ServerFacts, field: string): number {
  return Number(info.get(field) ?? Number.NaN);
}

/** What has become wrong since the connection was made; what was wrong then, the state of the node says. */
function settingsOf(server: ServerFacts, { bySentinel }: ServerContext): readonly Remark[] {
  const why = server.info.size === 0 ? undefined : unfit({ fields: server.info }, bySentinel)?.why;
  return why === undefined ? [] : [unusable(why)];
}

const USES: Record<Feature, { readonly code: FindingCode; readonly effect: string }> = {
  lock: {
    code: 'MISSING_PERMISSION',
    effect: 'Locks cannot be taken, inspected or revoked on this node.',
  },
  fencing: {
    code: 'MISSING_PERMISSION',
    effect: 'Locks with fencing tokens cannot be taken on this node.',
  },
  waiting: {
    code: 'MISSING_WAITING_PERMISSION',
    effect: 'Waiters are not served in order or not notified of releases by this node, and poll.',
  },
  'large values': {
    code: 'MISSING_OPTIONAL_PERMISSION',
    effect: 'Each lock costs the server more, and it reads large foreign values as a whole.',
  },
};

const SUBJECTS: Record<Subject, string> = {
  lock: ' on the keys of locks',
  counter: ' on the keys of fencing counters',
  line: ' on the keys of queues',
  channel: ' on the channels of waiters',
  server: '',
};

function permissionsOf({ refused }: ServerFacts, { fencing }: JudgedSettings): readonly Remark[] {
  return refused
    .filter(({ feature }) => feature !== 'fencing' || fencing)
    .map(({ feature, on, commands, unknown, rules }): Remark => {
      const { code, effect } = USES[feature];
      const lacking = [
        ...(commands.length > 0 ? [`The user may not run ${named(commands)}${SUBJECTS[on]}.`] : []),
        ...(unknown.length > 0 ? [`The server does not have ${named(unknown)}.`] : []),
      ];
      return {
        code,
        message: [...lacking, effect].join(' '),
        remedy: [...(rules.length > 0 ? [`Allow ${rules.join(' ')}.`] : []), ...renamed(unknown)].join(' '),
      };
    });
}

function named(commands: Refusal['commands']): string {
  return commands.map((command) => command.toUpperCase().replace('|', ' ')).join(', ');
}

function renamed(unknown: Refusal['unknown']): readonly string[] {
  return unknown.length > 0 ? ['Commands must not be renamed or disabled.'] : [];
}

function memoryOf(server: ServerFacts): readonly Remark[] {
  const evicted = numberOf(server, 'evicted_keys');
  const most = numberOf(server, 'maxmemory');
  const share = most > 0 ? numberOf(server, 'used_memory') / most : 0;
  return [
    ...(evicted > 0
      ? [
          {
            code: 'EVICTED_KEYS' as const,
            message: `The server has evicted ${evicted} keys since its start; locks and fencing counters may have been among them.`,
            remedy:
              'Set maxmemory-policy to noeviction, and use a server without other data. CONFIG RESETSTAT resets the number.',
          },
        ]
      : []),
    ...(share > LARGEST_USE
      ? [
          {
            code: 'MEMORY_NEARLY_FULL' as const,
            message: `${percent(share)} of maxmemory is in use; a server whose memory is full grants no locks.`,
            remedy: 'Raise maxmemory, or remove other data from the server.',
          },
        ]
      : []),
  ];
}

function persistenceOf(server: ServerFacts, { settings, bySentinel }: ServerContext): readonly Remark[] {
  const isForgetful = server.info.has('aof_enabled') && server.info.get('aof_enabled') !== '1';
  const replicas = numberOf(server, 'connected_slaves');
  return [
    ...(isForgetful
      ? [
          settings.isGuarded
            ? {
                code: 'RESTART_QUARANTINES' as const,
                message:
                  'There is no append-only file: a node that restarts does not vote until every lock that it may have lost has expired.',
                remedy: 'Nothing. The restart guard keeps locks safe.',
              }
            : {
                code: 'RESTART_FORGETS' as const,
                message:
                  'There is no append-only file, and no restart guard: a restart loses the locks, and others get them at once.',
                remedy:
                  "Set restartGuard to 'auto', with 3 nodes or more, or to 'strict'; or set appendonly yes and appendfsync always.",
              },
        ]
      : []),
    ...(bySentinel && replicas > 0
      ? [
          {
            code: 'FAILOVER_QUARANTINES' as const,
            message: `The server has ${replicas} replicas and a Sentinel: a promoted replica may lack the last locks, so it does not vote for as long as after a restart.`,
            remedy: 'Nothing. Nodes without replicas are simpler and just as safe.',
          },
        ]
      : []),
  ];
}

function roundTripsOf(server: ServerFacts, { nodeTimeout }: JudgedSettings): readonly Remark[] {
  const sorted = [...server.roundTrips].sort((a, b) => a - b);
  const median = sorted[sorted.length >> 1] ?? 0;
  const worst = sorted.at(-1) ?? 0;
  const fork = numberOf(server, 'latest_fork_usec') / 1_000;
  const remedy = 'Raise nodeTimeout and ttl, or bring the node closer or relieve it.';
  return [
    ...(median > nodeTimeout / 4
      ? [
          {
            code: 'SLOW_ROUND_TRIP' as const,
            message: `The server usually answers after ${ms(median)}, which is more than a quarter of nodeTimeout (${ms(nodeTimeout)}).`,
            remedy,
          },
        ]
      : []),
    ...(worst > nodeTimeout / 2
      ? [
          {
            code: 'UNSTEADY_ROUND_TRIP' as const,
            message: `The slowest of ${sorted.length} answers took ${ms(worst)}, which is more than half of nodeTimeout (${ms(nodeTimeout)}).`,
            remedy,
          },
        ]
      : []),
    ...(fork > nodeTimeout
      ? [
          {
            code: 'SLOW_FORK' as const,
            message: `The last fork of the server took ${ms(fork)}, during which it answered nothing; nodeTimeout is ${ms(nodeTimeout)}.`,
            remedy:
              'Turn off snapshots (save "") or give the node less data; disable transparent huge pages.',
          },
        ]
      : []),
  ];
}

function clockOf(server: ServerFacts, { settings, second }: ServerContext): readonly Remark[] {
  const { clock } = server;
  const rate = rateOf(server, second);
  const hasJumped = rate > FASTEST_SLEW;
  // What a fast clock gains between the looks is no jump.
  const jump = rate > LARGEST_RATE_ERROR && !hasJumped ? server.jump : (second?.jump ?? server.jump);
  return [
    ...(clock && Math.abs(clock.aheadOfClient) > LARGEST_OFFSET
      ? [
          {
            code: 'CLOCK_OFFSET' as const,
            message: `The clock of the server is ${minutes(clock.aheadOfClient)} that of this machine; at an hour, fencing tokens are refused or out of order.`,
            remedy: 'Set the clocks of servers and clients by NTP.',
          },
        ]
      : []),
    ...(hasJumped ? [] : judgeRate(rate, settings)),
    ...(jump ? [jumped(jump)] : []),
  ];
}

/** How much faster or slower the clock runs than that of this machine, as a fraction: what is certain, however late the answers were. */
function rateOf({ clock, info }: ServerFacts, second: ServerFacts | undefined): number {
  const later = second?.info.get('run_id') === info.get('run_id') ? second?.clock : undefined;
  if (!clock || !later || later.at - clock.at < SHORTEST_MEASUREMENT) return 0;
  const change = Math.max(0, later.low - clock.high, clock.low - later.high);
  return change / (later.at - clock.at);
}

function judgeRate(rate: number, { driftFactor }: JudgedSettings): readonly Remark[] {
  if (!(rate > driftFactor / 4)) return [];
  return [
    {
      code: rate > driftFactor / 2 ? 'CLOCK_RATE_TOO_HIGH' : 'CLOCK_RATE',
      message: `The clock of the server runs at another rate than that of this machine: they differ by at least ${percent(rate)}; driftFactor allows ${percent(driftFactor)} between any two machines.`,
      remedy:
        'Limit how fast clocks are slewed (chrony: maxslewrate 500) on servers and clients, or raise driftFactor.',
    },
  ];
}

function jumped({ direction, by, noticedAt }: PastJump): Remark {
  const effect =
    direction === 'forward'
      ? 'locks on this node ended early by as much'
      : 'keys on this node stay longer by as much';
  return {
    code: 'CLOCK_JUMPED',
    message: `The clock of the server jumped ${direction} by at least ${ms(by)}, noticed at ${noticedAt.toISOString()}: ${effect}.`,
    remedy:
      'Let NTP slew the clock and not step it (chrony: makestep 1 3). If all nodes jumped at the same time, this machine was suspended.',
  };
}

function ms(duration: number): string {
  return `${duration < 10 ? Number(duration.toPrecision(2)) : Math.round(duration)} ms`;
}

function minutes(lead: number): string {
  return `${Math.round(Math.abs(lead) / 60_000)} min ${lead > 0 ? 'ahead of' : 'behind'}`;
}

function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(2))} %`;
}
