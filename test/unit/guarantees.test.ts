/**
 * docs/guarantees.md names tests: each must be there, in the file that it names, by its title.
 *
 * Invariant: a title that a test makes from parts (a template) is found by its fixed text, and what stands for a part
 * must itself be in the file; `…` stands for what is known only at run time.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { placesOf } from '../../scripts/mutation-place.ts';
import { MUTATIONS } from '../mutations/index.ts';
import { titlesIn } from '../support/titles.ts';

const root = path.join(import.meta.dirname, '../..');
const text = readFileSync(path.join(root, 'docs/guarantees.md'), 'utf8');
/** A template with less fixed text would match any title. */
const MIN_FIXED_CHARS = 8;

interface Named {
  readonly file: string;
  readonly title: string;
}

/** A long title is wrapped. */
const named: readonly Named[] = [...text.matchAll(/`(test\/[^`]+)`\s›\s+“([^”]+)”/g)].map(([, file, title]) => ({
  file: file!,
  title: title!.replace(/\s+/g, ' '),
}));

function isTitle(title: string, written: string, source: string): boolean {
  if (!written.includes('…')) return title === written;
  const fixed = written.split('…');
  if (fixed.join('').length < MIN_FIXED_CHARS) return false;
  const parts = new RegExp(`^${fixed.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('(.+)')}$`)
    .exec(title)
    ?.slice(1);
  return parts !== undefined && parts.every((part) => part === '…' || source.includes(part));
}

test('every test that a guarantee names is there', () => {
  assert.ok(named.length > 60, `${named.length} tests are named`);
  const missing = named.filter(({ file, title }) => {
    const at = path.join(root, file);
    if (!existsSync(at)) return true;
    const source = readFileSync(at, 'utf8') + partsOf(file);
    return !titlesIn(source).some((written) => isTitle(title, written, source));
  });
  assert.deepEqual(missing, []);
});

/** Where a test's cases are listed beside it. */
function partsOf(file: string): string {
  const beside = file.startsWith('test/integration/drift')
    ? 'test/support/drift.ts'
    : file === 'test/integration/decisions.test.ts'
      ? 'src/model/question/answer-table.ts'
      : undefined;
  return beside === undefined ? '' : readFileSync(path.join(root, beside), 'utf8');
}

test('every guarantee says what holds, how, what is not covered, and names a test', () => {
  const entries = text.split(/^### /m).slice(1);
  assert.ok(entries.length > 100, `${entries.length} guarantees`);
  const form =
    /^[^\n]+\n\n[^\n-][^]+?\n\n- \*\*How:\*\* [^]+?\n- \*\*Not covered:\*\* [^]+?\n- \*\*Tests:\*\*\n {2}- `test\//;
  assert.deepEqual(
    entries.filter((entry) => !form.test(entry)).map((entry) => entry.split('\n')[0]),
    [],
  );
});

test('every fault of the table says how it is made and what comes of it, and leads to guarantees with tests', () => {
  const section = text.split(/^## /m).find((part) => part.startsWith('Every fault')) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| fault |'));
  assert.ok(rows.length > 25, `${rows.length} faults`);
  const entries = new Set([...text.matchAll(/^### (.+)$/gm)].map(([, title]) => title));
  const bad = rows.filter((row) => {
    const [, fault = '', made = '', outcome = '', guarantees = ''] =
      row.split(' | ').length === 4 ? ['', ...row.split(' | ')] : [];
    const led = [...guarantees.matchAll(/\[([^\]]+)\]\(#/g)].map(([, title]) => title!);
    return (
      [fault, made, outcome].some((cell) => cell.length < 5) ||
      led.length === 0 ||
      !led.every((one) => entries.has(one))
    );
  });
  assert.deepEqual(bad, []);
});

test('every guarantee is broken once by a mutation', () => {
  const guarantees = [...text.matchAll(/^## (G\d) /gm)].map(([, name]) => name);
  assert.deepEqual(guarantees, ['G1', 'G2', 'G3', 'G4', 'G5', 'G6']);
  assert.deepEqual(
    guarantees.filter((name) => !MUTATIONS.some(({ guarantee }) => guarantee === name)),
    [],
  );
});

test('a title is told from others', () => {
  const source = "test(`after a ${trigger}`); const T = ['restart']; test('a fence rises'); check(\"it's one\")";
  assert.deepEqual(titlesIn(source), ['after a …', 'a fence rises', "it's one"]);
  assert.ok(isTitle('after a restart', 'after a …', source));
  assert.ok(!isTitle('after a fire', 'after a …', source));
  assert.ok(!isTitle('a fence', 'a fence rises', source));
  assert.ok(!isTitle('anything', '…: …', source));
});

test('every mutation finds its text exactly once, and the tests that it names', () => {
  const lost = MUTATIONS.filter(({ file, find, tests }) => {
    const at = path.join(root, file);
    return (
      !existsSync(at) ||
      placesOf(readFileSync(at, 'utf8'), find).length !== 1 ||
      tests.some((name) => !existsSync(path.join(root, name)))
    );
  });
  assert.deepEqual(
    lost.map(({ file, breaks }) => `${file}: ${breaks}`),
    [],
  );
});

/** A file, and what it imports of the tests: a suite that runs for each database has its titles there. */
function withImports(file: string): string {
  const source = readFileSync(path.join(root, file), 'utf8');
  const imported = [...source.matchAll(/(?:from|import) '(\.\.?\/[^']+)'/g)]
    .map(([, specifier]) => path.join(root, path.dirname(file), specifier!))
    .filter((one) => one.startsWith(path.join(root, 'test')) && existsSync(one));
  return [source, ...imported.map((one) => readFileSync(one, 'utf8'))].join('\n');
}

/** A title that is made of parts has fewer of a name's words in a row than the name. */
const ENOUGH_IN_COMMON = 12;

/** Are a name's words in the tests? By alternatives, and by parts where a title is made of them: `SQLite: a saga`. */
function isNamedIn(source: string, name: string): boolean {
  const parts = name.split(/\||: /).map((part) => part.replace(/\\(.)/g, '$1'));
  return parts.every((part) =>
    Array.from({ length: Math.max(1, part.length - ENOUGH_IN_COMMON + 1) }, (_, start) =>
      part.slice(start, start + ENOUGH_IN_COMMON),
    ).some((words) => source.includes(words)),
  );
}

test('the name that picks the tests of a mutation is in their titles', () => {
  const lost = MUTATIONS.filter(
    ({ name, tests }) => name !== undefined && !isNamedIn(tests.map(withImports).join('\n'), name),
  );
  assert.deepEqual(
    lost.map(({ name, breaks }) => `${breaks}: ${name}`),
    [],
  );
});
