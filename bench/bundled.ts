/*
 * Runs a program of the bench as plain JavaScript, with what it starts beside it.
 *
 *   tsx bench/bundled.ts speed/main.ts [its own flags]
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundle } from './support/bundle.ts';

const [program = '', ...args] = process.argv.slice(2);
const bundled = await bundle('bench', {
  main: program,
  worker: 'speed/worker/main.ts',
  proxies: 'support/proxies/main.ts',
});
try {
  const child = spawn(process.execPath, ['--expose-gc', bundled.file('main'), ...args], { stdio: 'inherit' });
  // A terminal sends SIGINT to both, and the child takes its time to stop the servers.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  process.exitCode = code ?? 1;
} finally {
  await bundled.remove();
}
