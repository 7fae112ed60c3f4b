import type { Call } from './call.ts';
import { withRedlock } from './connect.ts';
import { diagnosisLines, hasErrors } from './diagnosis-view.ts';
import { EXIT } from './exit-code.ts';
import { jsonLine } from './json.ts';
import { noArguments } from './resource.ts';

/** `quorlock doctor` */
export async function doctor(call: Call): Promise<number> {
  const { line, stdout } = call;
  noArguments(line);
  return withRedlock(call, async ({ redlock, quorum }) => {
    const diagnosis = await redlock.diagnose();
    if (line.has('json')) stdout.print(...diagnosis.findings.map(jsonLine));
    else {
      const examined = { diagnosis, nodes: redlock.nodes, quorum };
      stdout.print(...diagnosisLines(examined, new Date(), stdout.paint));
    }
    return hasErrors(diagnosis) ? EXIT.no : EXIT.ok;
  });
}
