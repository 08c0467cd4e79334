/** A database of the job whose file is damaged: a person is asked at once, with the file and what to do. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import type { Question } from '../../src/model/question/question.ts';
import { findingFor, questionOf, SQLITE_FILE } from '../support/drift.ts';
import { DriftedJob, onceAFile } from '../support/drifted-job.ts';
import { questionFrom } from '../support/questions.ts';

const drifted = onceAFile(new DriftedJob([]));

/** Every page but the first is none any more. */
function damage(): void {
  const path = drifted.at(SQLITE_FILE);
  copyFileSync(path, `${path}.sound`);
  const bytes = readFileSync(path);
  writeFileSync(path, Buffer.concat([bytes.subarray(0, 4096), Buffer.alloc(bytes.byteLength - 4096, 0xee)]));
}

async function mendAndRecheck(question: Question): Promise<void> {
  copyFileSync(`${drifted.at(SQLITE_FILE)}.sound`, drifted.at(SQLITE_FILE));
  await drifted.decide(question, { answer: 'recheck' });
  assert.equal((await drifted.job.verify()).kind, 'verified');
}

test('a damaged database that a comparison meets is asked about at once, with its file', async () => {
  drifted.begin();
  damage();
  const question = await questionOf(drifted.job, drifted.copy);
  const finding = findingFor(question, 'database:main');
  assert.deepEqual([finding.kind, finding.answers], ['unreadable', ['recheck', 'abort']]);
  assert.ok(finding.found.text.includes(`${drifted.at(SQLITE_FILE)} is damaged`), finding.found.text);
  assert.match(finding.advice ?? '', /sound copy/);
  await mendAndRecheck(question);
});

test('a damaged database that a step meets is asked about at once; mended, the step goes on', async () => {
  drifted.begin();
  assert.equal((await drifted.job.verify()).kind, 'verified');
  damage();
  const upsert = { database: 'main', table: 'note', rows: [{ id: 9, text: 'nine', size: 4 }] };
  const question = await questionFrom(drifted.job.step(dbUpsertStep, upsert, { stepId: 'nine' }) as Promise<unknown>);
  const [finding] = question.findings;
  assert.match(finding!.found.text, /^database-damaged: /);
  assert.ok(finding!.difference.includes(`${drifted.at(SQLITE_FILE)} is damaged`), finding!.difference);
  assert.match(finding!.advice ?? '', /sound copy/);
  await mendAndRecheck(question);
  await drifted.job.step(dbUpsertStep, upsert, { stepId: 'nine' });
  assert.equal(drifted.sql('SELECT text FROM note WHERE id = 9').length, 1);
});
