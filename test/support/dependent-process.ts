import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { onPath } from './redis-binary.ts';

/** Running servers, for when the process ends without having stopped them. */
const dependents = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of dependents) child.kill('SIGKILL');
});

/** A server that ends with this process. */
export function spawnDependent(binary: string, args: readonly string[], dir: string): ChildProcess {
  const child = spawn(...dependent(binary, args), { cwd: dir, stdio: ['ignore', 'pipe', 'inherit'] });
  dependents.add(child);
  child.once('exit', () => dependents.delete(child));
  return child;
}

/**
 * The program, started so that it is killed when its parent dies, where Linux can do that. vitest ends its workers by a signal, and then
 * they emit no `exit`. `setpriv` becomes the program, so the pid is the program's.
 */
export function dependent(binary: string, args: readonly string[]): [command: string, args: string[]] {
  const setpriv = process.platform === 'linux' ? onPath('setpriv') : undefined;
  return setpriv ? [setpriv, ['--pdeathsig', 'KILL', binary, ...args]] : [binary, [...args]];
}

/**
 * What a server, or a sentinel, logs. A PING could be answered by another process's server, to which this one has
 * just lost the port.
 */
const READY = /Ready to accept connections|Sentinel ID is/;

/** Resolves when it accepts connections; rejects with code EADDRINUSE if its port was taken. */
export function ready(child: ChildProcess): Promise<void> {
  const stdout = child.stdout as Socket;
  return new Promise((resolve, reject) => {
    let log = '';
    const read = (text: string): void => {
      log += text;
      if (!READY.test(log)) return;
      stdout.off('data', read).resume();
      // A server that nobody stopped must not keep a script alive.
      child.unref();
      stdout.unref();
      resolve();
    };
    stdout.setEncoding('utf8').on('data', read);
    child.once('error', reject);
    child.once('close', () => {
      const code = log.includes('Address already in use') ? 'EADDRINUSE' : 'ESTART';
      reject(Object.assign(new Error(`the server did not start:\n${log}`), { code }));
    });
  });
}
