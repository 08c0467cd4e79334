/**
 * Contents as rows: pieces of 1 MiB under the name of their upload, and one row that says which upload a content is.
 *
 * Invariants
 * 1. A content's row and its pieces are committed together.
 * 2. Pieces of a damaged content stay, under the name of their upload, when it is stored again.
 * 3. Memory doesn't grow with a content's size.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Digest } from '../../../model/digest.ts';
import { HoldfastError, isFailure } from '../../../model/failure.ts';
import { CHUNK_BYTES, type HashedContent } from '../../chunks.ts';
import { atPointsAsync } from '../../fault-point.ts';
import { readBackFailed } from '../met.ts';
import type { StoredBlob } from '../store.ts';
import { DURABLY, type Run, runOne, type StoreConnections } from './connections.ts';

const PAGE = 1000;
export class PostgresBlobs {
  readonly #connections: StoreConnections;
  readonly #schema: string;
  readonly #location: string;

  /** @param schema quoted */
  constructor(connections: StoreConnections, schema: string, location: string) {
    this.#connections = connections;
    this.#schema = schema;
    this.#location = location;
  }

  async put(chunks: AsyncIterable<Uint8Array>): Promise<HashedContent> {
    const upload = randomBytes(16).toString('hex');
    let stored: HashedContent | undefined;
    let isNew = false;
    await this.#connections.transaction(async (run) => {
      stored = await this.#upload(run, upload, chunks);
      isNew = await this.#name(run, upload, stored);
      return isNew ? 'commit' : 'rollback';
    });
    // One that is there was read just now; nobody may remove it as unused from now on.
    const isKept = isNew || (await this.keep([stored!.content])).has(stored!.content);
    if (isNew || !isKept) await this.#mustReadBack(stored!);
    return stored!;
  }

  /** @param run of a transaction that is open, which takes no other connection */
  async *get(content: Digest, run = runOne(this.#connections)): AsyncGenerator<Buffer, void, undefined> {
    const found = await run({
      text: `SELECT upload, size::text FROM ${this.#schema}.blob WHERE content = $1`,
      values: [content],
    });
    const [upload, size] = found.rows[0] ?? [];
    if (upload === undefined)
      throw new HoldfastError('not-found', `Content ${content} is not in the store ${this.#location}.`, {
        digest: content,
        store: this.#location,
      });
    const digester = createHash('sha256');
    for (let piece = 0, read = 0; read < Number(size); piece++) {
      const bytes = await this.#piece(run, upload!, piece);
      if (bytes === undefined || bytes.length === 0) throw this.#damaged(content, `piece ${piece} is missing`);
      digester.update(bytes);
      read += bytes.length;
      yield bytes;
    }
    const digest = digester.digest('hex');
    if (digest !== content) throw this.#damaged(content, `its bytes now have the digest ${digest}`);
  }

  async has(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    if (contents.length === 0) return new Set();
    const text = `SELECT content FROM ${this.#schema}.blob WHERE content = ANY ($1::text[])`;
    const [found] = await this.#connections.run({ text, values: [contents] });
    return new Set(found!.rows.map(([content]) => content!));
  }

  async *all(): AsyncGenerator<StoredBlob, void, undefined> {
    for (let after = ''; ;) {
      const text = `SELECT content, size::text, floor(extract(epoch FROM at) * 1000)::bigint::text
        FROM ${this.#schema}.blob WHERE content > $1 ORDER BY content LIMIT ${PAGE}`;
      const [found] = await this.#connections.run({ text, values: [after] });
      for (const [content, size, at] of found!.rows)
        yield { content: content!, sizeBytes: Number(size), atMs: Number(at) };
      if (found!.rows.length < PAGE) return;
      after = found!.rows.at(-1)![0]!;
    }
  }

  /** Whose moment is set anew is not removed by a statement that began before: its row is looked at again. */
  async keep(contents: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    if (contents.length === 0) return new Set();
    const text = `UPDATE ${this.#schema}.blob SET at = clock_timestamp() WHERE content = ANY ($1::text[]) AND ${DURABLY}
      RETURNING content`;
    const [found] = await this.#connections.run({ text, values: [contents] });
    return new Set(found!.rows.map(([content]) => content!));
  }

  async remove(content: Digest, unusedForMs: number): Promise<boolean> {
    const text = `
      WITH gone AS (DELETE FROM ${this.#schema}.blob WHERE content = $1 AND ${DURABLY}
          AND at <= clock_timestamp() - make_interval(secs => $2::double precision / 1000) RETURNING upload),
        pieces AS (DELETE FROM ${this.#schema}.blob_piece p USING gone WHERE p.upload = gone.upload)
      SELECT upload FROM gone`;
    const values = [content, String(unusedForMs)];
    const [gone] = await atPointsAsync('database-commit', () => this.#connections.run({ text, values }));
    return gone!.rows.length > 0;
  }

  async #upload(run: Run, upload: string, chunks: AsyncIterable<Uint8Array>): Promise<HashedContent> {
    const digester = createHash('sha256');
    let sizeBytes = 0;
    let piece = 0;
    for await (const bytes of inPieces(chunks)) {
      digester.update(bytes);
      sizeBytes += bytes.length;
      await run({
        text: `INSERT INTO ${this.#schema}.blob_piece (upload, piece, bytes) VALUES ($1, $2::integer, $3::bytea)`,
        values: [upload, String(piece), bytes],
      });
      piece += 1;
    }
    return { content: digester.digest('hex'), sizeBytes };
  }

  /** False: a sound one is there already, whose upload keeps the name. */
  async #name(run: Run, upload: string, { content, sizeBytes }: HashedContent): Promise<boolean> {
    const blob = `${this.#schema}.blob`;
    const values = [content, upload, String(sizeBytes)];
    const inserted = await run({
      text: `INSERT INTO ${blob} (content, upload, size)
        SELECT $1, $2, $3::bigint WHERE ${DURABLY} ON CONFLICT DO NOTHING`,
      values,
    });
    if (inserted.count > 0) return true;
    if (await this.#isIntact(content, run)) return false;
    await run({
      text: `INSERT INTO ${this.#schema}.blob_aside (upload, content, why)
        SELECT upload, content, $2 FROM ${blob} WHERE content = $1`,
      values: [content, 'It was damaged when it was stored again.'],
    });
    await run({ text: `UPDATE ${blob} SET upload = $2, size = $3::bigint, at = now() WHERE content = $1`, values });
    return true;
  }

  async #isIntact(content: Digest, run?: Run): Promise<boolean> {
    try {
      for await (const chunk of this.get(content, run)) void chunk;
      return true;
    } catch (error) {
      if (isFailure(error, 'checkpoint-damaged', 'not-found')) return false;
      throw error;
    }
  }

  async #mustReadBack({ content, sizeBytes }: HashedContent): Promise<void> {
    if (await this.#isIntact(content)) return;
    throw readBackFailed(`content ${content}`, `${sizeBytes} bytes`, 'other bytes, or none', {
      content,
      store: this.#location,
    });
  }

  async #piece(run: Run, upload: string, piece: number): Promise<Buffer | undefined> {
    const found = await run({
      text: `SELECT encode(bytes, 'hex') FROM ${this.#schema}.blob_piece WHERE upload = $1 AND piece = $2::integer`,
      values: [upload, String(piece)],
    });
    const hex = found.rows[0]?.[0];
    return typeof hex === 'string' ? Buffer.from(hex, 'hex') : undefined;
  }

  #damaged(content: Digest, problem: string): HoldfastError {
    return new HoldfastError(
      'checkpoint-damaged',
      `Content ${content} in the store ${this.#location} is damaged: ${problem}.`,
      { digest: content, store: this.#location },
    );
  }
}

/** Of one size each, but for the last. */
async function* inPieces(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let piece = Buffer.allocUnsafe(CHUNK_BYTES);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length;) {
      const taken = chunk.subarray(from, from + CHUNK_BYTES - filled);
      piece.set(taken, filled);
      filled += taken.length;
      from += taken.length;
      if (filled < CHUNK_BYTES) continue;
      yield piece;
      piece = Buffer.allocUnsafe(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
