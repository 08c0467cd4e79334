/** All that a person can be asked is made in one room: each kind of finding by a function there, and by nobody else. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { FindingKindSchema, FindingSchema, findingsIdentity } from '../../src/model/question/finding.ts';
import { ABSENT } from '../../src/model/record/world.ts';
import type { IntentOwner } from '../../src/protocol/question/conflict.ts';
import { discrepancyFinding, withoutRerun } from '../../src/protocol/question/discrepancy.ts';
import { ALL, conflictOf, EARLIEST, FILE } from '../support/finding-samples.ts';

const root = path.join(import.meta.dirname, '../..');
const ROOM = 'src/protocol/question';

test('every kind of finding is made by a function of the question room', () => {
  const made = new Set<string>(ALL.map(({ kind }) => kind));
  assert.deepEqual(
    FindingKindSchema.options.filter((kind) => !made.has(kind)),
    [],
  );
});

/** Ledgers identify questions by this digest: another digest would ask each open question anew after an upgrade. */
const IDENTITY_OF_EARLIEST = 'a6b7e1b7b98d97f9e842fe87a2d8113356c2087f43c25ff2959c87b4180ffdb0';

test('the sides that identify a question are as they were when it was asked', () => {
  assert.equal(findingsIdentity(EARLIEST), IDENTITY_OF_EARLIEST);
});

test('the page about questions names each kind that is made, and no other', () => {
  const page = readFileSync(path.join(root, 'docs/questions.md'), 'utf8');
  const unnamed = FindingKindSchema.options.filter((kind) => !page.includes(`\`${kind}\``));
  assert.deepEqual(unnamed, []);
});

test('every finding is as the schema of questions has it, and can be answered', () => {
  for (const one of ALL) {
    assert.deepEqual(FindingSchema.parse(one), one);
    assert.ok(one.answers.includes('recheck') && one.answers.includes('abort'), one.kind);
  }
});

test('rerun is offered where a step can run again, restore where the record is at hand', () => {
  const resource = 'file:a';
  const common = { resource, expected: FILE, found: ABSENT, recorded: undefined, staleSteps: [], difference: '' };
  assert.deepEqual(discrepancyFinding({ ...common, rerunSteps: [], isRestorable: true }).answers, [
    'accept',
    'restore',
    'recheck',
    'abort',
  ]);
  const rerunnable = discrepancyFinding({ ...common, rerunSteps: ['a'], isRestorable: false });
  assert.deepEqual(rerunnable.answers, ['accept', 'rerun', 'recheck', 'abort']);
  assert.deepEqual(withoutRerun(conflictOf('step')).answers, ['skip', 'overwrite', 'recheck', 'abort']);
  const whileUndoing = withoutRerun(rerunnable);
  assert.deepEqual([whileUndoing.answers, whileUndoing.rerunSteps], [['accept', 'recheck', 'abort'], []]);
});

test("undo is offered for a conflict of this job's steps alone", () => {
  assert.deepEqual(conflictOf('step').answers, ['skip', 'overwrite', 'undo', 'recheck', 'abort']);
  for (const owner of ['undoing', 'another job'] satisfies IntentOwner[])
    assert.deepEqual(conflictOf(owner).answers, ['skip', 'overwrite', 'recheck', 'abort'], owner);
  assert.deepEqual(conflictOf('undoing').rerunSteps, []);
});

test('no file outside the room makes a finding', () => {
  const outside = globSync('src/**/*.ts', { cwd: root })
    .map((file) => file.replaceAll(path.sep, '/'))
    .filter((file) => !file.startsWith(`${ROOM}/`));
  assert.ok(outside.length > 300, `${outside.length} files are read`);
  const making = outside.filter((file) => {
    const source = readFileSync(path.join(root, file), 'utf8');
    const importsMaker = [...source.matchAll(/from '([^']+)'/g)].some(
      ([, specifier]) => path.posix.join(path.posix.dirname(file), specifier!) === `${ROOM}/finding.ts`,
    );
    const choosesAnswers = !file.startsWith('src/model/') && /\bofferedAnswers\b/.test(source);
    return importsMaker || choosesAnswers;
  });
  assert.deepEqual(making, []);
});
