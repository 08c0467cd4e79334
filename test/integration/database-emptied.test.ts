/** A SQLite file that was emptied, and a person who takes the world as it is: then the job goes on. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, truncateSync } from 'node:fs';
import { test } from 'node:test';
import { DriftedJob, onceAFile } from '../support/drifted-job.ts';
import { mark, outsideTable, questionOf, SQLITE_FILE } from '../support/drift.ts';

const drifted = onceAFile(new DriftedJob([]));

test('once an emptied file is accepted nothing more is asked, of the marks of Holdfast neither', async () => {
  drifted.begin();
  await drifted.job.close();
  const path = drifted.at(SQLITE_FILE);
  for (const sibling of ['-wal', '-shm']) if (existsSync(path + sibling)) rmSync(path + sibling);
  truncateSync(path);
  outsideTable(path);
  drifted.job = drifted.open();
  const question = await questionOf(drifted.job, drifted.copy);
  await drifted.decide(question, { answer: 'accept' });
  await drifted.job.step(mark, {}, { stepId: 'mark' });
  assert.equal((await drifted.job.verify()).kind, 'verified');
});
