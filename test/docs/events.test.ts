import { beforeAll, describe, expect, test } from 'vitest';
import { FakeConnection, infoOf, nodeOver } from '../support/fake-connection.ts';
import { memoryRedlock } from '../support/memory-redlock.ts';
import { load } from './check-snippets.ts';
import { snippets } from './markdown.ts';
import { read } from './repository.ts';

const page = read('docs/events.md');
const source = read('src/tracing.ts');

/** Each channel with the name of its payload, as the sources have them. */
const channels = [...source.matchAll(/^ {2}readonly '([\w:]+)': (\w+);$/gm)].map(
  ([, channel = '', payload = '']) => [channel, payload] as const,
);

/** By the name that a tracing channel has as a whole. */
const named = new Map(
  channels.map(([channel, payload]) => [
    channel.replace(/^tracing:|:\w*[sS]tart$|:\w*[eE]nd$|:error$/g, ''),
    payload,
  ]),
);

/** The fields that an interface declares itself. */
function fieldsOf(payload: string): string[] {
  const [, body = ''] =
    new RegExp(`^export interface ${payload}\\b[^{]*\\{\\n(.*?)^\\}`, 'ms').exec(source) ?? [];
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??:/gm)].map(([, field = '']) => field);
}

describe('the page', () => {
  test('lists all channels with their payloads, in the order of the sources', () => {
    const listed = [...page.matchAll(/^\| \[`([\w:]+)`\].*`(\w+)` +\|$/gm)].map(([, channel, payload]) => [
      channel,
      payload,
    ]);
    expect(listed).toEqual([...named]);
    expect(listed.length).toBeGreaterThan(10);
  });

  test.each([...named])('has a section for %s, and names its payload', (channel, payload) => {
    const [, section = ''] = page.split(`\n### \`${channel}\`\n`);
    const [text = ''] = section.split(/\n##/);
    expect(text).toContain(`\`${payload}\``);
    expect(text).toMatch(
      new RegExp(`^subscribe\\('(?:tracing:)?${channel}(?::\\w+)?', \\(message\\) => \\{$`, 'm'),
    );
    expect(text).toContain(`message as ${payload};`);
  });

  // `Release` is declared elsewhere.
  const inherited: Record<string, string[]> = { LockReleasedEvent: ['outcome', 'votes'] };

  test.each([...new Set(channels.map(([, payload]) => payload))])(
    'has a table of all fields of %s',
    (payload) => {
      const [, table = ''] = new RegExp(`^\\| \`${payload}\` [^\\n]*\\n(.*?)\\n\\n`, 'ms').exec(page) ?? [];
      const listed = [...table.matchAll(/^\| `(\w+)` /gm)].map(([, field = '']) => field);
      const declared = [...fieldsOf(payload), ...(inherited[payload] ?? [])];
      expect(declared.length).toBeGreaterThan(0);
      expect(listed.sort()).toEqual(declared.sort());
    },
  );

  test.each([...new Set(channels.map(([, payload]) => payload))])(
    'names types that are exported: %s',
    (payload) => {
      expect(read('src/index.ts')).toMatch(new RegExp(`^ {2}${payload},$`, 'm'));
    },
  );
});

/** Everything that is published, once at least. */
async function everything(): Promise<void> {
  const { redlock, another, nodes, clock } = memoryRedlock(3, { ttl: 1_000 });
  const holder = await redlock.acquire('order:1');
  await holder.extend();
  const local = redlock.acquire('order:1', { label: 'second' });
  const queued = another().acquire('order:1');
  await clock.advanceAsync(100);
  await holder.release();
  await (await local).release();
  await clock.advanceAsync(0);
  await (await queued).release();
  await redlock.using('order:2', () => Promise.reject(new Error('mine'))).catch(() => {});
  for (const node of nodes)
    node.grant({ keys: ['foreign'], ownerToken: 'by hand', ttl: 60_000, wanted: () => true }, () => {});
  redlock.acquire('foreign', { acquireTimeout: 500 }).catch(() => {});
  await clock.advanceAsync(1_000);
  const losing = await redlock.acquire('order:3');
  for (const node of nodes) node.fail();
  losing.extend().catch(() => {});
  await clock.advanceAsync(2_000);
  const { connection, node } = nodeOver();
  await connection.up();
  await connection.down();
  connection.replace(infoOf({ run_id: 'run-2', uptime_in_seconds: '0' }));
  await connection.up();
  const unusable = new FakeConnection('b:6379');
  unusable.info_ = [infoOf({ role: 'slave' })];
  nodeOver({ connection: unusable });
  await unusable.up();
  const jumping = new FakeConnection('c:6379');
  jumping.info_ = [infoOf({ server_time_usec: '1000000000' })];
  nodeOver({ connection: jumping });
  await jumping.up();
  await jumping.down();
  jumping.info_ = [infoOf({ server_time_usec: '1060000000' })];
  await jumping.up();
  await Promise.race([node.close(0), clock.advanceAsync(1)]);
}

describe('the examples', () => {
  const reports: [string, unknown[]][] = [];

  beforeAll(async () => {
    Object.assign(globalThis, {
      report: (channel: string, ...what: unknown[]) => reports.push([channel, what]),
    });
    await load(
      snippets(page, 'docs/events.md').map((snippet) => {
        const [, channel = ''] =
          /subscribe\('(?:tracing:)?(.*?)(?::asyncEnd|:error)?',/.exec(snippet.code) ?? [];
        const code = snippet.code.replace('console.log(', `globalThis.report('${channel}', `);
        return Object.assign(snippet, { code });
      }),
    );
    await everything();
  });

  test.each([...named.keys()])('of %s hears of what happens', (channel) => {
    const own = reports.filter(([name]) => name === channel);
    expect(own.length).toBeGreaterThan(0);
    for (const [, what] of own)
      for (const each of what) {
        expect(each).not.toBeUndefined();
        if (typeof each === 'string') expect(each).not.toContain('undefined');
      }
  });
});
