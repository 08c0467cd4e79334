/**
 * A PostgreSQL database that was there, empty, and is filled for a fork: in a transaction that is committed when the
 * rest of the fork is made.
 */
import type { DatabaseTransaction, Database } from '../effects/database/database.ts';
import { openDatabase } from '../effects/database/open.ts';
import type { Change } from '../model/record/record.ts';
import type { Destination } from './destinations.ts';
import type { Moment } from './moment.ts';
import { dropHoldfastTables } from './postgres.ts';
import { rollForward } from './roll-forward.ts';
import { TIMEOUTS } from './rows.ts';

export class FilledDatabase {
  readonly destination: Destination;
  readonly database: Database;
  #transaction: DatabaseTransaction | undefined;
  isCommitted = false;

  private constructor(destination: Destination, database: Database) {
    this.destination = destination;
    this.database = database;
  }

  /** Nothing is in it yet. */
  static async open(destination: Destination): Promise<FilledDatabase> {
    const { name, to } = destination;
    const options = { workspaceRoot: '/', create: false, applicationName: 'holdfast fork' };
    return new FilledDatabase(destination, await openDatabase({ name, url: to }, options));
  }

  /** @returns what the record of the fork has otherwise. @throws HoldfastError `bad-input`, … */
  async fill(moment: Moment): Promise<readonly Change[]> {
    await this.database.ensureHoldfastTables();
    this.#transaction = await this.database.begin(TIMEOUTS);
    return await rollForward(this.database, this.#transaction, { base: this.destination.base!, moment });
  }

  async commit(): Promise<void> {
    await this.#transaction!.commit();
    this.isCommitted = true;
    await this.database.close();
  }

  /** It is as it was, unless it is committed. Safe to repeat. */
  async giveUp(): Promise<void> {
    if (this.isCommitted) return;
    await this.#transaction?.rollback().catch(() => undefined);
    await this.database.close();
    await dropHoldfastTables(this.destination.name, this.destination.to);
  }
}
