/**
 * The world of one case, as it is seen from outside: a database, a folder, a service that counts. What was done is
 * counted here, never asked of the one who did it.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { CountingServer } from '../../../test/support/counting-server.ts';
import { EFFECTS, type Change, type Times } from './result.ts';
import { JOURNAL, PUBLISHED, REPORT, STEPS } from './work.ts';

const PERSONS_LINE = 'Checked by hand: the third figure is wrong. (Ada)';
/** The service's answer to `GET` of one key; not needed here. */
type Rows = readonly { readonly step: number; readonly times: number }[];

export class Office implements AsyncDisposable {
  readonly #service: CountingServer;
  readonly #database: pg.Client;
  readonly #jobFolder: string;

  static async open(databaseUrl: string, jobFolder: string): Promise<Office> {
    const database = new pg.Client({ connectionString: databaseUrl });
    await database.connect();
    return new Office(await CountingServer.start(), database, jobFolder);
  }

  private constructor(service: CountingServer, database: pg.Client, jobFolder: string) {
    this.#service = service;
    this.#database = database;
    this.#jobFolder = jobFolder;
  }

  get serviceUrl(): string {
    return this.#service.url;
  }

  /** What people do while the process is down. */
  async change(change: Change): Promise<void> {
    if (change === 'edited') appendFileSync(join(this.#jobFolder, REPORT), `${PERSONS_LINE}\n`);
    if (change === 'added') await this.#alter("ADD COLUMN currency text NOT NULL DEFAULT 'EUR'");
    if (change === 'renamed') await this.#alter('RENAME COLUMN amount TO amount_cents');
  }

  /** Takes the renaming back. The other changes are meant to stay. */
  async mend(change: Change): Promise<void> {
    if (change === 'renamed') await this.#alter('RENAME COLUMN amount_cents TO amount');
  }

  /** Is what the person has written in the report, and in what was published from it? */
  personsLine(): { readonly inReport: boolean; readonly published: boolean } {
    const isIn = (name: string): boolean => {
      const file = join(this.#jobFolder, name);
      return existsSync(file) && readFileSync(file, 'utf8').includes(PERSONS_LINE);
    };
    return { inReport: isIn(REPORT), published: isIn(PUBLISHED) };
  }

  /** The effects that were not had once by each step. */
  async notOnce(): Promise<readonly Times[]> {
    const counted: Readonly<Record<(typeof EFFECTS)[number], readonly number[]>> = {
      'call with a key': this.#charges(),
      'call without a key': this.#perStep((step) => this.#requests(`/notify/${step}`).length),
      'row with a key': await this.#rows('keyed_entry'),
      'row without a key': await this.#rows('entry'),
      'line in a file': this.#lines(),
    };
    return EFFECTS.flatMap((effect) =>
      counted[effect].flatMap((times, index) => (times === 1 ? [] : [{ effect, step: index + 1, times }])),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#database.end();
    await this.#service.close();
  }

  async #alter(what: string): Promise<void> {
    await this.#database.query(`ALTER TABLE booking ${what}`);
  }

  /** The service honours keys: it acts once for each. */
  #charges(): readonly number[] {
    return this.#perStep((step) => new Set(this.#requests(`/charge/${step}`).map(({ key }) => key)).size);
  }

  #requests(path: string): CountingServer['requests'] {
    return this.#service.requests.filter((request) => request.path === path);
  }

  async #rows(table: 'entry' | 'keyed_entry'): Promise<readonly number[]> {
    const text = `SELECT step, count(*)::int AS times FROM ${table} GROUP BY step`;
    const rows: Rows = (await this.#database.query<Rows[number]>(text)).rows;
    return this.#perStep((step) => rows.find((row) => row.step === step)?.times ?? 0);
  }

  #lines(): readonly number[] {
    const journal = join(this.#jobFolder, JOURNAL);
    const lines = existsSync(journal) ? readFileSync(journal, 'utf8').split('\n') : [];
    return this.#perStep((step) => lines.filter((line) => line === `step ${step}`).length);
  }

  #perStep(count: (step: number) => number): readonly number[] {
    return Array.from({ length: STEPS }, (_, index) => count(index + 1));
  }
}
