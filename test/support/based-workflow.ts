/** A Workflow of one's own that says what is in its PostgreSQL database before the job. */
import { dbUpsertStep } from '../../src/model/step/built-in/database.ts';
import { openJob } from '../../src/workflows/open-job.ts';

export const OWN_BASE = 'CREATE TABLE own (id int PRIMARY KEY, text text)';

/** @param named how its base names the database */
export async function basedNotes(workspace: string, named = 'main'): Promise<void> {
  const databases = { main: '${{ env.DB }}' };
  const options = { workspace, args: [workspace, named], databases, bases: { [named]: OWN_BASE }, checkpointEvery: 1 };
  await openJob(options, async (job) => {
    for (const id of [1, 2]) {
      const rows = [{ id, text: `row ${id}` }];
      await job.step(dbUpsertStep, { database: 'main', table: 'own', rows }, { id: `row-${id}` });
    }
  });
}
