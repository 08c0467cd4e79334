/** What every implementation of `Database` must do, run over each by its own test file. */
import type { Conformance } from '../support/database-subject.ts';
import { queriesConform } from './database.queries.conformance.ts';
import { rowsConform } from './database.rows.conformance.ts';
import { transactionsConform } from './database.transactions.conformance.ts';

export function databaseConformance(conformance: Conformance): void {
  transactionsConform(conformance);
  rowsConform(conformance);
  queriesConform(conformance);
}
