import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How long a command may take, in ms, unless it is said otherwise. */
const PATIENCE = 60_000;

const execute = promisify(execFile);

/** Runs `docker`; resolves with what it prints, rejects with what it complains of. */
export async function docker(args: readonly string[], patience: number = PATIENCE): Promise<string> {
  const { stdout } = await execute('docker', args, { timeout: patience });
  return stdout.trim();
}

/** Whether a command of it succeeds. */
export async function dockerCan(args: readonly string[], patience?: number): Promise<boolean> {
  return docker(args, patience).then(
    () => true,
    () => false,
  );
}

/** Whether an engine answers. */
export function engineAnswers(): Promise<boolean> {
  return dockerCan(['info'], 10_000);
}
