import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { runSuite } from './suite.ts';

const server = process.env['HOLDFAST_TEST_POSTGRES_URL'];
if (server === undefined) throw new Error('Run it by npm run test:langgraph, which starts a PostgreSQL server.');

runSuite('HoldfastSaver in PostgreSQL', async () => {
  const schema = `langgraph_${randomUUID().replaceAll('-', '')}`;
  const location = new URL(server);
  location.searchParams.set('schema', schema);
  return {
    location: location.href,
    remove: async () => {
      const client = new pg.Client({ connectionString: server });
      await client.connect();
      await client.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
      await client.end();
    },
  };
});
