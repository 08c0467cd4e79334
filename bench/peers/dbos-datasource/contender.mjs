/**
 * DBOS with its defaults: a step for what is not in the database, and for the row a transaction of a datasource, which
 * commits the row and DBOS's record of it together. https://docs.dbos.dev/typescript/tutorials/transaction-tutorial
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { PostgresDataSource } from '@dbos-inc/postgres-datasource';
import { textOf } from '../../workspace.ts';
import { versionsOf } from '../versions.ts';

export async function open({ databaseUrl, stateUrl, packages }, work) {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const source = new PostgresDataSource('notes', {
    host: hostname,
    port: Number(port),
    user: username,
    password,
    database: pathname.slice(1),
    onnotice: () => undefined,
  });
  const insert = async (job, index) => {
    await source.client`INSERT INTO note (job, step, text) VALUES (${job}, ${index}, ${textOf(index)})`;
  };
  const notes = DBOS.registerWorkflow(
    async (job, steps) => {
      for (let index = 0; index < steps; index++) {
        await DBOS.runStep(async () => work.writeFile(job, index), { name: 'file' });
        await source.runTransaction(async () => await insert(job, index), { name: 'row' });
      }
    },
    { name: 'notes' },
  );
  DBOS.setConfig({ name: 'holdfast-bench', systemDatabaseUrl: stateUrl, logLevel: 'error' });
  await DBOS.launch();
  const [sdk, datasource] = ['@dbos-inc/dbos-sdk', '@dbos-inc/postgres-datasource'];
  const versions = versionsOf(packages, [sdk, datasource]);
  return {
    versions: { 'dbos-sdk (with a datasource)': versions[sdk], [datasource]: versions[datasource] },
    variants: {
      'dbos-transaction': async (workflowID, steps) => {
        const handle = await DBOS.startWorkflow(notes, { workflowID })(workflowID, steps);
        await handle.getResult();
      },
    },
    close: async () => await DBOS.shutdown(),
  };
}
