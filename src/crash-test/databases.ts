/** Databases of a crash test: a copy for each run, and its rows. */
import { copyFileSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { copyPostgres, rowsOfPostgres, type PostgresCopy } from './postgres-copy.ts';

/** Table → its rows as text. */
export type Tables = Readonly<Record<string, readonly string[]>>;

export interface CopiedDatabase {
  /** The environment variable that holds its URL. */
  readonly name: string;
  readonly url: string;
  /** Drops the copy, where it isn't a file of the run's folder. */
  readonly remove: () => Promise<void>;
}

interface Original {
  readonly name: string;
  readonly url: string;
  /** The run's. */
  readonly folder: string;
  /** Is told of a copy that is no file of the run's folder; what it returns is called once that has been dropped. */
  readonly keep: (copy: PostgresCopy) => () => void;
}

/** @throws HoldfastError `bad-input` for what can't be copied */
export async function copyDatabase(original: Original): Promise<CopiedDatabase> {
  return original.url.startsWith('sqlite:') ? copySqlite(original) : await copyPostgres(original, original.keep);
}

function copySqlite({ name, url, folder }: Original): CopiedDatabase {
  const file = url.slice('sqlite:'.length).replace(/^\/\/(?=\/)/, '');
  const remove = async (): Promise<void> => await Promise.resolve();
  // One of the workspace has come along with it.
  if (!path.isAbsolute(file)) return { name, url, remove };
  const copy = path.join(folder, 'databases', `${name}.db`);
  mkdirSync(path.dirname(copy), { recursive: true });
  if (existsSync(file)) {
    // What lies in its journal comes along.
    const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
    try {
      database.prepare('VACUUM INTO ?').run(copy);
    } catch {
      copyFileSync(file, copy);
    } finally {
      database.close();
    }
  }
  return { name, url: `sqlite:${copy}`, remove };
}

/** The user's tables alone. */
export async function lookAtDatabase(url: string): Promise<Tables> {
  return url.startsWith('sqlite:') ? lookAtSqlite(url.slice('sqlite:'.length)) : await rowsOfPostgres(url);
}

function lookAtSqlite(file: string): Tables {
  if (!existsSync(file)) return {};
  const database = new DatabaseSync(file, { readOnly: true, timeout: 5_000 });
  try {
    const names = database
      .prepare(`SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
      .all()
      .map(({ name }) => String(name))
      .filter((name) => !name.startsWith('holdfast_'));
    return Object.fromEntries(
      names.map((name) => {
        const statement = database.prepare(`SELECT * FROM "${name.replaceAll('"', '""')}"`);
        statement.setReadBigInts(true);
        return [name, statement.all().map(rowText)];
      }),
    );
  } finally {
    database.close();
  }
}

function rowText(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(row, (_key, value: unknown) => {
    if (typeof value === 'bigint') return String(value);
    return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value;
  });
}
