import type { Call } from './call.ts';
import { withRedlock } from './connect.ts';
import { EXIT } from './exit-code.ts';
import { blamingOptions } from './failure.ts';
import { inspectionLines } from './inspection-view.ts';
import { inspectionJson, jsonLine } from './json.ts';
import { oneResource } from './resource.ts';

/** `quorlock inspect` */
export async function inspect(call: Call): Promise<number> {
  const { line, stdout } = call;
  const resource = oneResource(line);
  const inspection = await withRedlock(call, ({ redlock }) =>
    blamingOptions(() => redlock.inspect(resource)),
  );
  if (line.has('json')) stdout.print(jsonLine(inspectionJson(resource, inspection)));
  else stdout.print(...inspectionLines(resource, inspection, new Date(), stdout.paint));
  return inspection.state === 'indeterminate' ? EXIT.unavailable : EXIT.ok;
}
