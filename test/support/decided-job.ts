/** The drifted job with steps that meet every kind of question; it brings about a question of each class. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import type { RepairResult } from '../../src/model/job/repair.ts';
import type { Answer, FindingClass } from '../../src/model/question/answer.ts';
import type { Question } from '../../src/model/question/question.ts';
import { defineStep, implementStep, openTestJob } from '../../src/testing.ts';
import { copyOf, PLAN, questionOf, SQLITE_FILE, stepsFor, WATCHES } from './drift.ts';
import { DriftedJob } from './drifted-job.ts';
import { onceAt } from './fault-hook.ts';
import { questionFrom } from './questions.ts';
import { sqliteScript } from './sqlite.ts';

/** Writes two files, the second over one that is there, and a row. */
const pair = defineStep({
  name: 'pair',
  input: z.object({ text: z.string() }),
  output: z.object({ rejection: z.string() }),
});
const pairCode = implementStep(pair, async (ctx, { text }) => {
  await ctx.files.write('b1.txt', `${text} 1\n`);
  await ctx.files.write('b2.txt', `${text} 2\n`);
  await ctx.db('main').upsert('note', { id: 9, text, size: ctx.generation });
  return { rejection: ctx.rejection === undefined ? '' : `${ctx.rejection.by}: ${ctx.rejection.reason}` };
});
/** Fails until it is mended. */
export const breaks = defineStep({ name: 'breaks', input: z.object({}), output: z.object({ ok: z.boolean() }) });
/** Makes a call that is cut off until it is mended. */
const calls = defineStep({ name: 'calls', input: z.object({}), output: z.object({ answer: z.string() }) });

/** A class of findings and an answer that it offers. */
export type Cell = `${FindingClass}/${Answer}`;
/** What proves that an answer does as the table says. */
export type Cases = Partial<Record<Cell, () => Promise<void>>>;

interface RaisedQuestion {
  readonly question: Question;
  /** Requests again the step that met the question. */
  readonly ask: () => Promise<Question>;
}

class DecidedJob extends DriftedJob {
  mended = false;
  /** Idempotency keys of the calls that were made. */
  readonly callKeys: string[] = [];
  /** Calls that each compensation was told of. */
  readonly compensated: unknown[] = [];

  constructor() {
    const breaksCode = implementStep(breaks, () => {
      if (!this.mended) throw new Error('the service says no');
      return { ok: true };
    });
    const callsCode = implementStep(
      calls,
      async (ctx) => ({
        answer: await ctx.perform('call', {
          request: { to: 'Ada' },
          run: ({ key }) => {
            this.callKeys.push(key);
            if (!this.mended) throw new Error('the connection was cut');
            return 'called';
          },
        }),
      }),
      {
        compensate: (_ctx, { calls: made }) => {
          this.compensated.push(made.map(({ answer, known }) => ({ answer, known })));
          if (!this.mended) throw new Error('the other side is away');
        },
      },
    );
    super([pairCode, breaksCode, callsCode]);
  }

  override async end(): Promise<void> {
    this.mended = false;
    this.callKeys.length = 0;
    this.compensated.length = 0;
    await super.end();
  }

  async runPair(): Promise<unknown> {
    return await this.job.step(pair, { text: 'ours' }, { stepId: 'pair' });
  }

  async runCalls(): Promise<unknown> {
    return await this.job.step(calls, {}, { stepId: 'calls' });
  }

  async runApproved(): Promise<unknown> {
    return await this.job.step(pair, { text: 'ours' }, { stepId: 'pair', approval: 'before-apply' });
  }

  /** A call in doubt, of a step that is undone. */
  async undoInDoubt(): Promise<Question> {
    const { question } = await RAISE['in-doubt']();
    repaired(await this.job.decide(question, { answer: 'abort', compensate: true }));
    return await questionFrom(this.job.undo());
  }
}

export const decided = new DecidedJob();

const askedByTheNextStep = async (): Promise<RaisedQuestion> => {
  const ask = (): Promise<Question> => questionOf(decided.job, decided.copy);
  return { question: await ask(), ask };
};
const askedBy = async (work: () => Promise<unknown>): Promise<RaisedQuestion> => {
  const ask = (): Promise<Question> => questionFrom(work());
  return { question: await ask(), ask };
};

/** Those that a job with a record asks. */
export type RaisedClass = Exclude<FindingClass, 'checkpoint'>;

/** Brings about a question of each. */
export const RAISE: { readonly [C in RaisedClass]: () => Promise<RaisedQuestion> } = {
  discrepancy: async () => {
    decided.begin();
    writeFileSync(decided.at('out/a.txt'), 'edited by a person\n');
    return await askedByTheNextStep();
  },
  unverifiable: async () => {
    decided.begin();
    writeFileSync(decided.at('main.db.away'), readFileSync(decided.at(SQLITE_FILE)));
    for (const file of ['', '-wal', '-shm'])
      if (existsSync(decided.at(SQLITE_FILE + file))) rmSync(decided.at(SQLITE_FILE + file));
    return await askedByTheNextStep();
  },
  approval: async () => {
    decided.begin();
    writeFileSync(decided.at('b2.txt'), 'older\n');
    return await askedBy(() => decided.runApproved());
  },
  conflict: async () => {
    decided.begin();
    writeFileSync(decided.at('b2.txt'), 'older\n');
    await decided.job.verify();
    onceAt('applying.after', () => writeFileSync(decided.at('b2.txt'), 'written by a person meanwhile\n'));
    return await askedBy(() => decided.runPair());
  },
  ahead: async () => {
    decided.begin('reset');
    return await askedByTheNextStep();
  },
  stuck: async () => {
    decided.begin();
    return await askedBy(() => decided.job.step(breaks, {}, { stepId: 'breaks', maxAttempts: 1 }));
  },
  'in-doubt': async () => {
    decided.begin();
    return await askedBy(() => decided.runCalls());
  },
  undo: async () => {
    decided.begin();
    writeFileSync(decided.at('out/a.txt'), 'edited by a person\n');
    return await askedBy(() => decided.job.undo());
  },
  damaged: async () => {
    decided.begin();
    const forged = `replace(body, '"text":"first"', '"text":"forged"')`;
    sqliteScript(decided.at('.holdfast/ledger.sqlite'), `UPDATE record SET body = ${forged} WHERE step_id = 'rows'`);
    return await askedByTheNextStep();
  },
  foreign: async () => {
    decided.copy = copyOf(decided.fixture);
    const { workspace, databaseUrl } = decided.copy;
    decided.job = openTestJob({
      workspace,
      steps: stepsFor(workspace) ?? [],
      databases: { main: databaseUrl },
      watch: WATCHES,
      plan: PLAN,
    });
    return await askedByTheNextStep();
  },
};

export function repaired(result: RepairResult): Extract<RepairResult, { kind: 'repaired' }> {
  assert.equal(result.kind, 'repaired', JSON.stringify(result));
  return result as Extract<RepairResult, { kind: 'repaired' }>;
}

export function digestOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
