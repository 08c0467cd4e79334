/** A SQLite file as another program sees it: opened for one statement or script, then closed. */
import { DatabaseSync } from 'node:sqlite';

/** Rows of a query, or of a statement that returns some, as plain objects. */
export function sqliteRows(path: string, sql: string): readonly Record<string, unknown>[] {
  return withSqlite(path, (database) =>
    database
      .prepare(sql)
      .all()
      .map((row) => ({ ...row })),
  );
}

/** Runs a script of any number of statements. */
export function sqliteScript(path: string, sql: string): void {
  withSqlite(path, (database) => database.exec(sql));
}

function withSqlite<T>(path: string, use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(path);
  try {
    return use(database);
  } finally {
    database.close();
  }
}
