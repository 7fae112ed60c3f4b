import { type Leniency, type Violation, violations } from '../checker/checker.ts';
import type { History } from '../checker/history.ts';
import { trace } from '../checker/trace.ts';
import { nextTurn, virtualizeGlobals } from '../simulation/virtual-globals.ts';
import { type Effect, type Enabled, Exploration } from './exploration.ts';
import { withLateReleases } from './linearization.ts';
import type { Scope } from './scope.ts';
import { SmallWorld } from './small-world.ts';
import { symmetries } from './symmetry.ts';

export interface Explored {
  /** How many executions there were, no two of them equivalent. */
  readonly executions: number;
  /** How many were begun and given up because they would have been equivalent to others. */
  readonly blocked: number;
  readonly violation?: Found;
}

export interface Found {
  readonly violations: readonly Violation[];
  /** Whose turn it was; `replay` takes it. */
  readonly order: readonly string[];
  /** What happened, to be read. */
  readonly trace: string;
}

export interface ExploreOptions {
  readonly leniency?: Leniency;
  /** Sees each execution as it ends. */
  readonly onExecution?: (history: History, executions: number) => void;
}

/** How many turns of the event loop are asked for at once, because each round through it costs more than they do. */
const TURNS = 128;

/** Runs every execution of a scope, but for equivalent ones, or until one of them does what it must not. */
export async function explore(
  scope: Scope,
  { leniency, onExecution }: ExploreOptions = {},
): Promise<Explored> {
  let executions = 0;
  let blocked = 0;
  let violation: Found | undefined;
  for (const symmetry of symmetries(scope)) {
    const exploration = new Exploration();
    await drive(() => new SmallWorld(scope, symmetry), {
      choose: (enabled) => exploration.choose(enabled),
      performed: (effect) => exploration.performed(effect),
      ended: (world, isComplete) => {
        if (isComplete) {
          executions++;
          violation = judge(world, exploration.order, leniency);
          onExecution?.(world.history, executions);
        } else {
          blocked++;
        }
        return violation === undefined && exploration.next();
      },
    });
    if (violation) break;
  }
  return { executions, blocked, ...(violation ? { violation } : {}) };
}

/** Runs one execution, in the order given, and then in any. */
export async function replay(
  scope: Scope,
  order: readonly string[],
  { leniency }: ExploreOptions = {},
): Promise<Found> {
  const exploration = new Exploration();
  let found: Found | undefined;
  let at = 0;
  await drive(() => new SmallWorld(scope), {
    choose: (enabled) => {
      const next = order[at++];
      return exploration.choose(
        next === undefined ? enabled : enabled.filter(({ process }) => process === next),
      );
    },
    performed: (effect) => exploration.performed(effect),
    ended: (world) => {
      found = judge(world, exploration.order, leniency) ?? describe(world.history, [], exploration.order);
      return false;
    },
  });
  return found as Found;
}

function judge(
  { history, events }: SmallWorld,
  order: readonly string[],
  leniency?: Leniency,
): Found | undefined {
  for (const each of [history, withLateReleases(history, events)]) {
    const found = each ? violations(each, leniency) : [];
    if (each && found.length > 0) return describe(each, found, order);
  }
  return undefined;
}

function describe(history: History, found: readonly Violation[], order: readonly string[]): Found {
  return { violations: found, order, trace: trace(history, found) };
}

export interface Guide {
  choose(enabled: readonly Enabled[]): string | undefined;
  performed(effect: Effect): void;
  /** Whether there is another execution. */
  ended(world: SmallWorld, isComplete: boolean): boolean;
}

/** Runs executions; between two events all promises and ticks of the client that had one are settled. */
export async function drive(create: () => SmallWorld, guide: Guide): Promise<void> {
  const restore = virtualizeGlobals();
  const run = new Run(create, guide);
  const onUnhandled = (reason: unknown): void => {
    run.world.history.leftovers.push(`unhandled rejection: ${String(reason)}`);
  };
  const { stackTraceLimit } = Error;
  // Every failed attempt makes an error, and nobody looks at where.
  Error.stackTraceLimit = 0;
  try {
    process.on('unhandledRejection', onUnhandled);
    await new Promise<void>((resolve, reject) => {
      let over = false;
      const turn = (): void => {
        if (over) return;
        try {
          over = !run.turn();
          if (over) resolve();
        } catch (error) {
          over = true;
          reject(error);
        }
      };
      const round = (): void => {
        if (over) return;
        for (let i = 0; i < TURNS; i++) nextTurn(turn);
        nextTurn(round);
      };
      round();
    });
  } finally {
    process.off('unhandledRejection', onUnhandled);
    Error.stackTraceLimit = stackTraceLimit;
    restore();
  }
}

class Run {
  readonly #create: () => SmallWorld;
  readonly #guide: Guide;
  #world: SmallWorld;
  #isNew = true;
  #isRunning = false;

  constructor(create: () => SmallWorld, guide: Guide) {
    this.#create = create;
    this.#guide = guide;
    this.#world = create();
  }

  get world(): SmallWorld {
    return this.#world;
  }

  /** One turn of the event loop; false when all is over. */
  turn(): boolean {
    if (this.#isNew) this.#world.settle();
    this.#isNew = false;
    for (;;) {
      if (this.#isRunning) {
        const effect = this.#world.goOn();
        if (!effect) return true;
        this.#isRunning = false;
        this.#guide.performed(effect);
      }
      const choices = this.#world.choices();
      const process = this.#guide.choose(choices);
      const choice = choices.find((choice) => choice.process === process);
      if (!choice) {
        this.#world.end();
        if (!this.#guide.ended(this.#world, choices.length === 0)) return false;
        this.#world = this.#create();
        this.#isNew = true;
        return true;
      }
      this.#isRunning = true;
      this.#world.perform(choice);
      // No code of ours runs in a server.
      if (choice.isHeard) return true;
    }
  }
}
