/**
 * The job's five steps, as somebody writes them who has read that steps may run again: calls carry a key that is the
 * same on every attempt, one of the two rows is inserted by such a key. Beside them is what no key is advised for: a
 * line appended to a file, a row without a key, a call to a service that knows no keys.
 *
 * Each step does the same; beside that, the second writes a report and books an amount, the fourth books another, the
 * fifth publishes the report as it finds it.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';

export const STEPS = 5;
export const KILLED_AT = 3;
const BOOKING_STEPS: readonly number[] = [2, 4];

export const JOURNAL = 'journal.txt';
export const REPORT = 'report.md';
export const PUBLISHED = 'published.md';
export const DRAFT = 'The draft, as step 2 wrote it.\n';

export const TABLES = `
  CREATE TABLE entry (id text PRIMARY KEY DEFAULT gen_random_uuid()::text, job text, step int);
  CREATE TABLE keyed_entry (key text PRIMARY KEY, job text, step int);
  CREATE TABLE booking (id text PRIMARY KEY DEFAULT gen_random_uuid()::text, job text, step int, amount int)`;

/** Of a case's place, what the work needs. */
interface WorkPlace {
  readonly folder: string;
  readonly databaseUrl: string;
  readonly serviceUrl: string;
  readonly kill: string;
}

export type Query = (text: string, values: readonly (string | number)[]) => Promise<unknown>;

export interface Work {
  /** Where the job's files are. */
  folderOf(job: string): string;
  /** A whole step. @param key the same on every attempt, by the peer's advice */
  act(job: string, index: number, key: string): Promise<{ readonly step: number }>;
  /** Its parts, for peers that have another way for one of them. */
  begins(index: number): void;
  charge(job: string, index: number, key: string): Promise<void>;
  notify(job: string, index: number): Promise<void>;
  writeFiles(job: string, index: number): void;
  insertRows(job: string, index: number, key: string, query?: Query): Promise<void>;
  /** Ends the process by SIGKILL, if this is where and when it is to be killed. */
  dieHere(kill: string, index: number): void;
  /** When each step of the last job began, in milliseconds. */
  readonly begun: readonly number[];
  close(): Promise<void>;
}

export function makeWork({ folder, databaseUrl, serviceUrl, kill: wanted }: WorkPlace): Work {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  // A person may change the table while a connection rests.
  pool.on('error', () => undefined);
  const begun: number[] = [];
  const folderOf = (job: string): string => join(folder, job);
  const work: Work = {
    folderOf,
    begun,
    begins(index) {
      if (index === 1) begun.length = 0;
      begun.push(performance.now());
    },
    async act(job, index, key) {
      work.begins(index);
      await work.insertRows(job, index, key);
      work.writeFiles(job, index);
      await work.charge(job, index, key);
      await work.notify(job, index);
      work.dieHere('step', index);
      return { step: index };
    },
    async charge(job, index, key) {
      await post(`${serviceUrl}/charge/${index}`, job, { 'idempotency-key': key });
    },
    async notify(job, index) {
      await post(`${serviceUrl}/notify/${index}`, job, {});
    },
    writeFiles(job, index) {
      const at = (name: string): string => join(folderOf(job), name);
      appendFileSync(at(JOURNAL), lineOf(index));
      if (index === 2) writeFileSync(at(REPORT), DRAFT);
      if (index === STEPS) writeFileSync(at(PUBLISHED), readFileSync(at(REPORT), 'utf8'));
    },
    async insertRows(job, index, key, query = async (text, values) => await pool.query(text, [...values])) {
      // First what may fail: a retry then has nothing else to repeat.
      if (BOOKING_STEPS.includes(index))
        await query('INSERT INTO booking (job, step, amount) VALUES ($1, $2, $3)', [job, index, amountOf(index)]);
      await query('INSERT INTO entry (job, step) VALUES ($1, $2)', [job, index]);
      const keyed = 'INSERT INTO keyed_entry (key, job, step) VALUES ($1, $2, $3) ON CONFLICT (key) DO NOTHING';
      await query(keyed, [key, job, index]);
    },
    dieHere(kill, index) {
      if (kill === wanted && index === KILLED_AT) process.kill(process.pid, 'SIGKILL');
    },
    async close() {
      await pool.end();
    },
  };
  return work;
}

export function isBooking(index: number): boolean {
  return BOOKING_STEPS.includes(index);
}

export function lineOf(index: number): string {
  return `step ${index}\n`;
}

export function amountOf(index: number): number {
  return index * 100;
}

async function post(url: string, job: string, headers: Readonly<Record<string, string>>): Promise<void> {
  const answer = await fetch(url, { method: 'POST', headers, body: job });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
}
