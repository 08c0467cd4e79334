/**
 * Runs the step with sub-steps in processes that are killed, and looks at what it left, from outside. Who is not to be
 * killed is this process: a start of another takes longer than all that it would do.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesIn } from '../fault/support/kill-run.ts';
import { readRows, type Rows } from '../fault/support/outside-database.ts';
import { answerOf, startChild, type StartedChild } from './child-process.ts';
import { freshMemory } from './fresh-memory.ts';
import { linesOf, type Killing } from './killing.ts';
import { chainOf } from './ledger.ts';
import { carryOut, type SubStepEnd, type SubStepOrder } from './sub-step-child.ts';

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
  readonly root = mkdtempSync(join(tmpdir(), 'holdfast-sub-step-kills-'));

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Until a process ends by itself. `databaseUrl` default: a SQLite file in the workspace. */
  async untilItEnds(
    name: string,
    killing: Killing & Pick<SubStepOrder, 'way'>,
    databaseUrl?: string,
  ): Promise<SubStepRun> {
    const order = this.place(name, killing, databaseUrl);
    for (let processes = 1; ; processes++) {
      assert.ok(processes <= MAX_PROCESSES, `it did not end within ${MAX_PROCESSES} processes`);
      const end = mayBeKilled(order) ? await this.inChild(order) : await carryOut(order);
      if (end !== undefined) return await lookAt(order, end);
    }
  }

  /** The end of a process; undefined: it was killed. */
  async inChild(order: SubStepOrder): Promise<SubStepEnd | undefined> {
    return await answerOf<SubStepEnd>(this.start(order));
  }

  start(order: SubStepOrder, env: Readonly<Record<string, string>> = {}): StartedChild {
    return startChild({ script: CHILD, role: 'sub-steps', order, compiled: join(this.root, 'compiled'), env });
  }

  /** A workspace where nothing has happened. */
  place(name: string, killing: Partial<SubStepOrder> = {}, databaseUrl?: string): SubStepOrder {
    const folder = join(this.root, name.replaceAll(/\W+/g, '-'));
    const workspace = join(folder, 'workspace');
    const outside = join(folder, 'outside');
    mkdirSync(workspace, { recursive: true });
    mkdirSync(outside);
    writeFileSync(join(workspace, 'outer-input.txt'), 'given\n');
    return {
      workspace,
      outside,
      memory: freshMemory(name),
      databaseUrl: databaseUrl ?? `sqlite:${workspace}/db/main.db`,
      killed: join(outside, 'killed'),
      ...killing,
      ...(killing.hits !== undefined && { hits: join(outside, 'hits') }),
    };
  }
}

function mayBeKilled({ kill, kills, killOnceAt, killed }: SubStepOrder): boolean {
  const over = linesOf(killed!).length;
  return killOnceAt !== undefined || over < (kills?.length ?? (kill === undefined ? 0 : 1));
}

/** From outside. */
export async function lookAt(order: SubStepOrder, end: SubStepEnd): Promise<SubStepRun> {
  const { workspace, outside, memory, databaseUrl } = order;
  const records = chainOf(workspace, `${memory.workflowId}@${memory.firstRunId}`);
  return {
    end,
    files: filesIn(workspace),
    rows: await readRows(databaseUrl, QUERIES),
    effects: readdirSync(outside)
      .filter((file) => file.startsWith('effect-'))
      .map((file) => readFileSync(join(outside, file)).length),
    ran: linesOf(join(outside, 'ran')),
    killed: linesOf(join(outside, 'killed')),
    hits: countsOf(linesOf(join(outside, 'hits'))),
    recorded: records.flatMap((record) => (record.kind === 'step' ? [record.stepId] : [])),
  };
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
