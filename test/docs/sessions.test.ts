import { describe, expect, test, vi } from 'vitest';
import { onPath } from '../support/redis-binary.ts';
import { type Session, sessions } from './markdown.ts';
import { fits, NODES_OF_PAGES, nodesAt, steady } from './printed.ts';
import { documents, read } from './repository.ts';
import { play, SCENES } from './scenes.ts';

// Each starts servers, and a program from its sources, and some wait for a lock to expire.
vi.setConfig({ testTimeout: 180_000 });

const hasScript = process.platform === 'linux' && onPath('script') !== undefined;

/** Commands whose output is not compared: that of `npm`, and that of the demo, which is another each time. */
const OTHERS = /^(npm|npx quorlock demo)\b/;

const shown = documents
  .flatMap((file) => sessions(read(file), file))
  .filter(({ steps }) => steps.some(({ command, output }) => output !== '' && !OTHERS.test(command)));

/** The words of a command that a shell would not take otherwise, without where its output goes. */
function wordsOf(command: string): readonly string[] {
  const words = command.replace(/ >>\S+$/, '').split(' ');
  if (words.some((word) => /[^\w./:-]/.test(word))) throw new Error(`too difficult a command: ${command}`);
  return words;
}

/** The session again, with what the command prints now. Undefined if that needs a terminal, and there is none. */
async function replayed({ scene = '', steps }: Session): Promise<string | undefined> {
  const [{ command } = { command: '' }, ...more] = steps;
  const [program, ...words] = wordsOf(command);
  if (program !== 'quorlock' || more.some((step) => step.command !== 'echo $?'))
    throw new Error(`only a command of quorlock, and its exit code, can be compared: ${command}`);
  const prepare = SCENES[scene];
  if (!prepare) throw new Error(`<!-- scene: ${scene} --> is not one of: ${Object.keys(SCENES).join('; ')}`);
  const setting = await prepare(words[1] ?? '');
  if (setting.onTerminal && !hasScript) return undefined;
  const cli = await play(words, setting);
  const code = await cli.exit;
  const output = setting.without?.(cli.output + cli.errors) ?? cli.output + cli.errors;
  const codes = more.map(() => `$ echo $?\n${code}\n`);
  return steady([`$ ${command}\n`, output, ...codes].join(''), nodesAt(setting.nodes));
}

/** The words of a page that could be others, and nobody would notice. */
function idleWords(printed: string, page: string): readonly string[] {
  return [...page.matchAll(/[\p{L}\d]+/gu)]
    .filter(({ 0: word, index }) =>
      fits(printed, `${page.slice(0, index)}x${word}${page.slice(index + word.length)}`),
    )
    .map(([word]) => word);
}

describe('what a page shows of the command line is what it prints', () => {
  test.each(shown.map((session) => [`${session.file}:${session.line}`, session] as const))(
    '%s',
    async (_, session) => {
      const printed = await replayed(session);
      if (printed === undefined) return;
      const page = steady(
        session.steps.map(({ command, output }) => `$ ${command}\n${output}`).join(''),
        NODES_OF_PAGES,
      );
      // Both, for a difference that can be read.
      if (!fits(printed, page)) expect(printed).toBe(page);
      expect(idleWords(printed, page)).toEqual([]);
    },
  );

  test('and every command that the people on call need is among it', () => {
    const commands = shown
      .filter(({ file }) => file === 'docs/operations/on-call.md')
      .map(({ steps }) => steps[0]?.command);
    expect(commands).toEqual(
      expect.arrayContaining([
        'quorlock inspect order:42',
        'quorlock revoke order:42',
        'quorlock watch order:42',
        'quorlock nodes',
        'quorlock doctor',
      ]),
    );
  });
});
