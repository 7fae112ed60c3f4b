import * as fc from 'fast-check';
import type { ClientFault, Fault, NodeFault, Schedule, Step } from './schedule.ts';
import { OLD } from './schedule-of.ts';

/**
 * What may go wrong. `lawful`: whatever the guarantees put up with. `forgetful`: nodes lose votes as well.
 * `restarting`: a minority of nodes does, by restarts that are guarded against. `contended`: what goes wrong is as in a
 * lawful one, mostly with what nodes publish, and many want the same lock. `held`: locks extend themselves for long, while
 * several nodes at a time hang or lose their connections for a moment. `operated`: what goes wrong is as in a lawful one, locks are
 * taken away from their holders, and some keep others out after a loss.
 */
export const MODELS = ['lawful', 'forgetful', 'restarting', 'contended', 'held', 'operated'] as const;

export type Model = (typeof MODELS)[number];

const MOST_NODES = 7;
const MOST_CLIENTS = 3;
const MOST_CONTENDERS = 8;

const gap = fc.oneof(
  { weight: 1, arbitrary: fc.constant(0) },
  { weight: 3, arbitrary: fc.nat(30) },
  { weight: 2, arbitrary: fc.nat(200) },
  { weight: 1, arbitrary: fc.nat(1_500) },
);
/** Mostly a node among five, so that faults meet. */
const node = fc.nat(MOST_NODES - 1);
const client = fc.nat(MOST_CLIENTS - 1);
const ttl = fc.constantFrom(undefined, undefined, undefined, 160, 250, 1_000);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      gap,
      do: fc.constantFrom('acquire' as const, 'acquire' as const, 'tryAcquire' as const, 'using' as const),
      resources: fc.constantFrom([0], [0], [0], [0], [1], [0, 1], [1, 0, 2]),
      hold: fc.oneof(fc.nat(15), fc.nat(100), fc.nat(400)),
      acquireTimeout: fc.constantFrom(0, 50, 200, 600),
      autoExtend: fc.constantFrom(false, false, true),
      maxHoldTime: fc.constantFrom(undefined, undefined, undefined, 120, 400),
      ttl,
      fencing: fc.constantFrom(true, true, true, true, true, false),
      abortAfter: fc.oneof(
        { weight: 5, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.nat(40) },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(gap, fc.nat(9), ttl)
      .map(([gap, which, ttl]): Step => ({ gap, do: 'extend', which, ttl })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(gap, fc.nat(9)).map(([gap, which]): Step => ({ gap, do: 'release', which })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(gap, fc.nat(2)).map(([gap, resource]): Step => ({ gap, do: 'inspect', resource })),
  },
);

/** Locks that are held for longer, and somebody who takes them away. */
const operatedStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      gap,
      do: fc.constantFrom('acquire' as const, 'acquire' as const, 'tryAcquire' as const, 'using' as const),
      resources: fc.constantFrom([0], [0], [0], [1], [0, 1]),
      hold: fc.oneof(fc.nat(100), fc.nat(800)),
      acquireTimeout: fc.constantFrom(0, 200, 600, 2_000),
      autoExtend: fc.constantFrom(false, true, true),
      maxHoldTime: fc.constantFrom(undefined, undefined, undefined, 400),
      ttl,
      fencing: fc.constantFrom(true, true, false),
      lockDelay: fc.constantFrom(0, 0, 30),
      abortAfter: fc.constant(undefined),
    }),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(gap, fc.constantFrom(0, 0, 1))
      .map(([gap, resource]): Step => ({ gap, do: 'revoke', resource })),
  },
  { weight: 2, arbitrary: step },
);

const at = fc.oneof(fc.nat(100), fc.nat(1_500));
const duration = fc.oneof(fc.nat(60), fc.nat(600), fc.nat(3_000));
const span = fc.tuple(at, duration);

const ERRORS = [
  'BUSY Redis is busy running a script.',
  'MISCONF Redis is configured to save RDB snapshots, but it cannot.',
  'LOADING Redis is loading the dataset in memory',
  'OOM command not allowed when used memory > maxmemory.',
  "READONLY You can't write against a read only replica.",
  'NOPERM No permissions to access a key',
  'NOSCRIPT No matching script.',
];

/** Faults that every guarantee holds under. */
const lawfulFault: fc.Arbitrary<NodeFault | ClientFault> = fc.oneof(
  fc
    .tuple(span, node)
    .map(([[at, duration], node]): NodeFault => ({ what: 'pause', at, for: duration, node })),
  fc.tuple(span, node, fc.boolean()).map(
    ([[at, duration], node, refuses]): NodeFault => ({
      what: 'crash',
      at,
      for: duration,
      node,
      refuses,
      memory: 'kept',
    }),
  ),
  fc
    .tuple(span, node, fc.constantFrom(...ERRORS))
    .map(([[at, duration], node, error]): NodeFault => ({ what: 'fail', at, for: duration, node, error })),
  fc.tuple(at, node).map(([at, node]): NodeFault => ({ what: 'flush scripts', at, for: 0, node })),
  fc
    .tuple(
      span,
      node,
      fc.option(client, { nil: undefined, freq: 2 }),
      fc.constantFrom('up' as const, 'down' as const, 'both' as const),
      fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 20, 150),
    )
    .map(
      ([[at, duration], node, client, direction, delay]): NodeFault => ({
        what: 'cut',
        at,
        for: duration,
        node,
        client,
        direction,
        delay,
      }),
    ),
  fc
    .tuple(at, node, client)
    .map(([at, node, client]): NodeFault => ({ what: 'break', at, for: 0, node, client })),
  fc.tuple(span, client, fc.boolean()).map(
    ([[at, duration], client, timersFirst]): ClientFault => ({
      what: 'stop client',
      at,
      for: duration,
      client,
      timersFirst,
    }),
  ),
  fc.tuple(span, client, fc.nat(3)).map(
    ([[at, duration], client, reads]): ClientFault => ({
      what: 'stall client',
      at,
      for: duration,
      client,
      reads,
    }),
  ),
  fc.tuple(at, client).map(([at, client]): ClientFault => ({ what: 'kill client', at, for: 0, client })),
  fc
    .tuple(at, client, fc.integer({ min: -5_000, max: 5_000 }))
    .map(([at, client, by]): ClientFault => ({ what: 'set wall clock', at, for: 0, client, by })),
);

/** Faults that cost nothing but time: of what nodes publish, and of the lines that they keep. */
const feedFault: fc.Arbitrary<NodeFault> = fc.oneof(
  fc
    .tuple(at, node, client)
    .map(([at, node, client]): NodeFault => ({ what: 'break feed', at, for: 0, node, client })),
  fc
    .tuple(
      span,
      node,
      fc.option(client, { nil: undefined, freq: 2 }),
      fc.constantFrom('up' as const, 'down' as const, 'both' as const),
      fc.constantFrom(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 20, 150),
    )
    .map(
      ([[at, duration], node, client, direction, delay]): NodeFault => ({
        what: 'cut feed',
        at,
        for: duration,
        node,
        client,
        direction,
        delay,
      }),
    ),
  fc.tuple(span, node, fc.option(client, { nil: undefined, freq: 2 })).map(
    ([[at, duration], node, client]): NodeFault => ({
      what: 'lose messages',
      at,
      for: duration,
      node,
      client,
    }),
  ),
  fc.tuple(span, node, fc.option(client, { nil: undefined, freq: 2 }), fc.constantFrom(0, 5, 60, 400)).map(
    ([[at, duration], node, client, after]): NodeFault => ({
      what: 'repeat messages',
      at,
      for: duration,
      node,
      client,
      after,
    }),
  ),
  fc
    .tuple(at, node, fc.constantFrom('turn' as const, 'next' as const))
    .map(([at, node, told]): NodeFault => ({ what: 'forge messages', at, for: 0, node, told })),
  fc
    .tuple(at, node, fc.constantFrom(1, 2, 30), fc.constantFrom('heard' as const, 'unheard' as const))
    .map(([at, node, many, how]): NodeFault => ({ what: 'crowd lines', at, for: 0, node, many, how })),
  fc.tuple(at, node).map(([at, node]): NodeFault => ({ what: 'empty lines', at, for: 0, node })),
);

/** The connections of one client to one node end, mostly while they are idle. */
const partings: fc.Arbitrary<Fault[]> = fc.oneof(
  { weight: 3, arbitrary: fc.constant<Fault[]>([]) },
  {
    weight: 2,
    arbitrary: fc.array<Fault>(
      fc
        .tuple(
          fc.oneof(fc.nat(1_500), fc.nat(8_000)),
          node,
          client,
          fc.constantFrom('end', 'end', 'end feed', 'lose track', 'lose track of feed'),
        )
        .map(([at, node, client, what]): NodeFault => ({ what, at, for: 0, node, client })),
      { minLength: 1, maxLength: 4, size: 'max' },
    ),
  },
);

const anyLawfulFault = fc.oneof({ weight: 10, arbitrary: lawfulFault }, { weight: 3, arbitrary: feedFault });

/** A node loses what it was trusted with. */
const forgetting: fc.Arbitrary<NodeFault> = fc.oneof(
  fc
    .tuple(at, node, fc.integer({ min: 1, max: 4 }))
    .map(([at, node, many]): NodeFault => ({ what: 'forget', at, for: 0, node, many })),
  fc
    .tuple(at, node, fc.nat(5))
    .map(([at, node, which]): NodeFault => ({ what: 'drop', at, for: 0, node, which })),
  fc
    .tuple(at, node, fc.integer({ min: -200, max: 2_000 }))
    .map(([at, node, by]): NodeFault => ({ what: 'jump', at, for: 0, node, by })),
  fc.tuple(span, node, fc.boolean(), fc.constantFrom('stale' as const, 'lost' as const)).map(
    ([[at, duration], node, refuses, memory]): NodeFault => ({
      what: 'crash',
      at,
      for: duration,
      node,
      refuses,
      memory,
    }),
  ),
);

/** A server comes back without memory, or another takes its place. */
const restarting: fc.Arbitrary<NodeFault> = fc
  .tuple(
    span,
    node,
    fc.boolean(),
    fc.constantFrom(
      'lost' as const,
      'lost' as const,
      'stale' as const,
      'promoted' as const,
      'promoted again' as const,
    ),
  )
  .map(
    ([[at, duration], node, refuses, memory]): NodeFault => ({
      what: 'crash',
      at,
      for: duration,
      node,
      refuses,
      memory,
    }),
  );

const lateAt = fc.nat(12_000);
const moment = fc.oneof({ weight: 4, arbitrary: fc.nat(2_000) }, { weight: 1, arbitrary: fc.nat(6_000) });

/** Several nodes hang, are unreachable, or lose all their connections, at nearly the same time. */
const blip: fc.Arbitrary<Fault[]> = fc
  .record({
    at: lateAt,
    duration: moment,
    what: fc.constantFrom('pause', 'pause', 'pause', 'break', 'cut', 'refuse', 'vanish', 'fail'),
    error: fc.constantFrom(...ERRORS),
    nodes: fc.uniqueArray(node, { minLength: 1, maxLength: 5 }),
    spread: fc.constantFrom(0, 0, 5, 400),
  })
  .map(({ at, duration, what, error, nodes, spread }) =>
    nodes.flatMap((node, index): Fault[] => {
      const span = { at: at + index * spread, for: duration, node };
      switch (what) {
        case 'pause':
          return [{ ...span, what }];
        case 'break':
          return [0, 1].map((client) => ({ at: span.at, for: 0, node, what, client }));
        case 'cut':
          return [{ ...span, what, client: undefined, direction: 'both', delay: Number.POSITIVE_INFINITY }];
        case 'fail':
          return [{ ...span, what, error }];
        default:
          return [{ ...span, what: 'crash', refuses: what === 'refuse', memory: 'kept' }];
      }
    }),
  );

/** Something that goes wrong on one node, at any time. */
const lateFault: fc.Arbitrary<Fault[]> = fc
  .tuple(lawfulFault, lateAt, moment)
  .map(([fault, at, duration]) => [{ ...fault, at, for: fault.for === 0 ? 0 : duration }]);

const some = (fault: fc.Arbitrary<Fault>): fc.Arbitrary<Fault[]> =>
  fc.array(fault, { maxLength: 6, size: 'max' });

const faults = {
  lawful: some(anyLawfulFault),
  forgetful: some(fc.oneof(anyLawfulFault, forgetting)),
  restarting: some(fc.oneof(anyLawfulFault, restarting, restarting)),
  contended: some(fc.oneof(feedFault, feedFault, lawfulFault)),
  operated: some(anyLawfulFault),
  held: fc
    .array(fc.oneof({ weight: 3, arbitrary: blip }, { weight: 1, arbitrary: lateFault }), {
      maxLength: 4,
      size: 'max',
    })
    .map((faults) => faults.flat()),
} as const;

const guard = {
  lawful: fc.constantFrom('off' as const, 'off' as const, 'auto' as const, 'strict' as const),
  forgetful: fc.constantFrom('off' as const, 'off' as const, 'auto' as const),
  restarting: fc.constantFrom('auto' as const, 'strict' as const),
  contended: fc.constant('off' as const),
  operated: fc.constantFrom('off' as const, 'off' as const, 'auto' as const, 'strict' as const),
  held: fc.constantFrom('off' as const, 'off' as const, 'auto' as const, 'strict' as const),
} as const;

/** Somebody who keeps a lock for long, mostly one of its own. */
const keeper = (own: number): fc.Arbitrary<Step[]> =>
  fc
    .record({
      gap: fc.nat(300),
      do: fc.constantFrom('acquire' as const, 'using' as const),
      resources: fc.constantFrom([own], [own], [own], [0], [own, 2]),
      hold: fc.nat(15_000),
      acquireTimeout: fc.constantFrom(1_000, 12_000),
      autoExtend: fc.constant(true),
      maxHoldTime: fc.constantFrom(undefined, undefined, undefined, 5_000),
      ttl: fc.constant(undefined),
      fencing: fc.constantFrom(true, true, false),
      abortAfter: fc.constant(undefined),
    })
    .chain((step) =>
      fc
        .array(
          fc.nat(4_000).map((gap): Step => ({ gap, do: 'extend', which: 0, ttl: undefined })),
          { maxLength: 2 },
        )
        .map((extensions): Step[] => [step as Step].concat(extensions)),
    );

/** Somebody who wants the first resource again and again, or waits for it now and then. */
const contender: fc.Arbitrary<Step[]> = fc.oneof(
  {
    weight: 2,
    arbitrary: fc
      .record({
        gap: fc.nat(20),
        do: fc.constant('contend' as const),
        for: fc.constantFrom(300, 1_000),
        hold: fc.constantFrom(0, 2, 10, 60, 400),
        think: fc.constantFrom(0, 5, 40),
        callers: fc.constantFrom(1, 1, 1, 2, 5),
        patience: fc.constantFrom(300, 3_000, 3_000),
      })
      .map((step) => [step]),
  },
  {
    weight: 1,
    arbitrary: fc.array(
      fc.record({
        gap: fc.oneof(fc.constant(0), fc.nat(10), fc.nat(200)),
        do: fc.constantFrom('acquire' as const, 'acquire' as const, 'using' as const, 'tryAcquire' as const),
        resources: fc.constant([0]),
        hold: fc.oneof(fc.nat(15), fc.nat(100)),
        acquireTimeout: fc.constantFrom(200, 1_000, 10_000),
        autoExtend: fc.boolean(),
        maxHoldTime: fc.constant(undefined),
        ttl,
        abortAfter: fc.oneof(fc.constant(undefined), fc.nat(40), fc.nat(400)),
      }),
      { minLength: 1, maxLength: 6, size: 'max' },
    ),
  },
);

/** Only a minority of nodes, the same at any time, may forget. */
function sparing(faults: readonly Fault[], nodes: number): Fault[] {
  const spare = nodes - (Math.floor(nodes / 2) + 1);
  return faults.map((fault) => {
    if (fault.what !== 'crash' || fault.memory === 'kept') return fault;
    return spare === 0 ? { ...fault, memory: 'kept' } : { ...fault, node: fault.node % spare };
  });
}

const rate = fc.constantFrom(0, 0, 1, 1, 0.5);

/** How long a ttl is, and how long a node is waited for. */
const bases = {
  usual: fc.constantFrom(
    { ttl: 100, nodeTimeout: 20 },
    { ttl: 200, nodeTimeout: 50 },
    { ttl: 300, nodeTimeout: 50 },
    { ttl: 1_000, nodeTimeout: 100 },
    { ttl: 30_000, nodeTimeout: 100 },
  ),
  contended: fc.constantFrom(
    { ttl: 200, nodeTimeout: 50 },
    { ttl: 300, nodeTimeout: 50 },
    { ttl: 1_000, nodeTimeout: 100 },
    { ttl: 30_000, nodeTimeout: 100 },
  ),
  held: fc.constantFrom(
    { ttl: 1_000, nodeTimeout: 100 },
    { ttl: 3_000, nodeTimeout: 300 },
    { ttl: 6_000, nodeTimeout: 200 },
    { ttl: 10_000, nodeTimeout: 500 },
    { ttl: 10_000, nodeTimeout: 100 },
  ),
} as const;

const swift = [
  { least: 0.05, span: 0.2 },
  { least: 0.2, span: 2 },
] as const;
const latencies = {
  // Answers that come too late leave nothing to contend for.
  contended: fc.constantFrom(...swift, { least: 0.5, span: 20 }, { least: 5, span: 5 }),
  usual: fc.constantFrom(...swift, { least: 0.5, span: 20 }, { least: 5, span: 5 }, { least: 0.1, span: 60 }),
  held: fc.constantFrom(...swift, { least: 5, span: 5 }),
} as const;

/** Schedules of a world of the size given, or of any size; small by default, and shrinking to nothing going on. */
export function schedules(
  model: Model,
  size: { nodes?: number; clients?: number; steps?: number } = {},
): fc.Arbitrary<Schedule> {
  const { nodes, clients, steps } = size;
  const kind = model === 'contended' || model === 'held' ? model : 'usual';
  const program = model === 'operated' ? model : kind;
  const programs = {
    contended: contender,
    held: fc.constantFrom(0, 1).chain(keeper),
    operated: fc.array(operatedStep, { maxLength: steps ?? 10, minLength: steps ?? 0, size: 'max' }),
    usual: fc.array(step, { maxLength: steps ?? 10, minLength: steps ?? 0, size: 'max' }),
  };
  const most = kind === 'contended' ? MOST_CONTENDERS : MOST_CLIENTS;
  return fc
    .record({
      seed: fc.nat(),
      nodes: nodes === undefined ? fc.constantFrom(1, 2, 3, 3, 4, 5, 5, 5, 6, 7) : fc.constant(nodes),
      driftFactor: fc.constantFrom(0.01, 0.01, 0.1, 0),
      rates: fc.array(rate, { minLength: most + MOST_NODES, maxLength: most + MOST_NODES }),
      base: bases[kind],
      connectTimeout: fc.constantFrom(50, 300, 2_000),
      latency: latencies[kind],
      retry: fc.constantFrom(
        { minTimeout: 20, maxTimeout: 400, retries: Number.POSITIVE_INFINITY },
        { minTimeout: 50, maxTimeout: 1_000, retries: Number.POSITIVE_INFINITY },
        { minTimeout: 0, maxTimeout: 20, retries: 3 },
      ),
      detours: fc.constantFrom<readonly number[]>([], [], [], [], [0], [1, 2]),
      clients: fc.array(programs[program], {
        minLength: clients ?? (kind === 'contended' ? 2 : 1),
        maxLength: clients ?? most,
        size: 'max',
      }),
      faults: faults[model],
      incurable: fc.constantFrom<readonly number[]>([], [], [0], [1, 3], [0, 2, 4]),
      finish: fc.constantFrom('heal' as const, 'probe' as const),
      guard: guard[model],
      wallClocks: fc.constantFrom('agreeing' as const, 'apart' as const, 'stuck' as const),
      ages: fc.constantFrom<readonly number[]>([OLD], [OLD], [0], [700], [OLD, 0], [0, OLD]),
      authenticates: fc.constantFrom(false, false, true),
      partings,
    })
    .map(({ base, partings, ...rest }) => {
      const faults = model === 'restarting' ? sparing(rest.faults, rest.nodes) : rest.faults;
      const connectTimeout = Math.max(rest.connectTimeout, longestConnecting(rest.latency));
      return Object.assign(rest, base, { connectTimeout, faults: faults.concat(partings) });
    });
}

/** How long it takes at most, in ms, from the SYN to the first answer: a client that is less patient never gets there. */
function longestConnecting({ least, span }: Schedule['latency']): number {
  return Math.ceil(6 * (least + span)) + 10;
}
