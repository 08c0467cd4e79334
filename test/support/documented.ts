/** A page of the documentation as somebody follows it: its files written, its commands typed. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '../..');

export interface CodeBlock {
  readonly language: string;
  /** The file's name in a block such as ```` ```ts file=first.ts ````. */
  readonly file: string | undefined;
  readonly text: string;
}

/** The fenced blocks of a page, in order. */
export function codeBlocks(page: string): readonly CodeBlock[] {
  const text = readFileSync(join(root, page), 'utf8');
  return [...text.matchAll(/^```(\w*)(?: file=(\S+))?\n([^]*?)^```$/gm)].map(([, language, file, code]) => ({
    language: language!,
    file,
    text: code!,
  }));
}

/** The commands of a page's shell blocks that begin with a word, without their comments. */
export function commandsOf(page: string, word: RegExp): readonly string[] {
  const lines = codeBlocks(page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ text }) => text.split('\n'));
  return lines.map((line) => line.replace(/ +#.*$/, '')).filter((line) => word.test(line));
}

/** A plan of a page: a whole one, or the part of one that the page shows, within the rest. Undefined: it is no plan. */
export function planOf(yaml: string): object | undefined {
  const shown: unknown = parse(yaml);
  if (typeof shown !== 'object' || shown === null || !('steps' in shown)) return undefined;
  return { schemaVersion: 1, name: 'shown', workspace: 'shown', ...shown };
}
