import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One `.d.ts` file, as `tsc` prints it: each declaration begins at the start of a line. */
interface Module {
  /** By the name that the module itself uses: where it comes from, and under which name. */
  readonly imported: ReadonlyMap<string, Reference>;
  /** By the name under which others get it. */
  readonly reexported: ReadonlyMap<string, Reference>;
  /** The text of each declaration, without comments and string literals. */
  readonly declared: ReadonlyMap<string, string>;
}

interface Reference {
  readonly file: string;
  readonly name: string;
}

const NAMES_FROM = /^(import|export) (?:type )?\{([^}]*)\} from ['"](\.[^'"]+)['"];$/gm;
const DECLARATION = /^(?:export )?(?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)/gm;
/** What is known and read above, and lines that declare nothing; any other line that begins so is not understood. */
const UNDERSTOOD = /^(?:import|export) (?:type )?\{|^export \{\};|^import \w* ?.*from ['"][^.]/;

function parse(file: string): Module {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  const imported = new Map<string, Reference>();
  const reexported = new Map<string, Reference>();
  for (const [, keyword, names = '', from = ''] of text.matchAll(NAMES_FROM)) {
    const source = join(dirname(file), from.replace(/\.(ts|js)$/, '.d.ts'));
    for (const item of names.split(',').filter((each) => each.trim() !== '')) {
      const [name = '', alias = name] = item
        .trim()
        .replace(/^type /, '')
        .split(' as ');
      (keyword === 'import' ? imported : reexported).set(alias, { file: source, name });
    }
  }
  const starts = [...text.matchAll(DECLARATION)];
  for (const [line] of text.matchAll(/^(?:import|export|declare)\b.*$/gm)) {
    const isDeclaration = starts.some(([start]) => line.startsWith(start));
    if (!isDeclaration && !UNDERSTOOD.test(line)) throw new Error(`${file}: cannot read "${line}"`);
  }
  const declared = new Map<string, string>();
  for (const [i, { index, 1: name = '' }] of starts.entries()) {
    const body = text.slice(index, starts[i + 1]?.index).replace(/'[^'\n]*'|"[^"\n]*"/g, "''");
    // Overloads of a function have one name.
    declared.set(name, (declared.get(name) ?? '') + body);
  }
  return { imported, reexported, declared };
}

/**
 * What the exported declarations of some `.d.ts` files mention of the project though none of the files exports it, as
 * `who mentions what`.
 */
export function unexported(entries: readonly string[]): string[] {
  const modules = new Map<string, Module>();
  const moduleOf = (file: string): Module => {
    const known = modules.get(file) ?? parse(file);
    modules.set(file, known);
    return known;
  };
  const resolve = ({ file, name }: Reference): Reference => {
    const from = moduleOf(file).reexported.get(name);
    return from ? resolve(from) : { file, name };
  };
  const keyOf = ({ file, name }: Reference): string => `${file}#${name}`;

  const exported = new Map<string, Reference>();
  for (const file of entries) {
    const { reexported, declared } = moduleOf(file);
    for (const name of [...reexported.keys(), ...declared.keys()]) {
      const reference = resolve({ file, name });
      exported.set(keyOf(reference), reference);
    }
  }
  const missing = new Set<string>();
  for (const { file, name } of exported.values()) {
    const { imported, declared } = moduleOf(file);
    const body = declared.get(name);
    if (body === undefined) throw new Error(`${file} does not declare ${name}`);
    if (/\bimport\(/.test(body)) throw new Error(`${file}: ${name} has an import within its type`);
    for (const [word] of body.matchAll(/[A-Za-z_$][\w$]*/g)) {
      const from = imported.get(word) ?? (declared.has(word) ? { file, name: word } : undefined);
      if (from && !exported.has(keyOf(resolve(from)))) missing.add(`${name} mentions ${word}`);
    }
  }
  return [...missing].sort();
}
