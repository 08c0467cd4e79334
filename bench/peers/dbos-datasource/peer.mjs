/**
 * DBOS with a datasource: the rows by a transaction, which commits them and DBOS's record of it together; all else of a
 * step by a DBOS step of its own, retried by its defaults.
 * https://docs.dbos.dev/typescript/tutorials/transaction-tutorial
 */
import { DBOS } from '@dbos-inc/dbos-sdk';
import { PostgresDataSource } from '@dbos-inc/postgres-datasource';
import { dbosPeer } from '../dbos/peer.mjs';
import { versionsOf } from '../versions.ts';

const STEPS = 5;

export async function open({ databaseUrl, stateUrl, packages }, work) {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const connection = { host: hostname, port: Number(port), user: username, password, database: pathname.slice(1) };
  const source = new PostgresDataSource('office', { ...connection, onnotice: () => undefined });
  const key = () => `${DBOS.workflowID}-${DBOS.stepID}`;
  const outside = async (job, index) => {
    work.begins(index);
    work.writeFiles(job, index);
    await work.charge(job, index, key());
    await work.notify(job, index);
    work.dieHere('step', index);
  };
  const rows = async (job, index) => {
    await work.insertRows(job, index, key(), async (text, values) => await source.client.unsafe(text, values));
    work.dieHere('transaction', index);
  };
  const five = DBOS.registerWorkflow(
    async (job) => {
      for (let index = 1; index <= STEPS; index++) {
        await source.runTransaction(async () => await rows(job, index), { name: `rows-${index}` });
        const options = { name: `outside-${index}`, retriesAllowed: true };
        await DBOS.runStep(async () => await outside(job, index), options);
      }
    },
    { name: 'five' },
  );
  DBOS.setConfig({ name: 'holdfast-peers', systemDatabaseUrl: stateUrl, logLevel: 'error' });
  await DBOS.launch();
  const [sdk, datasource] = ['@dbos-inc/dbos-sdk', '@dbos-inc/postgres-datasource'];
  return { versions: versionsOf(packages, [sdk, datasource]), ...dbosPeer(DBOS, five) };
}
