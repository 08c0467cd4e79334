/** A ledger with one job for each test of a file, in a folder of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach } from 'node:test';
import { LEDGER_FILE } from '../../src/store/ledger/file.ts';
import { Ledger } from '../../src/store/ledger/ledger.ts';

export const JOB = 'job@run';

export class TestLedger {
  directory!: string;
  ledger!: Ledger;

  begin(): void {
    this.directory = mkdtempSync(join(tmpdir(), 'holdfast-ledger-'));
    this.ledger = Ledger.open(this.directory, { create: true });
    this.ledger.addJob({
      jobId: JOB,
      workflowId: 'job',
      runId: 'run',
      settings: { databases: {}, watch: [], verifyAfterMs: 0, plan: null },
    });
  }

  end(): void {
    this.ledger.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Changes the ledger's file from outside. */
  raw(sql: string): void {
    const database = new DatabaseSync(join(this.directory, LEDGER_FILE));
    database.exec(sql);
    database.close();
  }
}

/** Begins anew before each test of the file. */
export function testLedger(): TestLedger {
  const fixture = new TestLedger();
  beforeEach(() => fixture.begin());
  afterEach(() => fixture.end());
  return fixture;
}
