/**
 * The effect of `noteStep` without any guard: what the guarded step is measured against. As fast as it can be made
 * while it is as durable: temporary file, fsync, rename, fsync of the folder; one SQLite commit in WAL mode with
 * synchronous=FULL, or one statement on PostgreSQL, under way while the file is written. Synchronous calls, connection
 * and statement kept: each is the faster choice here.
 */
import { closeSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import pg from 'pg';
import { contentOf, DATABASE_FILE, textOf, UPSERT_NOTE } from './workspace.ts';

interface BareNote {
  readonly workspace: string;
  readonly index: number;
  readonly place?: number;
  readonly isOnPostgres: boolean;
}

export interface BareActivities {
  bareNote(input: BareNote): Promise<{ readonly index: number }>;
}

const UPSERT = 'INSERT INTO note (id, text) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET text = excluded.text';

/** `postgresUrl`: undefined where nothing goes there. */
export function makeBareActivities(
  workspaceRoot: string,
  postgresUrl: string | undefined,
): BareActivities & { readonly close: () => Promise<void> } {
  let connected: Promise<pg.Client> | undefined;
  const open = new Map<string, { readonly database: DatabaseSync; readonly insert: StatementSync }>();
  const opened = (directory: string): { readonly insert: StatementSync } => {
    let known = open.get(directory);
    if (known === undefined) {
      const database = new DatabaseSync(join(directory, DATABASE_FILE));
      database.exec('PRAGMA synchronous = FULL');
      known = { database, insert: database.prepare(UPSERT) };
      open.set(directory, known);
    }
    return known;
  };
  return {
    bareNote: async ({ workspace, index, place = index, isOnPostgres }) => {
      const directory = join(workspaceRoot, workspace);
      const client = isOnPostgres ? await (connected ??= connect(postgresUrl!)) : undefined;
      const written = client?.query(UPSERT_NOTE, [place, textOf(index)]);
      writeDurably(directory, `note-${place}.txt`, contentOf(index));
      if (written === undefined) opened(directory).insert.run(place, textOf(index));
      else await written;
      return { index };
    },
    close: async () => {
      for (const { database } of open.values()) database.close();
      await (await connected)?.end();
    },
  };
}

async function connect(connectionString: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  return client;
}

/** Temporary file, fsync, rename, fsync of the folder. */
export function writeDurably(directory: string, name: string, content: string): void {
  const temporary = join(directory, `.${name}.tmp`);
  const file = openSync(temporary, 'wx', 0o644);
  writeSync(file, content);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, join(directory, name));
  const folder = openSync(directory, 'r');
  fsyncSync(folder);
  closeSync(folder);
}
