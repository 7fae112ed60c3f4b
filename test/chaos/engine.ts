import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { aptInstall, canInstall } from '../../scripts/apt-install.ts';
import { TOOLS } from '../../scripts/tools.ts';
import { onPath } from '../support/redis-binary.ts';
import { dockerCan, engineAnswers } from './docker.ts';

/** A Docker engine, which somebody has to stop if it was started here. */
export interface Engine {
  stop(): Promise<void>;
}

/** No Docker engine can run on this machine, or none may be installed. */
export class NoEngineError extends Error {
  override readonly name = 'NoEngineError';
}

/** How long an engine may take to answer, in ms. */
const PATIENCE = 30_000;
/** How it is started: as usual; or without the right to change the firewall, where ports are forwarded by processes. */
const ARGUMENTS: readonly (readonly string[])[] = [[], ['--iptables=false', '--ip6tables=false']];

/**
 * The engine that runs, or else one that is started, and installed before if need be.
 *
 * @throws {NoEngineError} that says why there can be none.
 */
export async function ensureEngine(say: (line: string) => void): Promise<Engine> {
  if (!(await hasCompose()) || !(await canReachEngine())) install(say);
  if (await engineAnswers()) return { stop: async () => {} };
  const failures: string[] = [];
  for (const args of ARGUMENTS) {
    say(`starting a Docker engine: dockerd ${args.join(' ')}`);
    const started = await start(args);
    if (typeof started !== 'string') return started;
    failures.push(started);
  }
  throw new NoEngineError(`no Docker engine can run here:\n${failures.join('\n')}`);
}

/** Whether there is a `docker compose`, or a `docker-compose`. */
async function hasCompose(): Promise<boolean> {
  return onPath('docker-compose') !== undefined || (await dockerCan(['compose', 'version']));
}

async function canReachEngine(): Promise<boolean> {
  return (onPath('docker') !== undefined && (await engineAnswers())) || onPath('dockerd') !== undefined;
}

function install(say: (line: string) => void): void {
  if (!canInstall())
    throw new NoEngineError(
      'there is no Docker engine with compose, and only root can install one, where there is apt-get',
    );
  say('installing docker.io and docker-compose');
  try {
    aptInstall(...TOOLS.docker.packages);
  } catch (cause) {
    throw new NoEngineError('docker.io and docker-compose could not be installed', { cause });
  }
}

/** @returns what it had to say, if it failed. */
async function start(args: readonly string[]): Promise<Engine | string> {
  const path = join(mkdtempSync(join(tmpdir(), 'quorlock-dockerd-')), 'dockerd.log');
  const log = openSync(path, 'w');
  // In a group of its own: Ctrl-C is for the harness, which still needs it then.
  const child = spawn('dockerd', args, { stdio: ['ignore', log, log], detached: true });
  const kill = (): void => void child.kill('SIGTERM');
  process.once('exit', kill);
  const stop = async (): Promise<void> => {
    process.off('exit', kill);
    await end(child);
  };
  const deadline = performance.now() + PATIENCE;
  while (isRunning(child) && performance.now() < deadline) {
    if (await engineAnswers()) return { stop };
    await delay(200);
  }
  await stop();
  return `dockerd ${args.join(' ')}: ${readFileSync(path, 'utf8').trim().split('\n').slice(-3).join('\n')}`;
}

async function end(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return;
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await gone;
}

function isRunning({ pid, exitCode, signalCode }: ChildProcess): boolean {
  return pid !== undefined && exitCode === null && signalCode === null;
}
