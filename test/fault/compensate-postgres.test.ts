/** A saga with a row in PostgreSQL, aborted after each of its steps. */
import { test } from 'node:test';
import { abortedSagas } from '../support/aborted-sagas.ts';
import { testPostgres } from '../support/postgres.ts';
import { testUndoJobs } from '../support/undo-jobs.ts';

const jobs = testUndoJobs();
const postgres = await testPostgres();

test('PostgreSQL: a saga aborted after any step restores every byte and compensates each call once', async () => {
  await abortedSagas(jobs, () => postgres.database());
});
