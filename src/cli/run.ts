import { isatty } from 'node:tty';
import { AcquireTimeoutError, ResourceHeldError } from '../errors.ts';
import { defaultLabel } from '../label.ts';
import type { Lock } from '../lock.ts';
import { quote } from '../quote.ts';
import type { Redlock } from '../redlock.ts';
import type { Call } from './call.ts';
import { withRedlock } from './connect.ts';
import { formatDuration } from './duration.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { blamingOptions } from './failure.ts';
import { GuardedCommand } from './guarded-command.ts';
import { ownerLines } from './inspection-view.ts';
import type { Output } from './output.ts';
import { environmentOf, type RunPlan, runPlanOf, startFailure } from './run-plan.ts';
import { SignalRelay } from './signal-relay.ts';
import { codeOf, isLost, supervise, tellLoss } from './supervision.ts';
import { Watchdog } from './watchdog.ts';

/** What takes part in a run. */
interface Stage {
  readonly plan: RunPlan;
  readonly redlock: Redlock;
  readonly relay: SignalRelay;
  /** Whether the command reads from the terminal, and so has to stay in this program's group. */
  readonly sharesTerminal: boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly stderr: Output;
}

/** `quorlock run` */
export async function run({ line, env, stderr }: Call): Promise<number> {
  const plan = runPlanOf(line);
  if (process.platform === 'win32') throw new UsageError('run needs a Unix system, such as Linux or macOS');
  const sharesTerminal = isatty(0);
  const relay = new SignalRelay(sharesTerminal);
  relay.start();
  try {
    return await withRedlock({ line, env }, async ({ redlock }) => {
      const stage = { plan, redlock, relay, sharesTerminal, env, stderr };
      const lock = await acquire(stage);
      return typeof lock === 'number' ? lock : runUnder(lock, stage);
    });
  } finally {
    relay.stop();
  }
}

/** The lock, or an exit code. */
async function acquire({ plan, redlock, relay, stderr }: Stage): Promise<Lock | number> {
  const label = plan.lock.label ?? defaultLabel();
  const options = { ...plan.lock, label, autoExtend: true, signal: relay.beforeStart };
  try {
    return await blamingOptions(() => redlock.acquire(plan.resource, options));
  } catch (error) {
    if (relay.ending) return codeOf(relay.ending);
    if (!isHeld(error)) throw error;
    await explainHeld(plan, redlock, stderr);
    return EXIT.notAcquired;
  }
}

function isHeld(error: unknown): boolean {
  return (error instanceof AcquireTimeoutError ? error.cause : error) instanceof ResourceHeldError;
}

async function explainHeld({ resource, lock }: RunPlan, redlock: Redlock, stderr: Output): Promise<void> {
  const wait = lock.acquireTimeout;
  const waited = wait === 0 ? 'did not wait' : `waited ${formatDuration(wait)}`;
  const inspection = await redlock.inspect(resource);
  stderr.print(
    `quorlock: cannot lock ${quote(resource)}: somebody else holds it (${waited})`,
    ...(inspection.state === 'held' ? ownerLines(inspection, new Date(), stderr.paint) : []),
  );
}

async function runUnder(lock: Lock, stage: Stage): Promise<number> {
  const { plan, stderr } = stage;
  const code = await runGuarded(lock, stage);
  const { outcome } = await lock.release();
  if (outcome === 'unconfirmed')
    stderr.print(
      `quorlock: too few nodes confirmed the release of ${quote(plan.resource)}; at the latest it is free when its ttl has passed`,
    );
  return code;
}

/** Runs the command while the lock is held. */
async function runGuarded(lock: Lock, stage: Stage): Promise<number> {
  const { plan, relay, stderr } = stage;
  const watchdog = await Watchdog.start(plan.grace);
  if (!watchdog)
    stderr.print(
      'quorlock: there is no /bin/sh, so nothing ends the command if quorlock is killed by SIGKILL',
    );
  try {
    if (relay.ending) return codeOf(relay.ending);
    // A program that was stopped for a while may have lost it already.
    if (isLost(lock)) return tellLoss(lock, stderr);
    const guarded = await start(lock, stage, watchdog);
    if (typeof guarded === 'number') return guarded;
    const wasTerminated = (): boolean => relay.passedTerm;
    return await supervise(guarded, lock, { resource: plan.resource, wasTerminated, stderr });
  } finally {
    watchdog?.stop();
  }
}

/** Starts the command. An exit code if that is not possible. */
async function start(
  lock: Lock,
  { plan, relay, sharesTerminal, env, stderr }: Stage,
  watchdog: Watchdog | undefined,
): Promise<GuardedCommand | number> {
  const { resource, command, grace } = plan;
  const token = plan.lock.fencing ? lock.fencingToken : undefined;
  try {
    return await GuardedCommand.start(
      { command, env: environmentOf(env, resource, token), hasOwnGroup: !sharesTerminal, grace },
      (family) => {
        watchdog?.guard(family.target);
        // Reading the state notices a loss, and ends the command before it goes on.
        relay.attach(family, () => void lock.state);
      },
    );
  } catch (error) {
    const { notFound, message } = startFailure(command[0] ?? '', error);
    stderr.print(`quorlock: ${message}`);
    return notFound ? EXIT.notFound : EXIT.notExecutable;
  }
}
