#!/usr/bin/env node
import { UsageError } from './exit-code.ts';
import { standardError, standardOutput } from './output.ts';
import { helpHint, runProgram } from './program.ts';

// On most systems this also hides the arguments from other users: a URL among them may have a password.
process.title = 'quorlock';

const { env } = process;
const args = process.argv.slice(2);
const streams = { env, stdout: standardOutput(env), stderr: standardError(env) };

process.on('uncaughtException', (error) => void fail(error));
process.on('unhandledRejection', (error) => void fail(error));

async function fail(error: unknown): Promise<void> {
  const { failureOf } = await import('./failure.ts');
  const { code, lines } = failureOf(error, streams.stderr.paint);
  const [first, ...more] = lines;
  const hint = error instanceof UsageError ? [helpHint(args)] : [];
  streams.stderr.print(`quorlock: ${first}`, ...more, ...hint);
  process.exit(code);
}

try {
  const code = await runProgram(args, streams);
  await streams.stdout.flush();
  process.exit(code);
} catch (error) {
  await fail(error);
}
