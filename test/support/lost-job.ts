/** A job in this process whose record is lost: steps that write a file, say something in a database, make a call. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import type { CheckpointNote } from '../../src/model/checkpoint/note.ts';
import { defined } from '../../src/model/defined.ts';
import type { Question } from '../../src/model/question/question.ts';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { defineStep, implementStep, openTestJob, type TestJobMemory } from '../../src/testing.ts';
import { comparedQuestion } from './questions.ts';
import { sqliteRows, sqliteScript } from './sqlite.ts';
import { Notes } from './stored-job.ts';
import { TestedJob } from './tested-job.ts';

export const call = defineStep({ name: 'call', input: z.object({ fail: z.boolean() }), output: z.string() });

export class LostJob extends TestedJob {
  folder!: string;
  calls: string[] = [];
  notes = new Notes();
  noted = new Map<string, CheckpointNote>();
  isFailing = false;

  override begin(): void {
    this.folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-lost-')));
    mkdirSync(join(this.folder, 'ws'));
    sqliteScript(join(this.folder, 'ws', 'main.db'), 'CREATE TABLE said (text TEXT); CREATE TABLE once (text TEXT)');
    this.calls = [];
    this.notes = new Notes();
    this.isFailing = false;
    this.noted = new Map();
    this.open();
  }

  open(checkpoint?: { readonly store: string }, resume?: TestJobMemory): void {
    const called = implementStep(call, async (ctx) => {
      const answer = await ctx.perform('ring', { request: {}, run: ({ key }) => (this.calls.push(key), 'rung') });
      if (this.isFailing) throw new Error('the worker was lost');
      return answer;
    });
    this.job = openTestJob({
      workspace: join(this.folder, 'ws'),
      steps: [called],
      databases: { main: 'sqlite:main.db' },
      ...defined({ checkpoint, resume }),
    });
  }

  override async end(): Promise<void> {
    await super.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async write(stepId: string, content = `${stepId}\n`): Promise<unknown> {
    const note = this.noted.get(stepId) ?? this.notes.next({ next: [stepId] });
    this.noted.set(stepId, note);
    const checkpoints = [note];
    return await this.job.step(fileWriteStep, { path: `${stepId}.txt`, content }, { stepId, checkpoints });
  }

  async say(stepId: string): Promise<unknown> {
    const sql = "INSERT INTO said VALUES ('said')";
    return await this.job.step(dbSqlStep, { database: 'main', sql, writes: ['said'] }, { stepId });
  }

  shell(command: string): void {
    execFileSync('sh', ['-ec', command], { cwd: this.job.workspace, stdio: 'pipe' });
  }

  lose(): void {
    rmSync(this.at('.holdfast'), { recursive: true });
  }

  async asked(): Promise<Question> {
    const question = await comparedQuestion(this.job);
    assert.equal(question.kind, 'damaged', JSON.stringify(question.findings));
    return question;
  }

  get said(): number {
    return sqliteRows(this.at('main.db'), 'SELECT * FROM said').length;
  }
}
