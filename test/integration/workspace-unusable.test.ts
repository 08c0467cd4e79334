/**
 * A workspace or a record that can't be used: what passes is tried again, what doesn't is a question that names the
 * path and what stands there. Neither ends the job.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { openTestJob, QuestionAsked, type TestJob } from '../../src/testing.ts';

let folder: string;
let workspace: string;
let job: TestJob;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-unusable-')));
  workspace = join(folder, 'parent', 'workspace');
  mkdirSync(workspace, { recursive: true });
  job = openTestJob({ workspace });
});

afterEach(async () => {
  setFaultHook(undefined);
  await job.close();
  rmSync(folder, { recursive: true, force: true });
});

const write = (): Promise<unknown> => job.step(fileWriteStep, { path: 'a.txt', content: 'a\n' });

async function asked(): Promise<QuestionAsked['question']> {
  try {
    await write();
  } catch (error) {
    if (error instanceof QuestionAsked) return error.question;
    throw error;
  }
  return assert.fail('nobody was asked');
}

const inWay = (path: string): string => join(workspace, path);

const STANDING: readonly {
  readonly what: string;
  readonly put: () => void;
  readonly names: () => string;
  readonly says: RegExp;
}[] = [
  {
    what: 'a file in the place of the workspace',
    put: () => writeFileSync(workspace, ''),
    names: () => workspace,
    says: /a file stands there/,
  },
  {
    what: 'a FIFO in the place of the workspace',
    put: () => void execFileSync('mkfifo', [workspace]),
    names: () => workspace,
    says: /a FIFO stands there/,
  },
  {
    what: 'a workspace that is a link to a disk which is not mounted',
    put: () => symlinkSync(join(folder, 'disk'), workspace),
    names: () => workspace,
    says: /is a symbolic link to ".*\/disk", where nothing is/,
  },
  {
    what: 'a workspace that is a link to itself',
    put: () => symlinkSync(workspace, workspace),
    names: () => workspace,
    says: /leads in a circle/,
  },
  {
    what: 'a file in the place of a folder above the workspace',
    put: () => {
      rmSync(dirname(workspace), { recursive: true });
      writeFileSync(dirname(workspace), '');
    },
    names: () => workspace,
    says: /a file stands in the place of a folder above it/,
  },
  {
    what: 'a file in the place of .holdfast',
    put: () => {
      mkdirSync(workspace);
      writeFileSync(inWay('.holdfast'), '');
    },
    names: () => inWay('.holdfast'),
    says: /a file stands there/,
  },
  {
    what: 'a folder in the place of the ledger',
    put: () => mkdirSync(inWay('.holdfast/ledger.sqlite'), { recursive: true }),
    names: () => inWay('.holdfast/ledger.sqlite'),
    says: /a folder stands there/,
  },
];

for (const { what, put, names, says } of STANDING)
  test(`${what} is a question that names both, and the job goes on when it has gone`, async () => {
    rmSync(workspace, { recursive: true });
    put();
    const question = await asked();
    assert.equal(question.kind, 'unverifiable');
    const [finding] = question.findings;
    assert.equal(finding?.kind, 'workspace-missing');
    assert.ok(finding.found.text.includes(names()), finding.found.text);
    assert.match(finding.found.text, says);
    assert.match(finding.advice ?? '', /then answer recheck/i);
    rmSync(dirname(workspace), { recursive: true });
    mkdirSync(workspace, { recursive: true });
    await job.decide(question, { answer: 'recheck' });
    await write();
  });

test('an abort holds where the workspace has gone', async () => {
  rmSync(workspace, { recursive: true });
  writeFileSync(workspace, '');
  const question = await asked();
  rmSync(workspace);
  const result = await job.decide(question, { answer: 'abort' });
  assert.equal(result.kind, 'repaired');
  assert.deepEqual(result.kind === 'repaired' && result.answers, ['abort']);
});

test('a file in the place of a workspace that has a record is a question, wherever the job is', async () => {
  await write();
  renameSync(workspace, join(folder, 'away'));
  writeFileSync(workspace, '');
  assert.equal((await asked()).findings[0]?.kind, 'workspace-missing');
  await assert.rejects(job.undo(), (error) => error instanceof QuestionAsked);
  rmSync(workspace);
  renameSync(join(folder, 'away'), workspace);
  await job.step(fileWriteStep, { path: 'b.txt', content: 'b\n' }, { stepId: 'b' });
});

for (const code of ['ENOSPC', 'EIO', 'EMFILE', 'EROFS'])
  test(`${code} while a new ledger is made may pass: it is tried again, and nobody is asked`, async () => {
    setFaultHook((point) => {
      if (point === 'ledger-commit.before') throw Object.assign(new Error(code), { code });
    });
    await assert.rejects(write(), (error) => isFailure(error, 'storage-failed') && error.message.includes(code));
    setFaultHook(undefined);
    await write();
  });
