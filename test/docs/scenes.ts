import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Cli, IS_TESTED, quorlock } from '../integration/fixtures/cli.ts';
import { openRedlock, startProxies, takenOnAll } from '../integration/fixtures/nodes.ts';
import { eventually } from '../support/eventually.ts';
import { type RedisServer, startRedises } from '../support/redis-server.ts';

type Servers = readonly [RedisServer, RedisServer, RedisServer];

/** In which state a command of a page finds the nodes, and what happens while it runs. */
export interface Scene {
  /** The nodes of the command, as it is given them. */
  readonly nodes: readonly { readonly url: string; readonly port: number }[];
  /** More options, which do not change what is printed. */
  readonly options?: readonly string[];
  readonly onTerminal?: boolean;
  /** What `./report.sh` does. */
  readonly report?: string;
  act?(cli: Cli): Promise<void>;
  /** What a page may leave out. */
  without?(output: string): string;
}

const HOLDER = 'web-1/4711';

/** Nodes are slow on a busy machine, and that is not what a page is about. */
const PATIENT = ['--node-timeout', '4s'];

/** Three servers without locks, which all processes know as nodes. */
async function ready(): Promise<Servers> {
  const servers = (await startRedises(3)) as unknown as Servers;
  // Revoked locks stay on them, so nobody looks for keys that are left.
  onTestFinished(() => Promise.all(servers.map((server) => server.stop())).then(() => {}));
  const redlock = openRedlock(servers);
  await eventually(async () => {
    await redlock.ready();
    return redlock.nodes.every(({ state }) => state === 'up') || undefined;
  });
  return servers;
}

async function held(resource: string): Promise<Servers> {
  const servers = await ready();
  const lock = await openRedlock(servers).acquire(resource, { label: HOLDER, autoExtend: true });
  onTestFinished(() => lock.release().then(() => {}));
  await takenOnAll(servers, resource);
  return servers;
}

export const SCENES: Readonly<Record<string, (resource: string) => Promise<Scene>>> = {
  free: async () => ({ nodes: await ready() }),

  held: async (resource) => ({ nodes: await held(resource) }),

  'held, and a node is down': async (resource) => {
    const nodes = await held(resource);
    await nodes[2].kill();
    return { nodes };
  },

  'a node is down': async () => {
    const nodes = await ready();
    await nodes[2].kill();
    return { nodes };
  },

  'a node has restarted': async () => {
    const nodes = await ready();
    await nodes[1].restart();
    return { nodes };
  },

  'a node is down, and another does not notify': async () => {
    const nodes = await ready();
    const [a, b, c] = nodes;
    const rules = ['~*', 'resetchannels', '+@all', '-spublish', '-ssubscribe', '-sunsubscribe'];
    await b.cli('ACL', 'SETUSER', 'user', 'on', '>secret', ...rules);
    await c.kill();
    const url = `redis://user:secret@127.0.0.1:${b.port}`;
    return { nodes: [a, { url, port: b.port }, c], options: PATIENT };
  },

  'all nodes are healthy': async () => ({ nodes: await ready(), options: PATIENT }),

  'too few nodes': async () => {
    const nodes = await ready();
    await Promise.all(nodes.slice(1).map((node) => node.kill()));
    return {
      nodes,
      // Two that refuse settle an attempt. It may be the last one, which then does not wait for the third.
      without: (output) => output.replace(/no answer +it had not answered yet/, 'ok'),
    };
  },

  'the answer is yes': async (resource) => ({
    nodes: await held(resource),
    onTerminal: true,
    async act(cli) {
      await cli.printed(/\[y\/N\] /);
      cli.type('y\n');
    },
  }),

  'the lock is lost': async (resource) => {
    const nodes = await ready();
    const redlock = openRedlock(nodes);
    return {
      nodes,
      report: `while ${IS_TESTED}; do sleep 0.1; done`,
      async act() {
        await eventually(async () => (await redlock.inspect(resource)).state === 'held' || undefined);
        await redlock.revoke(resource);
      },
    };
  },

  'held, and a node is slow': async (resource) => {
    const servers = await held(resource);
    const nodes = await startProxies(servers);
    nodes[1]?.delay(150);
    return {
      nodes,
      onTerminal: true,
      async act(cli) {
        // Drawn completely, and then ended by Ctrl-C.
        await cli.printed(/FENCING TOKEN(.|\r|\n)*\d{16}/);
        cli.type('\x03');
      },
      // The picture stays when the program leaves the screen.
      without: (output) => output.slice(output.lastIndexOf('\x1b[?1049l')).replace('\x1b[?1049l', ''),
    };
  },

  'much happens': async (resource) => {
    const nodes = await held(resource);
    return {
      nodes,
      async act(cli) {
        await cli.printed(/ is held /);
        await nodes[2].kill();
        await cli.printed(/ is down/);
        await quorlock(nodes, ['revoke', resource, '--yes']).exit;
        await cli.printed(/ is revoked/);
        await cli.printed(/ is free/);
        cli.signal('SIGINT');
      },
      // It may look just while a key is changed on one node and not yet on another.
      without: (output) => output.replaceAll(/^.* is indeterminate\n/gm, ''),
    };
  },
};

/** Plays a command of a page. */
export async function play(words: readonly string[], scene: Scene): Promise<Cli> {
  const { nodes, options = [], onTerminal = false, report = 'exit 0' } = scene;
  const script = await executable(`#!/bin/sh\n${report}\n`);
  const [name = '', ...args] = words.map((word) => (word === './report.sh' ? script : word));
  const cli = quorlock(nodes, [name, ...options, ...args], { onTerminal, env: { NO_COLOR: '1' } });
  await scene.act?.(cli);
  return cli;
}

async function executable(text: string): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'quorlock-docs-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  const path = join(dir, 'report.sh');
  await writeFile(path, text);
  await chmod(path, 0o755);
  return path;
}
