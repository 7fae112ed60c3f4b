import { createInterface } from 'node:readline';
import { isatty } from 'node:tty';
import type { Inspection } from '../inspection.ts';
import { defaultLabel } from '../label.ts';
import { quote } from '../quote.ts';
import type { Redlock } from '../redlock.ts';
import type { Revocation } from '../revocation.ts';
import type { Call } from './call.ts';
import { withRedlock } from './connect.ts';
import { EXIT, UsageError } from './exit-code.ts';
import { blamingOptions } from './failure.ts';
import { inspectionLines } from './inspection-view.ts';
import { jsonLine, revocationJson } from './json.ts';
import type { Output } from './output.ts';
import { oneResource } from './resource.ts';
import { revocationLines } from './revocation-view.ts';

/** `quorlock revoke` */
export async function revoke(call: Call): Promise<number> {
  const { line, stdout, stderr } = call;
  const resource = oneResource(line);
  const asks = !line.has('yes');
  if (asks && !(isatty(0) && stderr.isTerminal))
    throw new UsageError('revoke asks before it takes a lock away, but there is no terminal: give --yes');
  return withRedlock(
    call,
    async ({ redlock }) => {
      const before = await blamingOptions(() => redlock.inspect(resource));
      const ask = (): Promise<boolean> => {
        stderr.print(...inspectionLines(resource, before, new Date(), stderr.paint), '');
        return agrees(`Take the lock on ${quote(resource)} away from its holder? [y/N] `, stderr);
      };
      const revocation = asks
        ? await revokeIfAgreed(redlock, resource, before, ask)
        : await redlock.revoke(resource);
      if (typeof revocation === 'string') {
        stderr.print(`nothing was revoked${revocation}`);
        return EXIT.no;
      }
      const isSame = before.owner?.token === revocation.owner?.token;
      if (line.has('json')) stdout.print(jsonLine(revocationJson(resource, revocation)));
      else {
        const since = isSame ? before.owner?.since : undefined;
        stdout.print(...revocationLines({ resource, revocation, since }, new Date(), stdout.paint));
      }
      return CODES[revocation.outcome];
    },
    { label: defaultLabel() },
  );
}

const CODES = {
  revoked: EXIT.ok,
  free: EXIT.no,
  refused: EXIT.no,
  unconfirmed: EXIT.unavailable,
} as const;

/** Takes the lock away if the holder that was seen still has it after the question; or says why not. `agrees` is not asked if there was none. */
export async function revokeIfAgreed(
  redlock: Redlock,
  resource: string,
  seen: Inspection,
  agrees: () => Promise<boolean>,
): Promise<Revocation | string> {
  if (seen.state === 'free') return { outcome: 'free', remaining: 0, votes: [] };
  if (!(await agrees())) return '';
  const now = await redlock.inspect(resource);
  if (now.owner?.token === seen.owner?.token) return redlock.revoke(resource);
  return now.state === 'indeterminate'
    ? ': too few nodes agree on the holder now'
    : ': the holder has changed meanwhile';
}

/** Asks on the terminal. The end of input means no; Ctrl-C ends the program. */
function agrees(question: string, output: Output): Promise<boolean> {
  output.write(question);
  // Not a `terminal`: that would read keys one by one, Ctrl-C among them.
  const reader = createInterface({ input: process.stdin, terminal: false });
  return new Promise((resolve) => {
    reader.once('line', (answer) => {
      resolve(/^y(es)?$/i.test(answer.trim()));
      reader.close();
    });
    reader.once('close', () => resolve(false));
  });
}
