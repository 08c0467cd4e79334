/** The base of a PostgreSQL database: SQL that makes what was in it before a job. What can be made of it. Pure. */

/** It is in the history and the record of each job of its plan. */
export const MAX_BASE_LENGTH = 128 * 1024;

interface Problem {
  readonly message: string;
  readonly expected?: string;
  readonly found?: string;
  readonly hint?: string;
}

/** What `pg_dump` writes for psql alone. */
const FOR_PSQL = /^\\(?:un)?restrict [A-Za-z0-9]+\r?$/gm;
const COPY_FROM_CLIENT = /^\s*copy\s.+\sfrom\s+stdin\b.*$/im;
const COMMENTS = /--[^\n]*|\/\*[\s\S]*?\*\//g;

/** Undefined: as far as its text tells, it can be made. */
export function baseProblem(base: string): Problem | undefined {
  if (runnableBase(base).replace(COMMENTS, '').trim() === '')
    return { message: 'is empty', expected: 'SQL that makes the tables, and what was in them before the job' };
  const copied = COPY_FROM_CLIENT.exec(base)?.[0].trim();
  if (copied === undefined) return undefined;
  return {
    message: 'has rows that only psql reads',
    expected: 'SQL, rows as INSERT',
    found: copied.slice(0, 80),
    hint: 'write it by pg_dump --inserts',
  };
}

/** As the server takes it. */
export function runnableBase(base: string): string {
  return base.replaceAll(FOR_PSQL, '');
}

/** Those that a plan declares, by the database's name. */
export function basesIn(databases: Readonly<Record<string, { readonly base?: string | undefined }>>) {
  const declared = Object.entries(databases).flatMap(([name, { base }]) =>
    base === undefined ? [] : [[name, base] as const],
  );
  return Object.fromEntries(declared) as Readonly<Record<string, string>>;
}
