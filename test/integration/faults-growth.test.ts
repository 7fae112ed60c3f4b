import { describe, expect, it } from 'vitest';
import { enforceNoLeaks } from '../support/leaks.ts';
import { runFixture } from './fixtures/child.ts';
import { startNodes } from './fixtures/nodes.ts';

enforceNoLeaks();

/** In MB, as fixtures/growth.ts measures it: half of what it is (5) if no node's releases are ever settled, and twice what the node that is away may be owed. */
const MOST_GROWTH = 2.5;

describe('thousands of calls while a node is away', () => {
  it.each(['hung', 'dead'] as const)('make no heap grow when it is %s', async (fault) => {
    const servers = await startNodes(5);
    const urls = servers.map(({ url }) => url);
    const child = runFixture('growth.ts', [urls.join(',')], ['--expose-gc']);
    await child.printed('ready');
    const [away] = servers;
    if (fault === 'hung') away?.pause();
    else await away?.kill();
    child.process.kill('SIGUSR2');
    expect(await child.exit).toEqual({ code: 0, signal: null });
    const result = JSON.parse(child.lines.at(-1) ?? '{}');
    expect(result.calls).toBeGreaterThan(9_000);
    expect(result.failed).toBe(0);
    expect(result.slowest).toBeLessThan(3 * result.nodeTimeout);
    expect(result.growth).toBeLessThan(MOST_GROWTH);
    // What it has not answered when its client ends, it would still execute.
    await away?.kill();
  });
});
