import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { onPath } from '../support/redis-binary.ts';
import type { Report } from './fixtures/name-servers.ts';

const PROGRAM = fileURLToPath(new URL('fixtures/name-servers.ts', import.meta.url));

/** A look-up of localhost takes about 1 ms, and a blocked one 5 s and more. */
const NOT_BLOCKED = 400;
/** Of the slow name server, in ms. */
const SLOW = 1_200;
/** As for ending; a process that something keeps alive lives on for seconds. */
const AT_ONCE = 1_500;

/** A network and a mount of /etc/resolv.conf of its own, so that loopback is the only name server. */
const OWN_NETWORK = 'ip link set lo up && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"';

/** Arguments of `unshare` that run a command where loopback is the name server. */
function inOwnNetwork(resolvConf: string, command: readonly string[]): string[] {
  return ['-m', '-n', 'sh', '-c', OWN_NETWORK, 'sh', resolvConf, ...command];
}

function temporaryResolvConf(): { path: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'quorlock-names-'));
  const path = join(folder, 'resolv.conf');
  writeFileSync(path, 'nameserver 127.0.0.1\n');
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}

function noOwnNetwork(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root may make a network namespace';
  for (const program of ['unshare', 'ip', 'mount'])
    if (!onPath(program)) return `${program} is not installed`;
  const { path, remove } = temporaryResolvConf();
  try {
    execFileSync('unshare', inOwnNetwork(path, ['true']), { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'network and mount namespaces do not work here';
  } finally {
    remove();
  }
}

/** Of a test that runs beside others. */
type OnFinished = (act: () => void) => void;

/** Runs fixtures/name-servers.ts; `endedAfter`: how long after its report the process ended, in ms. */
async function run(
  what: string,
  finished: OnFinished,
): Promise<Report & { endedAfter: number; code: number | null }> {
  const { path, remove } = temporaryResolvConf();
  finished(remove);
  const command = [process.execPath, '--import', 'tsx', PROGRAM, what, `${SLOW}`];
  const child = spawn('unshare', inOwnNetwork(path, command), { stdio: ['ignore', 'pipe', 'inherit'] });
  finished(() => {
    child.kill('SIGKILL');
  });
  const exit = once(child, 'exit');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const reported = performance.now();
  const [code] = (await exit) as [number | null];
  return { ...(JSON.parse(line) as Report), endedAfter: performance.now() - reported, code };
}

const why = noOwnNetwork();
if (why) console.info(`skipped, because ${why}: name servers that are silent or slow`);

describe.skipIf(why).concurrent('when the names of three nodes are looked up', () => {
  it('with dns.lookup alone, a silent name server blocks the look-ups of the program', async ({
    onTestFinished,
  }) => {
    expect((await run('plain-silent', onTestFinished)).localhost).toBeGreaterThan(NOT_BLOCKED);
  });

  it('a silent name server neither blocks the look-ups of the program nor keeps its process alive', async ({
    onTestFinished,
  }) => {
    const { found, localhost, endedAfter, code } = await run('silent', onTestFinished);
    expect(found).toEqual([]);
    expect(localhost).toBeLessThan(NOT_BLOCKED);
    expect(endedAfter).toBeLessThan(AT_ONCE);
    expect(code).toBe(0);
  });

  it('a slow name server is waited for, and blocks nothing', async ({ onTestFinished }) => {
    const { found, localhost, endedAfter } = await run('slow', onTestFinished);
    expect(found.map(({ text }) => text)).toEqual(['10.0.0.7', '10.0.0.7', '10.0.0.7']);
    for (const { ms } of found) expect(ms).toBeGreaterThan(SLOW);
    expect(localhost).toBeLessThan(NOT_BLOCKED);
    expect(endedAfter).toBeLessThan(AT_ONCE);
  });

  it('a name server that ignores questions for IPv6 addresses delays none of them, and blocks nothing', async ({
    onTestFinished,
  }) => {
    const { found, localhost } = await run('half', onTestFinished);
    expect(found.map(({ text }) => text)).toEqual(['10.0.0.7', '10.0.0.7', '10.0.0.7']);
    for (const { ms } of found) expect(ms).toBeLessThan(2_000);
    expect(localhost).toBeLessThan(NOT_BLOCKED);
  });
});
