/** The ledger's tables over one file. */
import type { Digest } from '../../model/digest.ts';
import { CallTable } from './calls.ts';
import { CheckedTable } from './checked.ts';
import { ClaimTable } from './claims.ts';
import { ContentTable } from './contents.ts';
import { EffectMarkTable } from './effect-marks.ts';
import type { LedgerFile } from './file.ts';
import { GenerationTable } from './generations.ts';
import { IntentTable } from './intents.ts';
import { JobRows } from './job-rows.ts';
import { JobTable } from './jobs.ts';
import { ManifestTable } from './manifest.ts';
import { MetaTable } from './meta.ts';
import { OnceTable } from './once.ts';
import { QuestionTable } from './questions.ts';
import { RecordTable } from './records.ts';
import { RepairTable } from './repairs.ts';
import { UndoRulingTable } from './undo-rulings.ts';
import { WorkerTable } from './workers.ts';

export interface LedgerTables {
  readonly file: LedgerFile;
  readonly meta: MetaTable;
  readonly jobs: JobTable;
  readonly workers: WorkerTable;
  readonly claims: ClaimTable;
  readonly once: OnceTable;
  readonly calls: CallTable;
  readonly intents: IntentTable;
  readonly marks: EffectMarkTable;
  readonly contents: ContentTable;
  readonly records: RecordTable;
  readonly manifest: ManifestTable;
  readonly checked: CheckedTable;
  readonly questions: QuestionTable;
  readonly repairs: RepairTable;
  readonly generations: GenerationTable;
  readonly rulings: UndoRulingTable;
  readonly rows: JobRows;
}

export function tablesOf(file: LedgerFile): LedgerTables {
  return {
    file,
    meta: new MetaTable(file),
    jobs: new JobTable(file),
    workers: new WorkerTable(file),
    claims: new ClaimTable(file),
    once: new OnceTable(file),
    calls: new CallTable(file),
    intents: new IntentTable(file),
    marks: new EffectMarkTable(file),
    contents: new ContentTable(file),
    records: new RecordTable(file),
    manifest: new ManifestTable(file),
    checked: new CheckedTable(file),
    questions: new QuestionTable(file),
    repairs: new RepairTable(file),
    generations: new GenerationTable(file),
    rulings: new UndoRulingTable(file),
    rows: new JobRows(file),
  };
}

/** Are the changes of a token recorded that begins with these digits? */
export function hasSettled({ file }: LedgerTables, digits: string): boolean {
  // Of digits: no token that begins with these comes behind.
  const range = [digits, `${digits}g`];
  const found = file.get(
    `SELECT 1 FROM record WHERE kind = 'step' AND token BETWEEN ? AND ?
     UNION ALL SELECT 1 FROM record WHERE kind = 'undone' AND token BETWEEN ? AND ?
     UNION ALL SELECT 1 FROM repair WHERE question BETWEEN ? AND ? AND state = 'done' LIMIT 1`,
    ...range,
    ...range,
    ...range,
  );
  return found !== undefined;
}

export function hasIssued({ records, intents, repairs }: LedgerTables, token: Digest): boolean {
  return records.has(token, 'step') || records.has(token, 'undone') || intents.isApplying(token) || repairs.has(token);
}
