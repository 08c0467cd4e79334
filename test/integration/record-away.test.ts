/** A record that is missing, and put back while the worker lives: what the question advises is done word for word. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob } from '../../src/testing.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { comparedQuestion, questionFrom } from '../support/questions.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

class AwayJob extends TestedJob {
  /** Of the workspace, to be moved to. */
  away!: string;

  override async begin(): Promise<void> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-away-')));
    this.away = join(folder, 'away');
    this.shell('mkdir ws', folder);
    this.job = openTestJob({ workspace: join(folder, 'ws') });
    await this.write('a');
    await this.write('b');
  }

  override async end(): Promise<void> {
    await super.end();
    rmSync(join(this.away, '..'), { recursive: true, force: true });
  }

  async write(stepId: string): Promise<unknown> {
    return await this.job.step(fileWriteStep, { path: `${stepId}.txt`, content: `${stepId}\n` }, { stepId });
  }

  /** As a person types it, in the workspace's folder or another. */
  shell(command: string, cwd = this.job.workspace): void {
    execFileSync('sh', ['-ec', command], { cwd, stdio: 'pipe' });
  }

  async asked(): Promise<Question> {
    const question = await comparedQuestion(this.job);
    assert.match(question.kind, /^(damaged|unverifiable)$/);
    return question;
  }

  /** recheck is carried out, the job goes on, and the record is whole once the worker has ended. */
  async goesOn(question: Question): Promise<void> {
    assert.deepEqual(await this.decide(question, { answer: 'recheck' }), ['the world is compared again']);
    await this.write('c');
    const { workspace, jobId } = this.job;
    await this.job.close();
    for (const stepId of ['a', 'b', 'c'])
      assert.equal(stepRecordsOf(workspace, jobId, stepId).length, 1, `the record of ${stepId}`);
  }
}

const away = forEachTest(new AwayJob());

test('a workspace that was moved away is not made anew; mv puts it back under the live worker', async () => {
  away.shell(`mv ws away`, join(away.away, '..'));
  const question = await questionFrom(away.write('c'));
  const [finding] = question.findings;
  assert.equal(finding!.kind, 'workspace-missing');
  assert.match(finding!.found.text, /ws is not there\. Expected the job's folder, with its 3 records/);
  assert.match(finding!.advice!, /Put the folder there as it was \(mv it back, .*the worker may stay up/);
  assert.equal(existsSync(away.job.workspace), false);
  away.shell(`mv away ws`, join(away.away, '..'));
  await away.goesOn(question);
});

test('what stands in the place of a workspace is told: a file, a link to nowhere', async () => {
  away.shell('mv ws away; touch ws', join(away.away, '..'));
  assert.match((await away.asked()).findings[0]!.found.text, /ws" cannot be the workspace: a file stands there/);
  away.shell('rm ws; ln -s /nowhere ws', join(away.away, '..'));
  assert.match((await away.asked()).findings[0]!.found.text, /ws" is a symbolic link to "\/nowhere", where nothing is/);
  const question = await away.asked();
  away.shell('rm ws; mv away ws', join(away.away, '..'));
  await away.goesOn(question);
});

for (const [how, command] of [
  ['mv', 'mv ../away .holdfast'],
  ['cp -a', 'cp -a ../away .holdfast'],
  ['mkdir and cp of the files', 'mkdir .holdfast; cp -a ../away/* .holdfast/'],
] as const)
  test(`a .holdfast folder that is missing is not made anew; ${how} puts it back under the live worker`, async () => {
    away.shell('mv .holdfast ../away');
    const question = await questionFrom(away.write('c'));
    const [finding] = question.findings;
    assert.equal(finding!.kind, 'ledger-missing');
    assert.match(finding!.advice!, /Put the workspace's own \.holdfast folder back at .*\/ws\/\.holdfast/);
    assert.equal(existsSync(away.at('.holdfast')), false);
    away.shell(command);
    await away.goesOn(question);
  });

test("another job's record in its place is no record of this job, and none is begun in it", async () => {
  away.shell('mkdir ../other');
  const other = openTestJob({ workspace: join(away.away, '../other') });
  await other.step(fileWriteStep, { path: 'x.txt', content: 'x' }, { stepId: 'x' });
  await other.release();
  await other.close();
  away.shell('mv .holdfast ../away; cp -a ../other/.holdfast .holdfast');
  const question = await questionFrom(away.write('c'));
  assert.deepEqual(
    question.findings.map(({ resource, kind }) => `${resource} ${kind}`),
    ['ledger: ledger-missing'],
  );
  away.shell('rm -r .holdfast; mv ../away .holdfast');
  await away.goesOn(question);
});

test('a damaged record is let go of: a sound copy is put there as advised, and the job goes on', async () => {
  away.shell('cp -a .holdfast ../away');
  sqliteScript(away.at('.holdfast/ledger.sqlite'), "UPDATE record SET body = replace(body, 'a.txt', 'x.txt')");
  const question = await away.asked();
  assert.equal(question.findings[0]!.kind, 'ledger-damaged');
  const advised = /mv \.holdfast \.holdfast\.bad, then cp -a the whole \.holdfast folder of the copy there/;
  assert.match(question.findings[0]!.advice!, advised);
  away.shell('mv .holdfast .holdfast.bad; cp -a ../away .holdfast');
  await away.goesOn(question);
});

test('a ledger that is replaced while the worker has it open keeps its log; the other does not get it', async () => {
  // A copy of now; then the worker goes on, and writes the log.
  away.shell('cp -a .holdfast ../away');
  await away.write('later');
  away.shell(
    'rm -f ../away/ledger.sqlite-shm; mv .holdfast/ledger.sqlite ../newer; cp -a ../away/ledger.sqlite .holdfast/',
  );
  const question = await away.asked();
  assert.match(question.findings[0]!.kind, /ledger-(behind|missing)/);
  assert.ok(readdirSync(away.at('.holdfast')).includes('ledger.sqlite-wal.replaced'));
  away.shell(
    'mv .holdfast/ledger.sqlite-wal.replaced .holdfast/ledger.sqlite-wal; mv ../newer .holdfast/ledger.sqlite',
  );
  await away.goesOn(question);
});
