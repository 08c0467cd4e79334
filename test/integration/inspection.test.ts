/** A look at a workspace from outside: it sees what is there, holds nobody up, and leaves no trace. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { dbSqlStep } from '../../src/model/step/built-in/database.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { isFailure } from '../../src/model/failure.ts';
import { WorkspaceInspection } from '../../src/protocol/inspect/inspection.ts';
import { BUILT_IN_IMPLEMENTATIONS } from '../../src/steps/built-in.ts';
import { openTestJob } from '../../src/testing.ts';
import { sqliteScript } from '../support/sqlite.ts';
import { forEachTest, TestedJob } from '../support/tested-job.ts';

const DATABASE = 'data/main.db';
const options = { steps: new Map(BUILT_IN_IMPLEMENTATIONS.map((step) => [step.contract.name, step])) };

class InspectedJob extends TestedJob {
  override async begin(): Promise<void> {
    this.job = openTestJob({ databases: { main: `sqlite:${DATABASE}` } });
    const sql = 'CREATE TABLE note (id INTEGER PRIMARY KEY)';
    await this.job.step(dbSqlStep, { database: 'main', sql, writes: ['note'] }, { stepId: 'table' });
    await this.write('a.txt', 'one\n');
  }

  async write(path: string, content: string, stepId = path): Promise<void> {
    await this.job.step(fileWriteStep, { path, content }, { stepId });
  }

  async look<T>(work: (inspection: WorkspaceInspection) => T | Promise<T>): Promise<T> {
    await using inspection = await WorkspaceInspection.open(this.job.workspace, {});
    return await work(inspection);
  }

  /** Every file and folder, `.holdfast` included, with its time. */
  fingerprint(): readonly string[] {
    return readdirSync(this.job.workspace, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((place) => {
        const stat = statSync(this.at(place));
        const content = stat.isFile()
          ? createHash('sha256')
              .update(readFileSync(this.at(place)))
              .digest('hex')
          : '';
        return `${place} ${stat.mode} ${stat.mtimeMs} ${content}`;
      });
  }
}

const inspected = forEachTest(new InspectedJob());

const copies = (): readonly string[] =>
  readdirSync(tmpdir()).filter((name) => name.startsWith('holdfast-inspect-') && !name.endsWith('.lock'));

test('a look finds the jobs, the bound one first, their records and what is in order; it leaves no trace', async () => {
  const { jobId, memory } = inspected.job;
  const before = inspected.fingerprint();
  const others = copies();
  await inspected.look(async (look) => {
    assert.equal(copies().filter((name) => !others.includes(name)).length, 1);
    assert.deepEqual(
      [look.job(), look.job(jobId), look.job(memory.workflowId)].map((job) => [job.jobId, job.state, job.isBound]),
      Array.from({ length: 3 }, () => [jobId, 'open', true]),
    );
    assert.throws(() => look.job('another'), /has no record of job another; it has test-/);
    assert.deepEqual(
      look.chain(jobId).map(({ record }) => (record.kind === 'step' ? record.stepId : record.kind)),
      ['opened', 'watched', 'table', 'a.txt'],
    );
    assert.deepEqual([look.integrityProblems(jobId), look.openQuestions(jobId)], [[], []]);
    const { findings, resources, unknownSteps } = await look.compareWorld(jobId, options);
    assert.deepEqual([findings, unknownSteps], [[], []]);
    assert.ok(resources >= 2);
    const [database] = await look.databases(jobId);
    assert.deepEqual([database!.reachable, database!.problem, database!.fenceTerm], [true, undefined, memory.term]);
    const undone = await look.undoPreview(jobId, options.steps);
    assert.deepEqual(
      undone.map(({ stepId }) => stepId),
      ['a.txt', 'table'],
    );
    assert.deepEqual(undone[0]!.undoes, ['file:a.txt']);
    assert.match(undone[1]!.leaves[0]!.why, /has no undo/);
  });
  assert.deepEqual(inspected.fingerprint(), before);
  assert.deepEqual(
    copies().filter((name) => !others.includes(name)),
    [],
  );
});

test('a look finds what differs; what a step has committed meanwhile is no difference', async () => {
  const { jobId } = inspected.job;
  await inspected.look(async (look) => {
    await inspected.write('a.txt', 'two\n', 'later');
    assert.deepEqual((await look.compareWorld(jobId, options)).findings, []);
    writeFileSync(inspected.at('a.txt'), 'by a person\n');
    const { findings } = await look.compareWorld(jobId, options);
    assert.deepEqual(
      findings.map(({ resource, kind }) => [resource, kind]),
      [['file:a.txt', 'changed']],
    );
    assert.match(findings[0]!.difference, /^-two\n\+by a person/m);
  });
});

test('a look at a database that is gone, or whose folder is, makes neither', async () => {
  const { jobId } = inspected.job;
  for (const gone of [DATABASE, 'data']) {
    rmSync(inspected.at(gone), { recursive: true });
    const before = inspected.fingerprint();
    await inspected.look(async (look) => {
      const [database] = await look.databases(jobId);
      assert.equal(database!.reachable, false);
      assert.match(database!.problem!, /gone|not there/);
    });
    assert.deepEqual(inspected.fingerprint(), before, gone);
  }
});

test('a look at no folder, no record or a damaged one says which; its copy is removed', async () => {
  const others = copies();
  const opening = (folder: string): Promise<unknown> => WorkspaceInspection.open(folder, {});
  await assert.rejects(opening(inspected.at('nowhere')), /There is no folder/);
  mkdirSync(inspected.at('empty'));
  await assert.rejects(opening(inspected.at('empty')), /has no record of a job \(no \.holdfast\/ledger\.sqlite\)/);
  const { jobId } = inspected.job;
  const forged = `replace(body, 'a.txt', 'z.txt')`;
  sqliteScript(inspected.at('.holdfast/ledger.sqlite'), `UPDATE record SET body = ${forged} WHERE step_id = 'a.txt'`);
  await inspected.look(async (look) => {
    assert.notDeepEqual(look.integrityProblems(jobId), []);
    await assert.rejects(look.compareWorld(jobId, options), (error) => isFailure(error, 'ledger-damaged'));
  });
  writeFileSync(inspected.at('.holdfast/ledger.sqlite'), 'no database');
  rmSync(inspected.at('.holdfast/ledger.sqlite-wal'));
  await assert.rejects(opening(inspected.job.workspace), (error) => isFailure(error, 'ledger-damaged'));
  assert.ok(existsSync(inspected.at('.holdfast/ledger.sqlite')));
  assert.deepEqual(
    copies().filter((name) => !others.includes(name)),
    [],
  );
});
