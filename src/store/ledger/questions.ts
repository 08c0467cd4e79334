/** The table `question`: what people are asked, and were asked. */
import type { Digest } from '../../model/digest.ts';
import { QuestionSchema, type Question } from '../../model/question/question.ts';
import type { NamedRow } from '../sqlite-store.ts';
import { Columns } from './columns.ts';
import type { LedgerFile } from './file.ts';

const STATES = ['open', 'closed'] as const;

export interface QuestionRow {
  readonly question: Question;
  readonly state: (typeof STATES)[number];
}

const COLUMNS = new Columns('question');

export class QuestionTable {
  readonly #file: LedgerFile;

  constructor(file: LedgerFile) {
    this.#file = file;
  }

  find(digest: Digest): QuestionRow | undefined {
    const row = this.#file.get('SELECT body, state FROM question WHERE digest = ?', digest);
    return row === undefined ? undefined : { question: read(row), state: COLUMNS.oneOf(row, 'state', STATES) };
  }

  /** In the order in which they were asked. */
  open(jobId: string): readonly Question[] {
    return this.#file
      .all(`SELECT body FROM question WHERE job_id = ? AND state = 'open' ORDER BY rowid`, jobId)
      .map(read);
  }

  /** @param identity what makes it the same question as an earlier one, whatever else has changed */
  add(question: Question, identity: Digest): void {
    this.#file.run(
      `INSERT INTO question VALUES (?, ?, ?, ?, ?, ?, 'open')`,
      question.digest,
      question.jobId,
      question.kind,
      question.token ?? null,
      identity,
      JSON.stringify(question),
    );
  }

  /** Safe to repeat. */
  close(digest: Digest): void {
    this.#file.run(`UPDATE question SET state = 'closed' WHERE digest = ?`, digest);
  }
}

function read(row: NamedRow): Question {
  return COLUMNS.parsed(row, 'body', QuestionSchema, 'question');
}
