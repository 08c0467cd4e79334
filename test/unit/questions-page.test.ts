/** docs/questions.md has all that can be asked: each kind of question with its answers, and each kind of finding. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ANSWERS } from '../../src/model/question/answer-table.ts';
import { FindingKindSchema } from '../../src/model/question/finding.ts';

const page = readFileSync(path.join(import.meta.dirname, '../../docs/questions.md'), 'utf8');
const [, ...sections] = page.split(/^## /m);
const isTable = (section: string): boolean => section.startsWith('The eleven kinds of question\n');

/** The words in code form. */
function words(text: string): readonly string[] {
  return [...text.matchAll(/`([a-z-]+)`/g)].map(([, word]) => word!);
}

test('each kind of question has a row, with the answers that it can offer, in their order', () => {
  const table = sections.find(isTable) ?? '';
  const rows = table.split('\n').filter((line) => /^\| `(?!kind`)/.test(line));
  const told = rows.map((row) => row.split('|').map(words)).map(([, kind, , answers]) => [kind![0], answers]);
  const known = Object.entries(ANSWERS).map(([kind, answers]) => [kind, Object.keys(answers)]);
  assert.deepEqual(Object.fromEntries(told), Object.fromEntries(known));
  assert.equal(rows.length, known.length, 'a kind stands there twice');
});

test('each kind of finding is explained in the section of its subject', () => {
  const explained = new Set(sections.filter((section) => !isTable(section)).flatMap(words));
  const untold = FindingKindSchema.options.filter((kind) => !explained.has(kind));
  assert.deepEqual(untold, []);
});
