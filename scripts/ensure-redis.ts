/** Makes sure that there is a Redis (or Valkey) server for the tests: `npx tsx scripts/ensure-redis.ts`. */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { onPath, redisBinary } from '../test/support/redis-binary.ts';

/** Asked by Debian's packages before they start a service; 101 forbids it. */
const POLICY = '/usr/sbin/policy-rc.d';

if (!redisBinary()) {
  const canInstall = process.getuid?.() === 0 && onPath('apt-get') !== undefined;
  console.log(
    `neither redis-server nor valkey-server is on PATH${canInstall ? '; installing redis-server' : ''}`,
  );
  if (canInstall) installWithApt();
  else explain();
}

function installWithApt(): void {
  const ownPolicy = !existsSync(POLICY);
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    aptGet('update');
    aptGet('install', '-y', '--no-install-recommends', 'redis-server');
  } finally {
    if (ownPolicy) rmSync(POLICY);
  }
}

function aptGet(...args: string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  execFileSync('apt-get', args, { env, stdio: 'inherit' });
}

function explain(): void {
  console.log('install it with one of:');
  console.log('  macOS          brew install redis');
  console.log('  Debian, Ubuntu sudo apt-get install redis-server');
  console.log('  Fedora         sudo dnf install valkey');
  process.exitCode = 1;
}
