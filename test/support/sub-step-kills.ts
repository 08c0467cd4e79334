/** Runs the step with sub-steps in processes that are killed, and looks at what it left, from outside. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesIn } from '../fault/support/kill-run.ts';
import { readRows, type Rows } from '../fault/support/outside-database.ts';
import { answerOf, startChild } from './child-process.ts';
import { freshMemory } from './fresh-memory.ts';
import { linesOf, type Killing } from './killing.ts';
import { chainOf } from './ledger.ts';
import type { SubStepEnd, SubStepOrder } from './sub-step-child.ts';

const CHILD = new URL('./sub-step-child.ts', import.meta.url).pathname;
const MAX_PROCESSES = 150;
const QUERIES = {
  note: 'SELECT * FROM note ORDER BY id',
  tokens: 'SELECT CAST(count(*) AS INTEGER) AS times FROM holdfast_token',
};

export interface SubStepRun {
  readonly end: SubStepEnd;
  readonly files: Readonly<Record<string, string>>;
  /** And how many token rows there are. */
  readonly rows: Readonly<Record<string, Rows>>;
  /** How often each key took effect on the other side. */
  readonly effects: readonly number[];
  /** Which code ran, in order. */
  readonly ran: readonly string[];
  readonly killed: readonly string[];
  /** How often each point was hit. */
  readonly hits: ReadonlyMap<string, number>;
  /** Steps and sub-steps in the order of their records. */
  readonly recorded: readonly string[];
}

export class SubStepKills implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'holdfast-sub-step-kills-'));

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** Until a process ends by itself. `databaseUrl` default: a SQLite file in the workspace. */
  async untilItEnds(name: string, killing: Killing, databaseUrl?: string): Promise<SubStepRun> {
    const folder = join(this.#root, name.replaceAll(/\W+/g, '-'));
    const workspace = join(folder, 'workspace');
    const outside = join(folder, 'outside');
    mkdirSync(workspace, { recursive: true });
    mkdirSync(outside);
    writeFileSync(join(workspace, 'outer-input.txt'), 'given\n');
    const memory = freshMemory(name);
    const order: SubStepOrder = {
      workspace,
      outside,
      memory,
      databaseUrl: databaseUrl ?? `sqlite:${workspace}/db/main.db`,
      killed: join(outside, 'killed'),
      hits: join(outside, 'hits'),
      ...killing,
    };
    for (let processes = 1; ; processes++) {
      assert.ok(processes <= MAX_PROCESSES, `it did not end within ${MAX_PROCESSES} processes`);
      const started = startChild({ script: CHILD, role: 'sub-steps', order, compiled: join(this.#root, 'compiled') });
      const end = await answerOf<SubStepEnd>(started);
      if (end === undefined) continue;
      const records = chainOf(workspace, `${memory.workflowId}@${memory.firstRunId}`);
      return {
        end,
        files: filesIn(workspace),
        rows: await readRows(order.databaseUrl, QUERIES),
        effects: readdirSync(outside)
          .filter((file) => file.startsWith('effect-'))
          .map((file) => readFileSync(join(outside, file)).length),
        ran: linesOf(join(outside, 'ran')),
        killed: linesOf(join(outside, 'killed')),
        hits: countsOf(linesOf(join(outside, 'hits'))),
        recorded: records.flatMap((record) => (record.kind === 'step' ? [record.stepId] : [])),
      };
    }
  }
}

function countsOf(lines: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

/** What must not depend on kills. Parallel ones end in any order. */
export function comparable({ end, files, rows, effects, recorded }: SubStepRun): unknown {
  return { end, files, rows, effects, recorded: recorded.toSorted() };
}
