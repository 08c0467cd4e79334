/** docs/troubleshooting.md: each type of failure has one entry, which says rightly whether it passes by itself. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { EXIT_MEANING } from '../../src/cli/exit-code.ts';
import { FAILURES } from '../../src/model/failures.ts';

const root = path.join(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/troubleshooting.md'), 'utf8');
const COLUMNS = 5;

/** The cells of each row of a section's tables, without heads and rules. */
function rowsOf(heading: string): readonly (readonly string[])[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('|'));
  const cells = rows.map((line) => line.split('|').slice(1, -1));
  return cells.map((row) => row.map((cell) => cell.trim())).filter(([first]) => /^`|^\d/.test(first!));
}

const entries = rowsOf('Failures');
const types = entries.map(([type]) => type!.replaceAll('`', ''));

test('each type of failure has an entry, and no entry names an unknown one or a type twice', () => {
  assert.deepEqual(types.toSorted(), Object.keys(FAILURES).toSorted());
});

test('each entry says whether it may pass by itself, what it means, what causes it and what to do', () => {
  const incomplete = entries.filter((cells) => cells.length !== COLUMNS || cells.includes(''));
  assert.deepEqual(incomplete, []);
  const told = entries.map(([, passes], index) => `${types[index]!}: ${passes!}`);
  const known = Object.entries(FAILURES).map(([type, { retryable }]) => `${type}: ${retryable ? 'yes' : 'no'}`);
  assert.deepEqual(told.toSorted(), known.toSorted());
});

test('each exit code of a command has an entry', () => {
  const codes = rowsOf('Exit codes').map(([code]) => code);
  assert.deepEqual(codes, Object.keys(EXIT_MEANING));
});

test('each line that a worker writes of its own accord, a warning or an error, has an entry', () => {
  const sources = globSync('src/**/*.ts', { cwd: root }).map((file) => readFileSync(path.join(root, file), 'utf8'));
  const said = sources.flatMap((source) =>
    [
      ...source.matchAll(
        /(?:log\.(?:warn|error)\(|warnings\.push\(|tellWorker\(\s*'(?:WARN|ERROR)',)\s*(['`])(.+?)\1/g,
      ),
    ].map(([, , text]) => text!.split(/: \$|\$|\. The/)[0]!.trim()),
  );
  assert.ok(said.length >= 6, `${said.length} lines are found`);
  const begins = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, text]) => text!);
  assert.deepEqual(
    said.filter((line) => !begins.some((begin) => line.startsWith(begin))),
    [],
  );
});
