/**
 * A PostgreSQL schema as a store of sealed documents: one row a generation.
 *
 * Invariant: a document is put and read back in one round trip, of two transactions: what is read was committed. It is
 * read by the server, which returns its digest.
 */
import { hash, randomBytes } from 'node:crypto';
import type { Digest } from '../../../model/digest.ts';
import type { HashedContent } from '../../chunks.ts';
import { atPointsAsync } from '../../fault-point.ts';
import { mustBeSame, mustReadBack, type SealedPlace, writerOf } from '../met.ts';
import { mustBeNames, mustBeSeries } from '../series-name.ts';
import type { SealedStore, StoredBlob, StoredGeneration } from '../store.ts';
import { PostgresBlobs } from './blobs.ts';
import { DURABLY, type Answer, runOne, type Statement, StoreConnections } from './connections.ts';
import { explainDenied } from './denied.ts';
import { prepareSchema } from './schema.ts';
import { quoted } from './schema-text.ts';

export interface PostgresPlace {
  /** With its password. */
  readonly url: string;
  /** For people. */
  readonly location: string;
  readonly schema: string;
  /** May the schema be made, or brought up to date? */
  readonly mayCreate: boolean;
}

export class PostgresStore implements SealedStore {
  readonly location: string;
  readonly #schema: string;
  readonly #mayCreate: boolean;
  readonly #table: string;
  readonly #connections: StoreConnections;
  readonly #blobs: PostgresBlobs;
  #prepared: Promise<void> | undefined;

  /** Connects to nothing yet. */
  constructor({ url, location, schema, mayCreate }: PostgresPlace) {
    this.location = location;
    this.#schema = schema;
    this.#mayCreate = mayCreate;
    this.#table = `${quoted(schema)}.generation`;
    this.#connections = new StoreConnections(url, location);
    this.#blobs = new PostgresBlobs(this.#connections, quoted(schema), location);
  }

  async put(series: string, generation: number, sealed: Buffer): Promise<void> {
    mustBeNames(series, generation);
    const writer = writerOf(sealed);
    const place = this.#placeOf(series, generation);
    const row = [series, String(generation)];
    const inserting = `INSERT INTO ${this.#table} (series, generation, writer, sealed)
      SELECT $1, $2::bigint, $3, $4::bytea WHERE ${DURABLY} ON CONFLICT DO NOTHING`;
    await this.#use(async () => {
      const [inserted, found] = await this.#committing(
        { text: inserting, values: [...row, writer, sealed], isPrepared: true },
        { ...this.#reading(row, 'sha256(sealed)'), isPrepared: true },
      );
      if (found!.rows[0]?.[0] === hash('sha256', sealed)) return;
      const bytes = await this.#read(row);
      if (inserted!.count === 0 && bytes !== undefined) return mustBeSame(bytes, sealed, place);
      try {
        mustReadBack(bytes, sealed, place);
      } catch (error) {
        // Nobody has been told that it is there: the number is free for the next try.
        await this.#moveAside(row, 'It was not read back as it was written.');
        throw error;
      }
    });
  }

  async get(series: string, generation: number): Promise<Buffer | undefined> {
    mustBeNames(series, generation);
    return await this.#use(async () => await this.#read([series, String(generation)]));
  }

  where(series: string, generation: number): string {
    mustBeNames(series, generation);
    return this.#placeOf(series, generation).where;
  }

  async generations(series: string): Promise<readonly number[]> {
    mustBeSeries(series);
    const text = `SELECT generation::text FROM ${this.#table} AS g WHERE series = $1 ORDER BY g.generation`;
    const { rows } = await this.#one({ text, values: [series] });
    return rows.map(([generation]) => Number(generation));
  }

  async list(series: string): Promise<readonly StoredGeneration[]> {
    mustBeSeries(series);
    const text = `SELECT generation::text, octet_length(sealed)::text, writer,
        to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
      FROM ${this.#table} AS g WHERE series = $1 ORDER BY g.generation`;
    const { rows } = await this.#one({ text, values: [series] });
    return rows.map(([generation, size, writer, at]) => ({
      generation: Number(generation),
      sizeBytes: Number(size),
      at: at!,
      writer: writer!,
    }));
  }

  async series(): Promise<readonly string[]> {
    const { rows } = await this.#one({ text: `SELECT DISTINCT series FROM ${this.#table}` });
    return rows.map(([series]) => series!).toSorted();
  }

  async setAside(series: string, generation: number, why: string): Promise<string | undefined> {
    mustBeNames(series, generation);
    return await this.#use(async () => await this.#moveAside([series, String(generation)], why));
  }

  async remove(series: string, generation: number): Promise<boolean> {
    mustBeNames(series, generation);
    const text = `DELETE FROM ${this.#table} WHERE series = $1 AND generation = $2::bigint AND ${DURABLY}`;
    const [gone] = await this.#use(async () => await this.#committing({ text, values: [series, String(generation)] }));
    return gone!.count > 0;
  }

  async putBlob(chunks: AsyncIterable<Uint8Array>): Promise<HashedContent> {
    return await this.#use(async () => await this.#blobs.put(chunks));
  }

  async *getBlob(content: Digest): AsyncGenerator<Buffer, void, undefined> {
    await this.#use(async () => undefined);
    try {
      yield* this.#blobs.get(content);
    } catch (error) {
      throw await this.#told(error);
    }
  }

  async hasBlobs(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    return await this.#use(async () => await this.#blobs.has(contents));
  }

  async *blobs(): AsyncGenerator<StoredBlob, void, undefined> {
    await this.#use(async () => undefined);
    yield* this.#blobs.all();
  }

  async keepBlobs(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    return await this.#use(async () => await this.#blobs.keep(contents));
  }

  async removeBlob(content: Digest, unusedForMs = 0): Promise<boolean> {
    return await this.#use(async () => await this.#blobs.remove(content, unusedForMs));
  }

  /** The server rolls back what a writer that died had begun. */
  async removeLeftovers(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {
    await this.#connections.close();
  }

  /** Once the schema is as it must be. What the server refuses is told with the permission that is missing. */
  async #use<T>(work: () => Promise<T>): Promise<T> {
    try {
      this.#prepared ??= prepareSchema(this.#connections, {
        schema: this.#schema,
        location: this.location,
        mayCreate: this.#mayCreate,
      });
      await this.#prepared.catch((error: unknown) => {
        this.#prepared = undefined;
        throw error;
      });
      return await work();
    } catch (error) {
      throw await this.#told(error);
    }
  }

  async #told(error: unknown): Promise<unknown> {
    return await explainDenied(error, this.#schema, runOne(this.#connections));
  }

  async #one(statement: Statement): Promise<Answer> {
    return await this.#use(async () => await runOne(this.#connections)(statement));
  }

  /** A statement of its own that changes something is a commit. */
  async #committing(...statements: readonly Statement[]): Promise<readonly Answer[]> {
    return await atPointsAsync('database-commit', () => this.#connections.run(...statements));
  }

  #reading(row: readonly string[], what: string): Statement {
    const text = `SELECT encode(${what}, 'hex') FROM ${this.#table} WHERE series = $1 AND generation = $2::bigint`;
    return { text, values: row };
  }

  async #read(row: readonly string[]): Promise<Buffer | undefined> {
    const [found] = await this.#connections.run(this.#reading(row, 'sealed'));
    const hex = found!.rows[0]?.[0];
    return typeof hex === 'string' ? Buffer.from(hex, 'hex') : undefined;
  }

  async #moveAside(row: readonly string[], why: string): Promise<string | undefined> {
    const id = randomBytes(8).toString('hex');
    const aside = `${quoted(this.#schema)}.set_aside`;
    const text = `
      WITH moved AS (
        DELETE FROM ${this.#table} WHERE series = $1 AND generation = $2::bigint AND ${DURABLY} RETURNING *)
      INSERT INTO ${aside} (id, series, generation, writer, at, sealed, why)
      SELECT $3, series, generation, writer, at, sealed, $4 FROM moved`;
    const [moved] = await this.#committing({ text, values: [...row, id, why] });
    return moved!.count === 0 ? undefined : `row "${id}" of ${aside} in ${this.location}`;
  }

  #placeOf(series: string, generation: number): SealedPlace {
    return { series, generation, where: `${this.#table} in ${this.location}` };
  }
}
