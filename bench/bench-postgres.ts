/** A PostgreSQL server of the benchmark's own, with the table that its steps write. */
import pg from 'pg';
import { startPostgres, type PostgresCluster } from '../test/support/postgres.ts';

export class BenchPostgres {
  readonly #cluster: PostgresCluster;
  readonly client: pg.Client;

  static async start(): Promise<BenchPostgres> {
    const cluster = await startPostgres();
    const client = new pg.Client({ connectionString: cluster.url });
    await client.connect();
    await client.query('CREATE TABLE note (id integer PRIMARY KEY, text text)');
    return new BenchPostgres(cluster, client);
  }

  private constructor(cluster: PostgresCluster, client: pg.Client) {
    this.#cluster = cluster;
    this.client = client;
  }

  get url(): string {
    return this.#cluster.url;
  }

  /** Each job begins with an empty table. */
  async empty(): Promise<void> {
    await this.client.query('TRUNCATE note');
  }

  async stop(): Promise<void> {
    await this.client.end();
    await this.#cluster.stop();
  }
}
