/**
 * Makes sure that programs are on the machine: `npm run tools -- redis openssl --if-possible chromium`. Those after
 * `--if-possible` are done without where they cannot be had; without one of the others it exits with 1.
 */
import { aptInstall, canInstall } from './apt-install.ts';
import { TOOLS, type Tool, type ToolName } from './tools.ts';

const args = process.argv.slice(2);
const end = args.includes('--if-possible') ? args.indexOf('--if-possible') : args.length;
// One by one after the other: what cannot be had shall keep nothing else away.
if (!ensure(args.slice(0, end))) process.exitCode = 1;
for (const name of args.slice(end + 1)) ensure([name]);

function ensure(names: readonly string[]): boolean {
  const missing = names.filter((name) => !toolOf(name).isThere());
  if (missing.length === 0) return true;
  console.log(`missing: ${missing.join(', ')}${canInstall() ? '; installing' : ''}`);
  if (canInstall()) {
    try {
      aptInstall(...missing.flatMap((name) => toolOf(name).packages));
    } catch (error) {
      console.log(error instanceof Error ? error.message : error);
    }
  }
  const left = missing.filter((name) => !toolOf(name).isThere());
  for (const name of left) explain(name);
  return left.length === 0;
}

function toolOf(name: string): Tool {
  if (!Object.hasOwn(TOOLS, name))
    throw new Error(`no tool is called ${name}: there are ${Object.keys(TOOLS).join(', ')}`);
  return TOOLS[name as ToolName];
}

function explain(name: string): void {
  const { packages, otherwise } = toolOf(name);
  console.log(`to get ${name}:`);
  console.log(`  Debian, Ubuntu: sudo apt-get install ${packages.join(' ')}`);
  for (const way of otherwise) console.log(`  ${way}`);
}
