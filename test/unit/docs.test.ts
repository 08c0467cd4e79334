/** The pages of the documentation: their width, their links, and the files that they name. */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { COMMANDS } from '../../src/cli/commands.ts';
import { EXIT_MEANING } from '../../src/cli/exit-code.ts';

const root = path.join(import.meta.dirname, '../..');
const PAGES = globSync(['*.md', 'docs/*.md', 'examples/*/*.md'], { cwd: root });
const MAX_COLUMNS = 120;

/** Lines outside of code blocks. */
function proseOf(page: string): readonly string[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  return text.replace(/^```[^]*?^```$/gm, '').split('\n');
}

test('prose is wrapped at 120 columns; tables and images are not', () => {
  const long = PAGES.flatMap((page) =>
    proseOf(page)
      .filter((line) => line.length > MAX_COLUMNS && !/^(\||!\[)/.test(line))
      .map((line) => `${page}: ${line.slice(0, 60)}…`),
  );
  assert.deepEqual(long, []);
});

test('every relative link leads to a file that is there, and to a heading that it has', () => {
  const broken = PAGES.flatMap((page) =>
    [
      ...proseOf(page)
        .join('\n')
        .matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g),
    ]
      .filter(([, file, heading]) => !leadsSomewhere(page, file!, heading))
      .map(([link]) => `${page}: ${link}`),
  );
  assert.deepEqual(broken, []);
});

function leadsSomewhere(page: string, file: string, heading: string | undefined): boolean {
  const target = file === '' ? path.join(root, page) : path.join(root, path.dirname(page), file);
  if (!existsSync(target)) return false;
  if (heading === undefined) return true;
  const headings = [...readFileSync(target, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, title]) => anchorOf(title!));
  return headings.includes(heading);
}

/** As GitHub makes it. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

test('each source file that the design names is there', () => {
  const design = readFileSync(path.join(root, 'docs/design.md'), 'utf8');
  const named = [...design.matchAll(/`((?:[a-z-]+\/)+[a-z-]+\.ts)`/g)].map(([, file]) => file!);
  assert.ok(named.length > 25, `${named.length} files are named`);
  const lost = named.filter((file) => !['', 'src', 'src/protocol'].some((at) => existsSync(path.join(root, at, file))));
  assert.deepEqual(lost, []);
});

test('the table of the README leads to each page of the documentation', () => {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const lost = globSync('docs/*.md', { cwd: root }).filter((page) => !readme.includes(`](${page})`));
  assert.deepEqual(lost, [], 'add the page to the table in README.md that tells which page has what');
});

/** The first cells of a page's table rows within a section, without the table's head. */
function firstCells(page: string, heading: string): readonly string[] {
  const text = readFileSync(path.join(root, page), 'utf8');
  const section = text.split(/^#+ /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| ([^|]+) \|/gm)].map(([, cell]) => cell!);
}

test('the README and the page of the command line have each command once', () => {
  const known = COMMANDS.map(({ name }) => name).toSorted();
  const short = firstCells('README.md', 'Command line').flatMap((cell) => [...cell.matchAll(/`([a-z-]+)`/g)]);
  assert.deepEqual(short.map(([, name]) => name!).toSorted(), known);
  const long = firstCells('docs/command-line.md', 'Command line').flatMap((cell) => [
    ...cell.matchAll(/^`holdfast ([a-z-]+)/g),
  ]);
  assert.deepEqual(long.map(([, name]) => name!).toSorted(), known);
});

test('the page of the command line has each environment variable that is read', () => {
  const cells = firstCells('docs/command-line.md', 'Environment variables');
  const told = new Set(cells.flatMap((cell) => [...cell.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name!)));
  const read = globSync('src/**/*.ts', { cwd: root }).flatMap((file) => {
    const text = readFileSync(path.join(root, file), 'utf8');
    return [...text.matchAll(/env\['([A-Z_]+)'\]|'(HOLDFAST_[A-Z_]+)'/g)].map(([, one, other]) => one ?? other!);
  });
  assert.ok(read.includes('HOLDFAST_STATE_DIR') && read.includes('TERM'));
  assert.deepEqual(
    [...new Set(read)].filter((name) => !told.has(name)),
    [],
  );
});

test('the page of the command line has each exit code', () => {
  const told = firstCells('docs/command-line.md', 'Exit codes').filter((cell) => /^\d+$/.test(cell));
  assert.deepEqual(told, Object.keys(EXIT_MEANING));
});
