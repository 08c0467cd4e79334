/**
 * DBOS with its defaults, its system database on the same PostgreSQL: one step that writes the file and the row.
 * https://docs.dbos.dev/typescript/tutorials/step-tutorial
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { versionsOf } from '../versions.ts';

export async function open({ stateUrl, packages }, work) {
  const notes = DBOS.registerWorkflow(
    async (job, steps) => {
      for (let index = 0; index < steps; index++)
        await DBOS.runStep(async () => await work.act(job, index), { name: 'note' });
    },
    { name: 'notes' },
  );
  DBOS.setConfig({ name: 'holdfast-bench', systemDatabaseUrl: stateUrl, logLevel: 'error' });
  await DBOS.launch();
  return {
    versions: versionsOf(packages, ['@dbos-inc/dbos-sdk']),
    variants: {
      'dbos-step': async (workflowID, steps) => {
        const handle = await DBOS.startWorkflow(notes, { workflowID })(workflowID, steps);
        await handle.getResult();
      },
    },
    close: async () => await DBOS.shutdown(),
  };
}
