/** What the tests need to know of a Markdown file. Pure: text in, data out. */

export interface Snippet {
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** The code as it stands in the file, indentation included, so that columns need no translation. */
  readonly code: string;
  readonly preludes: readonly string[];
  /**
   * `false`: type-checked only. `'redis'`: real servers stand behind `redis://a:6379`, `redis://b:6379` and so on. `'server'`: the same, and it runs
   * until it is told to stop.
   */
  readonly run: false | 'alone' | 'redis' | 'server';
}

const fence = /^(?<indent>\s*)(?<marks>`{3,}|~{3,})\s*(?<language>[\w-]*)/;
const isTypeScript = (language: string | undefined): boolean =>
  /^(ts|typescript|mts|cts|tsx)$/.test(language ?? '');

interface CodeBlock {
  readonly language: string;
  readonly opening: number;
  readonly closing: number;
}

/** Line numbers are indexes into `lines`, from 0. */
function codeBlocks(lines: readonly string[], file: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  for (let opening = 0; opening < lines.length; opening += 1) {
    if (/^\s*>.*(```|~~~)\s*(ts|typescript)\b/.test(lines[opening] ?? '')) {
      throw new Error(
        `${file}:${opening + 1}: code in a quotation cannot be checked, take it out of the quotation`,
      );
    }
    const open = fence.exec(lines[opening] ?? '')?.groups;
    if (!open?.marks) continue;
    const { marks } = open;
    const closes = (line: string): boolean => line.trim().startsWith(marks) && /^(`+|~+)$/.test(line.trim());
    const length = lines.slice(opening + 1).findIndex(closes);
    if (length === -1) throw new Error(`${file}:${opening + 1}: this code block is never closed`);
    const closing = opening + 1 + length;
    blocks.push({ language: open.language ?? '', opening, closing });
    opening = closing;
  }
  return blocks;
}

/** The HTML comments on the lines just above a block; blank lines may stand between. */
function directivesAbove(lines: readonly string[], opening: number): string[] {
  const directives: string[] = [];
  for (let above = opening - 1; above >= 0; above -= 1) {
    const line = (lines[above] ?? '').trim();
    const comment = /^<!--(.*)-->$/.exec(line)?.[1];
    if (comment !== undefined) directives.unshift(comment.trim());
    else if (line !== '') break;
  }
  return directives;
}

export function snippets(markdown: string, file: string): Snippet[] {
  const lines = markdown.split('\n');
  return codeBlocks(lines, file)
    .filter(({ language }) => isTypeScript(language))
    .map(({ opening, closing }): Snippet => {
      let run: Snippet['run'] = false;
      const preludes: string[] = [];
      for (const directive of directivesAbove(lines, opening)) {
        const prelude = /^prelude:\s*(.+)$/.exec(directive)?.[1];
        if (directive === 'run') run = 'alone';
        else if (directive === 'run: redis') run = 'redis';
        else if (directive === 'run: server') run = 'server';
        else if (prelude) preludes.push(...prelude.split(/[\s,]+/));
        // A misspelt directive must not turn a check off without a word.
        else throw new Error(`${file}:${opening + 1}: unknown directive <!-- ${directive} -->`);
      }
      return { file, line: opening + 1, code: lines.slice(opening + 1, closing).join('\n'), preludes, run };
    });
}

/** What a page shows of a terminal: commands, and what they print. */
export interface Session {
  readonly file: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** What `<!-- scene: … -->` says: the state of the servers, and what else happens. */
  readonly scene: string | undefined;
  readonly steps: readonly { readonly command: string; readonly output: string }[];
}

export function sessions(markdown: string, file: string): Session[] {
  const lines = markdown.split('\n');
  return codeBlocks(lines, file)
    .filter(({ language }) => language === 'console')
    .map(({ opening, closing }): Session => {
      const [directive] = directivesAbove(lines, opening);
      const scene = /^scene: (.+)$/.exec(directive ?? '')?.[1];
      if (directive !== undefined && scene === undefined)
        throw new Error(`${file}:${opening + 1}: unknown directive <!-- ${directive} -->`);
      const steps: { command: string; output: string }[] = [];
      for (const line of lines.slice(opening + 1, closing)) {
        const command = /^\$ (.*)$/.exec(line)?.[1];
        const last = steps.at(-1);
        if (command !== undefined) steps.push({ command, output: '' });
        else if (last) last.output += `${line}\n`;
        else throw new Error(`${file}:${opening + 1}: a session begins with a command`);
      }
      return { file, line: opening + 1, scene, steps };
    });
}

/** The text with code blanked out, line numbers kept. */
function prose(markdown: string, file: string): string[] {
  const lines = markdown.split('\n');
  for (const { opening, closing } of codeBlocks(lines, file)) lines.fill('', opening, closing + 1);
  return lines;
}

export interface Link {
  readonly file: string;
  readonly line: number;
  readonly target: string;
}

export function links(markdown: string, file: string): Link[] {
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+["'][^)]*["'])?\s*\)/g, // [text](target "title"), ![image](target)
    /^\s*\[[^\]^]+\]:\s*<?([^\s>]+)>?/g, // [reference]: target
    /\b(?:href|src)=["']([^"']+)["']/g,
  ];
  return prose(markdown, file).flatMap((line, index) => {
    const text = line.replaceAll(/`[^`]*`/g, (code) => '`'.repeat(code.length));
    return patterns.flatMap((pattern) =>
      [...text.matchAll(pattern)].map(([, target = '']): Link => ({ file, line: index + 1, target })),
    );
  });
}

/** The anchors that GitHub makes of headings, and explicit ones. */
export function anchors(markdown: string, file: string): Set<string> {
  const found = new Set<string>();
  const seen = new Map<string, number>();
  for (const line of prose(markdown, file)) {
    for (const [, id] of line.matchAll(/\b(?:id|name)=["']([^"']+)["']/g)) found.add(id ?? '');
    const heading = /^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    found.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return found;
}

export interface NpmScript {
  readonly file: string;
  readonly line: number;
  readonly script: string;
}

const lifecycle = ['test', 'start', 'stop', 'restart'];

/** Every `npm run x`, and every `npm test` or `npm start`, anywhere in the text, code included. */
export function npmScripts(markdown: string, file: string): NpmScript[] {
  return markdown.split('\n').flatMap((line, index) =>
    [...line.matchAll(/\bnpm (?:(?:run|run-script) (?<named>[\w:.-]*[\w-])|(?<short>[\w-]+))/g)].flatMap(
      ({ groups }): NpmScript[] => {
        const script = groups?.named ?? lifecycle.find((name) => name === groups?.short);
        return script === undefined ? [] : [{ file, line: index + 1, script }];
      },
    ),
  );
}
