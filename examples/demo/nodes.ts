import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { NodeSpec } from 'quorlock';
import { createMemoryNodes } from 'quorlock/testing';
import { atExit } from './at-exit.ts';
import type { DemoOptions } from './options.ts';

const COUNT = 5;

/** The nodes that hold the lock. */
export interface Nodes {
  /** What they are, for people. */
  readonly description: string;
  /** What a Redlock is given. */
  readonly specs: readonly NodeSpec[];
  /** Whether workers can be processes of their own. */
  readonly forProcesses: boolean;
  /** Absent for nodes that are not the demo's to kill. */
  readonly faults?: Faults;
}

export interface Faults {
  kill(index: number): Promise<void>;
  /** Back on the same address, with nothing in memory. */
  restart(index: number): Promise<void>;
}

/** The user's servers, or else five of the demo's own; they end with this process. `dir` is for what servers write. */
export async function startNodes({ nodes, memory }: DemoOptions, dir: string): Promise<Nodes> {
  if (nodes) {
    const description = `${nodes.length} given nodes, of which none is killed`;
    return { description, specs: nodes, forProcesses: true };
  }
  const program = memory ? undefined : serverOnPath();
  return program ? startServers(program, dir) : memoryNodes(memory);
}

function memoryNodes(wanted: boolean): Nodes {
  const nodes = createMemoryNodes(COUNT);
  const why = wanted ? '' : ' (neither redis-server nor valkey-server is on PATH)';
  return {
    description: `${COUNT} nodes in memory${why}, which only this process can reach`,
    specs: nodes,
    forProcesses: false,
    faults: {
      kill: async (index) => {
        nodes[index]?.fail();
        nodes[index]?.forget();
      },
      restart: async (index) => nodes[index]?.heal(),
    },
  };
}

async function startServers(program: string, dir: string): Promise<Nodes> {
  const servers = await Promise.all(Array.from({ length: COUNT }, () => startServer(program, dir)));
  const server = (index: number): Server => servers[index] as Server;
  return {
    description: `${COUNT} independent servers (${program})`,
    specs: servers.map(({ port }) => `redis://127.0.0.1:${port}`),
    forProcesses: true,
    faults: {
      kill: async (index) => {
        const { child } = server(index);
        child.kill('SIGKILL');
        await once(child, 'exit');
      },
      restart: async (index) => {
        const { port } = server(index);
        servers[index] = { port, child: await launch(program, port, dir) };
      },
    },
  };
}

export interface Server {
  readonly port: number;
  readonly child: ChildProcess;
}

/** Ports below those that systems give to outgoing connections, which could take the place of a server that is down. */
export async function startServer(program: string, dir: string): Promise<Server> {
  for (let attempt = 1; ; attempt++) {
    const port = randomInt(10_000, 32_768);
    try {
      return { port, child: await launch(program, port, dir) };
    } catch (error) {
      if (attempt === 20 || !/Address already in use/.test(String(error))) throw error;
    }
  }
}

function launch(program: string, port: number, dir: string): Promise<ChildProcess> {
  const forgetful = ['--save', '', '--appendonly', 'no', '--dir', dir];
  const child = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', ...forgetful], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  atExit(() => child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    let log = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      log += text;
      if (log.includes('Ready to accept connections')) resolve(child);
    });
    child.once('error', reject);
    child.once('close', () => reject(new Error(`${program} did not start:\n${log}`)));
  });
}

export function serverOnPath(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  const programs = ['redis-server', 'valkey-server'];
  return programs.find((program) => folders.some((folder) => isExecutable(join(folder, program))));
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
