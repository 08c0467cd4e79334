/** The command line against a real server, worker and workspace: each command, each exit code. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import type { Decided, JobListing, ListedJob, StartedJob } from '../../src/client.ts';
import type { Question } from '../../src/model/question/question.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { defineStep, implementStep } from '../../src/model/step/step.ts';
import { bundleWorkflows, createWorker, type HoldfastWorker } from '../../src/worker.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { cli, type Ran, type TerminalOptions } from '../support/cli-terminal.ts';
import { testTemporal } from '../support/temporal.ts';

const temporal = await testTemporal();
const taskQueue = temporal.unique('queue');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-cli-')));
const env = { ...process.env, ...temporal.env, NO_COLOR: '1' };
let worker: HoldfastWorker;
let running: Promise<void>;

/** Holds a job between two steps until the test lets it go on; a gate that was opened stays open when its step runs again. */
const gates = new Map<string, PromiseWithResolvers<void>>();
const gate = implementStep(
  defineStep({ name: 'gate', input: z.strictObject({ name: z.string() }), output: z.strictObject({}) }),
  async (ctx, { name }) => {
    const here = gates.get(name) ?? Promise.withResolvers<void>();
    gates.set(name, here);
    await Promise.race([
      here.promise,
      new Promise((_, reject) =>
        ctx.signal.addEventListener('abort', () => reject(new Error('ended')), { once: true }),
      ),
    ]);
    return {};
  },
);

const QUICK = `schemaVersion: 1
name: quick
workspace: quick
input: { type: object, properties: { who: { type: string }, times: { type: integer } }, required: [who] }
steps:
  - { id: hello, use: file.write, with: { path: hello.txt, content: "Hello \${{ input.who }}" } }
`;

const GUARDED = `schemaVersion: 1
name: guarded
workspace: unused
input: { type: object, properties: { gate: { type: string } }, required: [gate] }
databases: { main: { url: "sqlite:app.db" } }
verifyAfterMinutes: 0.01
steps:
  - { id: table, use: db.sql, with: { database: main, sql: "CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)", writes: [note] } }
  - { id: source, use: file.write, with: { path: a.txt, content: "one\\ntwo\\n" } }
  - { id: copy, use: file.copy, with: { from: "\${{ steps.source.output.path }}", to: b.txt } }
  - { id: gate, use: gate, needs: [copy, table], with: { name: "\${{ input.gate }}" } }
  - { id: final, use: file.copy, needs: [gate], approval: before-apply, with: { from: b.txt, to: final.txt } }
`;

before(async () => {
  writeFileSync(
    join(root, 'steps.mjs'),
    `import * as z from ${JSON.stringify(import.meta.resolve('zod'))};
import { defineStep, implementStep } from ${JSON.stringify(join(import.meta.dirname, '../../src/index.ts'))};
export const gate = implementStep(defineStep({ name: 'gate', input: z.strictObject({ name: z.string() }), output: z.strictObject({}) }), () => ({}));\n`,
  );
  writeFileSync(join(root, 'guarded.yaml'), GUARDED);
  writeFileSync(join(root, 'quick.yaml'), QUICK);
  worker = await createWorker({
    address: temporal.address,
    namespace: temporal.namespace,
    taskQueue,
    workspaceRoot: root,
    steps: [gate],
    workflowBundle: await bundleWorkflows(),
    env: { HOLDFAST_STATE_DIR: join(root, 'state') },
  });
  running = worker.run();
});

after(async () => {
  for (const { resolve } of gates.values()) resolve();
  worker.shutdown();
  await running;
  rmSync(root, { recursive: true, force: true });
});

async function holdfast(args: readonly string[], options: TerminalOptions = {}): Promise<Ran> {
  return await cli(args, { cwd: root, env, ...options });
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; Date.now() < endMs; await delay(50)) if (await holds()) return;
  assert.fail(`not within 20 s: ${what}`);
}

/** Starts a guarded job in a workspace of its own and waits until its gate holds it. */
async function atTheGate(): Promise<{ readonly job: string; readonly workspace: string }> {
  const job = temporal.unique('guarded');
  const ran = await holdfast([
    'start',
    'guarded.yaml',
    `gate=${job}`,
    '--id',
    job,
    '--workspace',
    job,
    '-q',
    taskQueue,
  ]);
  assert.equal(ran.code, 0, ran.err);
  await until('the gate holds the job', () => Promise.resolve(gates.has(job)));
  // Longer than the plan lets pass without comparing the world again.
  await delay(700);
  return { job, workspace: join(root, job) };
}

async function asks(job: string): Promise<Question> {
  await until(`${job} asks`, async () => (await holdfast(['question', job])).code === 3);
  return (await holdfast(['question', job, '--json'])).json<{ questions: [Question] }>().questions[0];
}

/** Everything below a folder, Holdfast's own files too. */
function fingerprint(folder: string): Record<string, string> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [
        file,
        entry.isFile()
          ? `${createHash('sha256').update(readFileSync(file)).digest('hex')} ${statSync(file).mtimeMs}`
          : 'folder',
      ];
    }),
  );
}

test('start --wait follows a job on standard error and prints its result on standard output', async () => {
  const ran = await holdfast(['start', 'quick.yaml', 'who=7', '--wait', '-q', taskQueue]);
  assert.equal(ran.code, 0, ran.err);
  const { outputs } = ran.json<{ outputs: { hello: { path: string } } }>();
  assert.equal(outputs.hello.path, 'hello.txt');
  // The plan asks for text, so 7 is text.
  assert.equal(readFileSync(join(root, 'quick/hello.txt'), 'utf8'), 'Hello 7');
  assert.match(ran.err, /^Started quick-[0-9a-f]{8}\. Ctrl-C ends the waiting, not the job\.\n/);
  assert.match(ran.err, /quick-[0-9a-f]{8} is completed\n$/);
});

test('start says which job it started; Temporal says what the job is without any of our tools', async () => {
  const ran = await holdfast([
    'start',
    'quick.yaml',
    '--input',
    '{"who":"Ada","times":2}',
    '--input',
    'times=3',
    '-q',
    taskQueue,
    '--json',
  ]);
  const started = ran.json<StartedJob>();
  assert.deepEqual(
    { ...started, workflowId: '', runId: '' },
    { workflowId: '', runId: '', taskQueue, plan: 'quick', workspace: 'quick', input: { who: 'Ada', times: 3 } },
  );
  const description = await temporal.client.workflow.getHandle(started.workflowId).describe();
  assert.equal(await description.staticSummary(), 'quick {"who":"Ada","times":3}');
  assert.match((await description.staticDetails()) ?? '', /\*\*quick\*\*: a Holdfast job\n\n- workspace: `quick`\n/);
  assert.equal(description.raw.workflowExecutionInfo?.searchAttributes === undefined, false);
  assert.equal((await holdfast(['result', started.workflowId, '--wait'])).code, 0);
});

test('an input that does not fit the plan starts nothing', async () => {
  const ran = await holdfast(['start', 'quick.yaml', 'times=many', '--id', 'never', '-q', taskQueue]);
  assert.equal(ran.code, 2);
  assert.match(ran.err, /The input does not fit the plan "quick"\.\n {2}input\.who: is missing/);
  assert.equal((await holdfast(['result', 'never'])).code, 2);
});

test('an unknown job is told with where it was looked for', async () => {
  for (const command of ['status', 'question', 'result', 'cancel']) {
    const ran = await holdfast([command, 'nobody']);
    assert.equal(ran.code, 2, command);
    assert.equal(
      ran.err,
      `holdfast: There is no job nobody in namespace ${temporal.namespace} of ${temporal.address}.\nNext: Check the name; \`holdfast list\` shows the jobs.\n`,
    );
  }
});

test('an unknown namespace is told with the command that makes it', async () => {
  const ran = await holdfast(['list', '-n', 'nowhere-at-all']);
  assert.equal(ran.code, 2);
  assert.match(
    ran.err,
    /has no namespace nowhere-at-all\. Create it with `temporal operator namespace create --namespace nowhere-at-all`/,
  );
});

test(
  'a job is found, watched, asked about, decided and ended from the command line',
  { timeout: 90_000 },
  async (t) => {
    const { job, workspace } = await atTheGate();

    await t.test('a running job: status 0, result 6, a second start of its id refused', async () => {
      assert.equal((await holdfast(['status', job])).code, 0);
      const result = await holdfast(['result', job]);
      assert.equal(result.code, 6);
      assert.equal(result.out, `Job ${job} is still running. Wait for it with: holdfast result ${job} --wait\n`);
      const again = await holdfast(['start', 'guarded.yaml', 'gate=x', '--id', job, '-q', taskQueue, '--json']);
      assert.equal(again.code, 2);
      assert.equal(again.json<{ error: { type: string } }>().error.type, 'already-started');
      assert.deepEqual((await holdfast(['question', job])).out, `Job ${job} asks nothing.\n`);
    });

    await t.test('verify finds nothing, then what a person changed, and writes nothing at all', async () => {
      assert.equal((await holdfast(['verify', workspace, '--steps', 'steps.mjs'])).code, 0);
      writeFileSync(join(workspace, 'a.txt'), 'one\nTWO\n');
      const database = new DatabaseSync(join(workspace, 'app.db'));
      database.exec('ALTER TABLE note RENAME COLUMN text TO body');
      database.close();
      const earlier = fingerprint(workspace);
      const ran = await holdfast(['verify', workspace, '--json', '--steps', 'steps.mjs']);
      assert.equal(ran.code, 4, ran.err);
      const { findings, agrees } = ran.json<{ findings: { resource: string; kind: string }[]; agrees: boolean }>();
      assert.deepEqual(findings.map(({ resource, kind }) => `${resource} ${kind}`).toSorted(), [
        'file:a.txt changed',
        'schema:main/note schema-changed',
      ]);
      assert.equal(agrees, false);
      const byJob = await holdfast(['verify', job]);
      assert.equal(byJob.code, 4);
      assert.match(byJob.out, /^2 things differ from the record of job /);
      assert.match(byJob.out, /^ {3}-two\n {3}\+TWO$/m);
      assert.match(byJob.out, /Nothing was changed\. The job asks about this before its next step\.\n$/);
      for (const command of ['log', 'doctor']) await holdfast([command, workspace]);
      assert.deepEqual(fingerprint(workspace), earlier);
    });

    gates.get(job)!.resolve();
    const question = await asks(job);
    const digest = question.digest;

    await t.test('a waiting job: status, question and result 3, listed as waiting', async () => {
      const status = await holdfast(['status', job]);
      assert.equal(status.code, 3);
      assert.match(status.out, new RegExp(`^${job}  waiting for a decision\n`));
      assert.match(status.out, new RegExp(`Question ${digest.slice(0, 12)}: 2 things differ from the record`));
      const shown = await holdfast(['question', job]);
      assert.ok(
        shown.out.includes(
          `temporal workflow signal --workflow-id ${job} --name decide --input '{"digest":"${digest}"`,
        ),
      );
      assert.equal((await holdfast(['result', job])).code, 3);
      await until('listed as waiting', async () =>
        (await holdfast(['list', '--state', 'waiting', '--json']))
          .json<JobListing>()
          .jobs.some(({ workflowId, discrepancies }) => workflowId === job && discrepancies === 2),
      );
    });

    await t.test('what cannot be decided is refused with what can', async () => {
      const open = await holdfast(['decide', job]);
      assert.equal(open.code, 2);
      assert.match(
        open.err,
        /Nobody can be asked here .* ANSWER or --item RESOURCE=ANSWER and --reason WHY are missing; question [0-9a-f]{12} offers accept, restore, rerun, recheck, abort\.\nNext: For example: holdfast decide /,
      );
      const noReason = await holdfast(['decide', job, 'accept', '--json']);
      assert.deepEqual(noReason.json<{ error: { details: { missing: string[] } } }>().error.details.missing, [
        '--reason WHY',
      ]);
      const notOffered = await holdfast(['decide', job, 'restore', '--reason', 'x', '--by', 'ada']);
      assert.equal(notOffered.code, 2);
      assert.match(
        notOffered.err,
        /restore is not offered for schema:main\/note \(schema-changed\); offered: accept, rerun, recheck, abort/,
      );
      const short = await holdfast(['decide', job, 'accept', '--reason', 'x', '--question', digest.slice(0, 7)]);
      assert.match(short.err, /does not name a question\. Expected at least 8 hex digits/);
      const other = await holdfast(['decide', job, 'accept', '--reason', 'x', '--question', '00000000']);
      assert.match(
        other.err,
        new RegExp(
          `No open question of job ${job} has a digest that begins with 00000000; open: ${digest.slice(0, 12)} \\(discrepancy\\)`,
        ),
      );
      assert.equal((await holdfast(['status', job])).code, 3);
    });

    await t.test('a dry run shows the effect on each finding and changes nothing', async () => {
      const earlier = fingerprint(workspace);
      const ran = await holdfast(['decide', job, 'accept', '--item', 'file:a.txt=restore', '--dry-run', '--json']);
      assert.equal(ran.code, 0);
      const preview = ran.json<{
        usable: boolean;
        findings: { resource: string; answer: string; effect: { manifest: string } }[];
      }>();
      assert.deepEqual(
        preview.findings.map(({ resource, answer, effect }) => `${resource} ${answer} ${effect.manifest}`).toSorted(),
        ['file:a.txt restore record-put-back', 'schema:main/note accept found-becomes-record'],
      );
      assert.equal((await holdfast(['decide', job, 'restore', '--dry-run'])).code, 2);
      assert.deepEqual(fingerprint(workspace), earlier);
      assert.equal((await holdfast(['status', job])).code, 3);
    });

    await t.test('a Signal that cannot be used is seen in the status', async () => {
      const ran = await holdfast([
        'decide',
        job,
        'approve',
        '--question',
        digest,
        '--reason',
        'x',
        '--by',
        'eve',
        '--signal',
      ]);
      assert.equal(ran.code, 0);
      assert.match(ran.out, /A Signal does not answer; see: holdfast status/);
      await until('the refusal is seen', async () =>
        (await holdfast(['status', job])).out.includes('by eve: approve is not offered'),
      );
    });

    await t.test('a decision is carried out and said', async () => {
      const ran = await holdfast([
        'decide',
        job,
        'accept',
        '--item',
        'file:a.txt=restore',
        '--reason',
        'the table is right',
        '--question',
        digest.slice(0, 8),
        '--by',
        'ada@example.com',
      ]);
      assert.equal(ran.code, 0, ran.err);
      assert.match(
        ran.out,
        new RegExp(
          `^Decided for question ${digest.slice(0, 12)}: accept, file:a\\.txt: restore\\.\n  file:a\\.txt: put back\n`,
        ),
      );
      assert.equal(readFileSync(join(workspace, 'a.txt'), 'utf8'), 'one\ntwo\n');
    });

    await t.test('interactively: shown, asked, shown what it would do, confirmed', async () => {
      const approval = await asks(job);
      assert.equal(approval.kind, 'approval');
      const left = await holdfast(['decide', job], { answers: ['approve', 'looks right', 'leave'] });
      assert.equal(left.code, 3);
      const ended = await holdfast(['decide', job], { answers: ['approve'] });
      assert.equal(ended.code, 130);
      const ran = await holdfast(['decide', job, '--by', 'grace'], {
        answers: ['nonsense', 'appr', 'looks right', 'n', '1', 'looks right', 'y'],
      });
      assert.equal(ran.code, 0, ran.err);
      assert.match(ran.out, /"nonsense" is not offered\./);
      assert.match(ran.out, /create final\.txt \(8 bytes\)/);
      assert.match(ran.out, /intent:final +approve +approved/);
      assert.match(ran.out, /Decide this as grace\?.*y\nDecided\.\n {2}step final applies exactly what was shown\n$/s);
    });

    await t.test('the end, and the record of how it came about', async () => {
      const result = await holdfast(['result', job, '--wait', '--json']);
      assert.equal(result.code, 0, result.err);
      assert.equal(result.json<{ outcome: string }>().outcome, 'completed');
      const log = await holdfast(['log', job]);
      assert.equal(log.code, 0);
      assert.match(log.out, /^ {2}\d {2}decision of ada@example\.com: .*\n {7}because: the table is right$/m);
      assert.match(log.out, /kept what was found at file:a\.txt: blob [0-9a-f]{12}/);
      assert.match(log.out, /released: completed/);
      const { records } = (await holdfast(['log', workspace, '--json'])).json<{
        records: { seq: number; kind: string }[];
      }>();
      assert.deepEqual(
        records.map(({ seq }) => seq),
        records.map((_, index) => index + 1),
      );
      assert.deepEqual((await holdfast(['cancel', job])).out, `Job ${job} had ended already; nothing was done.\n`);
      assert.match(
        (await holdfast(['decide', job, 'accept', '--reason', 'x'])).err,
        /has no open question: there is nothing to decide/,
      );
    });
  },
);

test(
  'a decision about a world that has moved says that nothing was done; one that was used says for which question',
  { timeout: 60_000 },
  async () => {
    const { job, workspace } = await atTheGate();
    writeFileSync(join(workspace, 'a.txt'), 'edited');
    gates.get(job)!.resolve();
    const { digest } = await asks(job);
    writeFileSync(join(workspace, 'a.txt'), 'edited again');
    const late = await holdfast(['decide', job, 'restore', '--question', digest, '--reason', 'x', '--json']);
    assert.equal(late.code, 2, late.err);
    assert.equal(late.json<Decided>().used, null);
    assert.match(late.json<Decided>().done.join(), /^the world has moved since the question was asked \(file:a\.txt\)/);
    await until('there is a new question', async () => (await asks(job)).digest !== digest);
    const { digest: second } = await asks(job);
    const ran = await holdfast(['decide', job, 'restore', '--reason', 'x', '--json']);
    assert.equal(ran.code, 0, ran.err);
    assert.deepEqual(ran.json<Decided>().used, { question: second, answer: 'restore' });
    await holdfast(['cancel', job, '--wait']);
  },
);

test(
  'an Activity that fails for ever for a reason nobody expects is seen in the status, with its message',
  { timeout: 60_000 },
  async () => {
    const { job } = await atTheGate();
    const watching = holdfast(['status', job, '--watch']);
    setFaultHook((point) => {
      if (point === 'verify.compared') throw new TypeError("Cannot read properties of undefined (reading 'x')");
    });
    try {
      gates.get(job)!.resolve();
      // Long enough for the watch, too, which looks twice a second.
      await until(
        'it is tried again',
        async () => ((await holdfast(['status', job, '--json'])).json<JobStatus>().retrying?.[0]?.attempt ?? 0) >= 5,
      );
      const { retrying } = (await holdfast(['status', job, '--json'])).json<JobStatus>();
      const { attempt, nextAttemptAt, ...rest } = retrying![0]!;
      assert.deepEqual(rest, {
        activity: 'verifyWorld',
        failure: { type: 'TypeError', message: "Cannot read properties of undefined (reading 'x')" },
        isExpected: false,
      });
      assert.ok(attempt >= 5 && (nextAttemptAt === null || Date.parse(nextAttemptAt) > Date.now() - 5_000));
      const shown = await holdfast(['status', job]);
      assert.match(
        shown.out,
        /^Failed, and tried again by itself:\n {2}verifyWorld, attempt \d+ (under way|at \S+): TypeError: Cannot read properties of undefined \(reading 'x'\)\n {4}Not a failure that Holdfast expects/m,
      );
    } finally {
      setFaultHook(undefined);
    }
    await asks(job);
    assert.equal((await holdfast(['status', job, '--json'])).json<JobStatus>().retrying, undefined, 'it has succeeded');
    await holdfast(['cancel', job, '--wait']);
    assert.match((await watching).out, /^↻ verifyWorld, attempt \d+ .*: TypeError: Cannot read/m);
  },
);

test('question cuts what is long and says so; --full shows all that the record has', { timeout: 60_000 }, async () => {
  const { job, workspace } = await atTheGate();
  writeFileSync(
    join(workspace, 'a.txt'),
    Array.from({ length: 50 }, (_, index) => `line ${index} ${'x'.repeat(80)}\n`).join(''),
  );
  gates.get(job)!.resolve();
  await asks(job);
  const cut = await holdfast(['question', job]);
  assert.match(cut.out, /^ {3}… \d+ more lines \(cut\)$/m);
  assert.match(
    cut.out,
    new RegExp(
      `^Cut here; all that the record has of it, on the workspace's host: holdfast question ${job} --full$`,
      'm',
    ),
  );
  assert.ok(!cut.out.includes('line 49'));
  const full = await holdfast(['question', job, '--full']);
  assert.equal(full.code, 3, full.err);
  assert.match(full.out, /^ {3}\+line 49 x+$/m);
  assert.ok(!full.out.includes('(cut'), 'nothing is left out');
  const elsewhere = await holdfast(['question', job, '--full'], { cwd: tmpdir() });
  assert.equal(elsewhere.code, 2);
  assert.match(elsewhere.err, /there is no folder .* here\.\nNext: Run this where the worker's workspace root is/);
  await holdfast(['cancel', job, '--wait']);
});

test('cancel --wait ends a job; its status and result are those of a failure', { timeout: 60_000 }, async () => {
  const { job } = await atTheGate();
  const ran = await holdfast(['cancel', job, '--wait']);
  assert.equal(ran.code, 0, ran.err);
  assert.match(ran.out, /was asked to end\. It has ended: cancelled\.\n$/);
  assert.equal((await holdfast(['status', job])).code, 1);
  const result = await holdfast(['result', job]);
  assert.equal(result.code, 1);
  assert.match(result.out, new RegExp(`^Job ${job} was cancelled: `));
  await until('listed as cancelled', async () =>
    (await holdfast(['list', '--state', 'cancelled', '--json']))
      .json<JobListing>()
      .jobs.some(({ workflowId }: ListedJob) => workflowId === job),
  );
});

test(
  'status --watch without a terminal prints a line for each change, and ends with the job',
  { timeout: 60_000 },
  async () => {
    const { job } = await atTheGate();
    const watching = holdfast(['status', job, '--watch']);
    await delay(300);
    gates.get(job)!.resolve();
    await asks(job);
    // The watch looks twice a second.
    await delay(1_500);
    await holdfast(['decide', job, 'abort', '--reason', 'enough', '--by', 'ada']);
    const ran = await watching;
    assert.equal(ran.code, 1);
    const lines = ran.out.trim().split('\n');
    assert.equal(lines[0], `${job} (guarded) is running`);
    assert.ok(lines.includes('▶ gate: running') && lines.includes('✔ gate: done'), ran.out);
    assert.match(
      ran.out,
      /\? question [0-9a-f]{12}: may the changes of step final be applied\? Look: holdfast question /,
    );
    assert.equal(lines.at(-1), `${job} is aborted`);
    assert.equal((await holdfast(['result', job, '--json'])).json<{ outcome: string }>().outcome, 'aborted');
  },
);

test('status --watch on a terminal redraws in place', { timeout: 60_000 }, async () => {
  const { job } = await atTheGate();
  const watching = holdfast(['status', job, '--watch'], { isTty: true });
  await delay(800);
  const cancelled = await holdfast(['cancel', job]);
  assert.equal(cancelled.code, 0);
  const ran = await watching;
  assert.ok(ran.out.includes('\u001b[0J'));
});

test('without a worker a job is started, said to wait, and cannot be asked', { timeout: 60_000 }, async () => {
  const queue = temporal.unique('nobody');
  const started = await holdfast(['start', 'quick.yaml', 'who=Ada', '-q', queue, '--json']);
  assert.equal(started.code, 0);
  assert.match(
    started.err,
    new RegExp(
      `No worker is running on Task Queue ${queue}; the job waits for one\\. Start one: holdfast worker --task-queue ${queue}`,
    ),
  );
  const { workflowId } = started.json<StartedJob>();
  const status = await holdfast(['status', workflowId, '--json']);
  assert.equal(status.code, 5);
  const { error } = status.json<{ error: { type: string; message: string } }>();
  assert.equal(error.type, 'no-worker');
  assert.equal(
    error.message,
    `Job ${workflowId} cannot be asked: no worker is running on Task Queue ${queue}; start one: holdfast worker.`,
  );
  const result = await holdfast(['result', workflowId]);
  assert.equal(result.code, 6);
  assert.match(result.out, /No worker could be asked whether it waits for a person; start one with: holdfast worker/);
  await temporal.client.workflow.getHandle(workflowId).terminate('the test is over');
  const ended = await holdfast(['result', workflowId]);
  assert.deepEqual([ended.code, ended.out], [1, `Job ${workflowId} was terminated: the test is over\n`]);
});

test('doctor finds everything in order, with the state of each database', { timeout: 60_000 }, async () => {
  const { job, workspace } = await atTheGate();
  const ran = await holdfast(['doctor', workspace, '-q', taskQueue, '--json', '--steps', 'steps.mjs']);
  assert.equal(ran.code, 0, ran.out);
  const { checks } = ran.json<{ checks: { name: string; state: string; detail: string }[] }>();
  assert.deepEqual(
    checks.map(({ name, state }) => `${name}: ${state}`),
    [
      'configuration: ok',
      'encryption: ok',
      'server: ok',
      'namespace: ok',
      'search attributes: ok',
      'worker: ok',
      'workspace: ok',
      'record: ok',
      'database main: ok',
    ],
  );
  assert.match(checks.find(({ name }) => name === 'workspace')!.detail, new RegExp(`belongs to ${job} `));
  const elsewhere = await holdfast(['doctor', '-q', temporal.unique('nobody')]);
  assert.equal(elsewhere.code, 0);
  assert.match(elsewhere.out, /^! worker +no worker is running on Task Queue /m);
  await holdfast(['cancel', job, '--wait']);
});

test('doctor --worker-here: without a worker of this very host it is a problem', { timeout: 60_000 }, async () => {
  const here = await holdfast(['doctor', '--worker-here', '-q', taskQueue]);
  assert.equal(here.code, 0, here.out);
  assert.match(here.out, new RegExp(`^✔ worker +Task Queue ${taskQueue}: \\d+@`, 'm'));
  const queue = temporal.unique('elsewhere');
  const none = await holdfast(['doctor', '--worker-here', '-q', queue]);
  assert.equal(none.code, 1);
  assert.match(none.out, /^✖ worker +no worker of this host \(.+\) is running on Task Queue elsewhere-/m);
  const over = new AbortController();
  const polls = temporal.connection.withDeadline(Date.now() + 30_000, async () =>
    temporal.connection.withAbortSignal(over.signal, async () => {
      const poll = { namespace: temporal.namespace, taskQueue: { name: queue }, identity: '7@another-host:1' };
      const { workflowService } = temporal.connection;
      await Promise.allSettled([
        workflowService.pollWorkflowTaskQueue(poll),
        workflowService.pollActivityTaskQueue(poll),
      ]);
    }),
  );
  try {
    await until('the other host is seen', async () =>
      (await holdfast(['doctor', '-q', queue])).out.includes('7@another-host:1'),
    );
    assert.equal(
      (await holdfast(['doctor', '--worker-here', '-q', queue])).code,
      1,
      "another host's worker says nothing of this one",
    );
  } finally {
    over.abort();
    await polls;
  }
});

test('doctor names a damaged record and a database that was put back, with remedies', { timeout: 60_000 }, async () => {
  const { job, workspace } = await atTheGate();
  await holdfast(['cancel', job, '--wait']);
  rmSync(join(workspace, 'app.db'));
  const gone = await holdfast(['doctor', workspace]);
  assert.equal(gone.code, 1);
  assert.match(gone.out, /^✖ database main {2}.*\n +Remedy: Put the right database back/m);
  const ledger = new DatabaseSync(join(workspace, '.holdfast/ledger.sqlite'));
  ledger.exec(`UPDATE record SET body = replace(body, 'a.txt', 'z.txt') WHERE kind = 'step' AND step_id = 'source'`);
  ledger.close();
  const damaged = await holdfast(['doctor', workspace]);
  assert.equal(damaged.code, 1);
  assert.match(
    damaged.out,
    /^✖ record .*does not match its chain head: it was changed after it was written\n +Remedy: Put a sound copy/m,
  );
  const verify = await holdfast(['verify', workspace]);
  assert.equal(verify.code, 1);
  assert.match(verify.err, /The record in .* is damaged, so nothing can be compared with it/);
  assert.equal((await holdfast(['log', workspace])).code, 1);
});

test(
  'doctor --fix registers search attributes; until then jobs are listed without them, and it says so',
  { timeout: 60_000 },
  async () => {
    const namespace = temporal.unique('bare');
    await temporal.connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
    });
    await until('the namespace is known', async () => (await holdfast(['list', '-n', namespace])).code === 0);
    assert.match(
      (await holdfast(['list', '-n', namespace])).out,
      /HoldfastState is not registered.* Register it with: holdfast doctor --fix/,
    );
    const before = await holdfast(['doctor', '-n', namespace]);
    assert.equal(before.code, 0);
    assert.match(
      before.out,
      /^! search attributes +HoldfastState, HoldfastDiscrepancies not registered: .*\n +Remedy: holdfast doctor --fix/m,
    );
    const fixed = await holdfast(['doctor', '-n', namespace, '--fix']);
    assert.match(fixed.out, /^✔ search attributes +HoldfastState, HoldfastDiscrepancies: registered now/m);
    await until('they are known', async () =>
      (await holdfast(['doctor', '-n', namespace])).out.includes(
        '✔ search attributes  HoldfastState, HoldfastDiscrepancies\n',
      ),
    );
  },
);

test('verify and log read a workspace whose worker is in the middle of writing', { timeout: 60_000 }, async () => {
  const { job, workspace } = await atTheGate();
  // The ledger's log is not yet in its main file while the worker has it open.
  const { job: recorded } = (await holdfast(['log', workspace, '--json'])).json<{
    job: { records: number; isBound: boolean };
  }>();
  assert.ok(recorded.isBound && recorded.records >= 4);
  const many = await Promise.all(Array.from({ length: 4 }, async () => holdfast(['verify', workspace])));
  assert.deepEqual(
    many.map(({ code }) => code),
    [0, 0, 0, 0],
  );
  await holdfast(['cancel', job, '--wait']);
});

test('the status in JSON is the Workflow’s own', async () => {
  const { job } = await atTheGate();
  const status = (await holdfast(['status', job, '--json'])).json<JobStatus>();
  assert.deepEqual(
    status.steps.map(({ id, state }) => `${id} ${state}`),
    ['table done', 'source done', 'copy done', 'gate running'],
  );
  await holdfast(['cancel', job, '--wait']);
  mkdirSync(join(root, 'plain-folder'));
  assert.match((await holdfast(['verify', 'plain-folder'])).err, /has no record of a job/);
});
