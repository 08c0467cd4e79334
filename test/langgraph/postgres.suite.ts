import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll } from 'vitest';
import { runSuite } from './suite.ts';

const server = process.env['HOLDFAST_TEST_POSTGRES_URL'];
if (server === undefined) throw new Error('Run it by npm run test:langgraph, which starts a PostgreSQL server.');

const schema = `langgraph_${randomUUID().replaceAll('-', '')}`;
const location = new URL(server);
location.searchParams.set('schema', schema);
const client = new pg.Client({ connectionString: server });
await client.connect();

afterAll(async () => {
  await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await client.end();
});

/** One schema, emptied: the suite uses one saver at a time. */
runSuite('HoldfastSaver in PostgreSQL', async () => ({
  location: location.href,
  remove: async () => void (await client.query(`DELETE FROM ${schema}.generation`)),
}));
