/** Bad input: each is a clear error or question that says what to do, and nothing is changed. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import * as z from 'zod';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import { HoldfastError, isFailure } from '../../src/model/failure.ts';
import type { FailureType } from '../../src/model/failures.ts';
import { MAX_OUTPUT_BYTES } from '../../src/model/job/run-step.ts';
import { defineStep, implementStep, openTestJob, type TestJob } from '../../src/testing.ts';
import { stepRecordsOf } from '../support/ledger.ts';
import { questionFrom } from '../support/questions.ts';
import { snapshotFiles } from '../support/snapshot.ts';

let outside: string;
let job: TestJob;

const returns = defineStep({
  name: 'returns',
  input: z.object({ what: z.string() }),
  output: z.object({ count: z.int() }),
});
const loose = defineStep({ name: 'loose', input: z.object({ what: z.string() }), output: z.any() });
const chosen = defineStep({
  name: 'chosen',
  input: z.object({
    pay: z.union([
      z.object({ kind: z.literal('card'), amount: z.int().optional() }),
      z.object({ kind: z.literal('cash') }),
    ]),
  }),
  output: z.any(),
});
const OUTPUTS: Readonly<Record<string, () => unknown>> = {
  wrong: () => ({ count: 'three' }),
  large: () => 'x'.repeat(MAX_OUTPUT_BYTES + 1),
  date: () => ({ at: [new Date(0)] }),
  nan: () => ({ ratio: Number.NaN }),
  undefined: () => ({ nothing: undefined }),
  cycle: () => {
    const value: Record<string, unknown> = {};
    value['self'] = value;
    return value;
  },
};
const codeOf = (contract: typeof returns | typeof loose): never =>
  implementStep(contract, async (ctx, { what }) => {
    await ctx.files.write('staged.txt', 'never applied');
    return OUTPUTS[what]!() as never;
  }) as never;

beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'holdfast-outside-'));
  writeFileSync(join(outside, 'theirs.txt'), 'theirs\n');
  job = openTestJob({ steps: [codeOf(returns), codeOf(loose)], databases: { main: '${{ env.MAIN_URL }}' } });
  writeFileSync(join(job.workspace, 'present.txt'), 'present\n');
});

afterEach(async () => {
  await job.close();
  rmSync(outside, { recursive: true, force: true });
});

/** The step can't go on; the question names the failure and what to do, and nothing is changed. */
async function isStuck(type: FailureType, message: RegExp, work: () => Promise<unknown>): Promise<void> {
  const before = { inside: snapshotFiles(job.workspace), outside: snapshotFiles(outside) };
  const question = await questionFrom(work());
  assert.equal(question.kind, 'stuck');
  const [finding] = question.findings;
  assert.ok(finding!.found.text.startsWith(`${type}: `), finding!.found.text);
  assert.match(finding!.difference, message);
  assert.equal(finding!.advice, new HoldfastError(type, '').nextStep);
  assert.deepEqual(finding!.answers, ['rerun', 'recheck', 'abort']);
  assert.deepEqual({ inside: snapshotFiles(job.workspace), outside: snapshotFiles(outside) }, before);
}

const noDatabase = (): TestJob =>
  openTestJob({
    steps: [codeOf(returns), codeOf(loose), implementStep(chosen, () => null)],
  });

async function without(body: () => Promise<void>): Promise<void> {
  await job.close();
  job = noDatabase();
  await body();
}

for (const [path, type, message] of [
  ['../escape.txt', 'outside-workspace', /\.\./],
  ['a/../../escape.txt', 'outside-workspace', /\.\./],
  ['/tmp/holdfast-escape.txt', 'outside-workspace', /holdfast-escape\.txt/],
  ['.holdfast/ledger.sqlite', 'reserved-path', /\.holdfast/],
  ['link/escape.txt', 'outside-workspace', /link/],
] as const) {
  test(`a write to ${path} is refused`, async () => {
    await without(async () => {
      symlinkSync(outside, join(job.workspace, 'link'));
      await isStuck(type, message, () => job.step(fileWriteStep, { path, content: 'x' }));
      assert.deepEqual(readdirSync(outside), ['theirs.txt']);
    });
  });
}

test('a symbolic link out of the workspace is not read through, nor written through', async () => {
  await without(async () => {
    symlinkSync(join(outside, 'theirs.txt'), join(job.workspace, 'link.txt'));
    await isStuck('bad-input', /symlink/, () =>
      job.run({ stepId: 'copy', step: 'file.copy', input: { from: 'link.txt', to: 'copy.txt' } }),
    );
  });
});

test('a folder that becomes a link out of the workspace while the step runs is not followed', async () => {
  await job.close();
  const swap = implementStep(defineStep({ name: 'swap', input: z.object({}), output: z.object({}) }), async (ctx) => {
    await ctx.files.write('folder/escape.txt', 'x');
    rmSync(join(job.workspace, 'folder'), { recursive: true, force: true });
    symlinkSync(outside, join(job.workspace, 'folder'));
    return {};
  });
  job = openTestJob({ steps: [swap] });
  mkdirSync(join(job.workspace, 'folder'));
  await questionFrom(job.run({ stepId: 'swap', step: 'swap', input: {} }));
  assert.deepEqual(readdirSync(outside), ['theirs.txt']);
});

test('an output that does not fit its schema is refused before anything is applied', async () => {
  await without(() => isStuck('bad-output', /count: .*number.*string/s, () => job.step(returns, { what: 'wrong' })));
});

test('an output that is too large is refused before anything is applied', async () => {
  await without(() => isStuck('too-large', /262147 bytes; at most 262144/, () => job.step(loose, { what: 'large' })));
});

for (const [what, message] of [
  ['date', /output\.at\[0\] is a Date, not a plain object/],
  ['nan', /output\.ratio is NaN/],
  ['undefined', /output\.nothing is undefined/],
  ['cycle', /output\.self .*cycle/],
] as const) {
  test(`state that is not JSON (${what}) is refused and its path named`, async () => {
    await without(() => isStuck('not-json', message, () => job.step(loose, { what })));
  });
}

test('a step that is given no input at all is refused, and not taken for one with another input', async () => {
  await without(async () => {
    const given = { stepId: 'w', step: 'loose', input: undefined as never };
    await assert.rejects(job.run(given), (error) => isFailure(error, 'not-json') && /\$\.input/.test(error.message));
  });
});

test('an input that does not fit the contract is refused', async () => {
  await without(() =>
    isStuck('bad-input', /path: .*string/, () =>
      job.run({ stepId: 'w', step: 'file.write', input: { path: 3, content: 'x' } }),
    ),
  );
});

test('a field that the contract does not have is refused, and the one that is meant is named', async () => {
  await without(() =>
    isStuck('bad-input', /field wat, .*one of what\. Did you mean "what"\?/, () =>
      job.run({ stepId: 'w', step: 'loose', input: { what: 'large', wat: 3 } }),
    ),
  );
});

test('a field that the form of a union would drop is refused, and the one that is meant is named', async () => {
  await without(() =>
    isStuck('bad-input', /field pay\.amout, .*one of kind, amount\. Did you mean "amount"\?/, () =>
      job.run({ stepId: 'w', step: 'chosen', input: { pay: { kind: 'card', amout: 3 } } }),
    ),
  );
});

test('a step that the worker has no code for is refused and the ones it has are named', async () => {
  await without(() =>
    isStuck('unknown-step', /no code for step "missing"; it has file\.write/, () =>
      job.run({ stepId: 'm', step: 'missing', input: {} }),
    ),
  );
});

test('a missing environment variable is named, its value never', async () => {
  const result = await job.verify();
  assert.ok(result.kind === 'question');
  assert.equal(result.question.kind, 'unverifiable');
  const [finding] = result.question.findings;
  assert.equal(finding?.resource, 'database:main');
  assert.match(finding?.found.text ?? '', /\$\{\{ env\.MAIN_URL \}\}, and the worker's environment has no MAIN_URL/);
  assert.deepEqual(finding?.answers, ['recheck', 'abort']);
  const question = await questionFrom(job.step(fileWriteStep, { path: 'a.txt', content: 'x' }));
  assert.equal(question.digest, result.question.digest, 'nothing goes on');
  assert.equal(existsSync(join(job.workspace, 'a.txt')), false);
});

const step = { id: 'a', use: 'file.write', with: { path: 'a.txt', content: 'x' } };
const base = { schemaVersion: 1, name: 'plan', workspace: 'w' };
for (const [name, plan, message] of [
  ['an unknown field', { ...base, steps: [step], retries: 3 }, /retries/],
  ['an unknown field of a step', { ...base, steps: [{ ...step, need: ['b'] }] }, /need\b/],
  [
    'a cycle',
    {
      ...base,
      steps: [
        { ...step, needs: ['b'] },
        { ...step, id: 'b', with: { path: 'b.txt', content: 'x' }, needs: ['a'] },
      ],
    },
    /a.*b|cycle/,
  ],
  ['a need that is no step', { ...base, steps: [{ ...step, needs: ['missing'] }] }, /missing/],
  ['duplicate ids', { ...base, steps: [step, { ...step, with: { path: 'b.txt', content: 'x' } }] }, /"a"|\ba\b/],
  [
    'a reference to no step',
    { ...base, steps: [{ ...step, with: { path: 'a.txt', content: '${{ steps.missing.output.x }}' } }] },
    /missing/,
  ],
  ['parallel writers of one file', { ...base, steps: [step, { ...step, id: 'b' }] }, /a\.txt/],
  [
    'a literal database URL',
    { ...base, databases: { main: { url: 'postgres://u:Zanzibar-9@h/d' } }, steps: [step] },
    /env\.NAME/,
  ],
] as const) {
  test(`a plan with ${name} is refused before the workspace is touched`, async () => {
    await without(async () => {
      await assert.rejects(job.runPlan(plan), (error: unknown) => {
        assert.ok(error instanceof HoldfastError, String(error));
        assert.equal(error.type, 'bad-plan');
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /Zanzibar/);
        return true;
      });
      assert.deepEqual(readdirSync(job.workspace), []);
    });
  });
}

test("a plan's input that does not fit is refused before the workspace is touched", async () => {
  await without(async () => {
    const plan = {
      ...base,
      input: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
      steps: [step],
    };
    await assert.rejects(job.runPlan(plan, {}), /city/);
    assert.deepEqual(readdirSync(job.workspace), []);
  });
});

test('a second job in a workspace asks, does nothing, and goes on once the first has released it', async () => {
  await without(async () => {
    await job.step(fileWriteStep, { path: 'first.txt', content: 'first\n' });
    const second = openTestJob({ workspace: job.workspace, openJobs: [job.jobId] });
    const before = snapshotFiles(job.workspace);
    try {
      const question = await questionFrom(second.step(fileWriteStep, { path: 'second.txt', content: 'second\n' }));
      assert.equal(question.kind, 'foreign');
      assert.equal(question.findings[0]!.resource, 'workspace:');
      assert.match(
        question.findings[0]!.found.text,
        new RegExp(`it belongs to job ${job.jobId}, which is still running`),
      );
      assert.deepEqual(question.findings[0]!.answers, ['recheck', 'abort']);
      assert.equal(
        (await second.decide(question, { answer: 'accept' })).kind,
        'refused',
        'a running job is not put out',
      );
      assert.deepEqual(snapshotFiles(job.workspace), before);
      await job.step(fileWriteStep, { path: 'first.txt', content: 'goes on\n' });
      await job.release();
      await second.step(fileWriteStep, { path: 'second.txt', content: 'second\n' });
      assert.equal(stepRecordsOf(second.workspace, second.jobId, 'file.write').length, 1);
    } finally {
      await second.close();
    }
  });
});
