/** The command line where a job asks: what is shown, decided and refused. cli.test.ts runs these tests. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, test } from 'node:test';
import type { Decided, JobListing, ListedJob } from '../../src/client.ts';
import type { JobStatus } from '../../src/model/job/status.ts';
import { setFaultHook } from '../../src/store/fault-point.ts';
import { atTheGate, fingerprint, gates, holdfast, openQuestion, taskQueue } from '../support/cli-jobs.ts';
import { untilTrue } from '../support/until.ts';

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
      assert.match(byJob.out, /Nothing was changed\.\nThe job asks about this when it next compares the world: .*\n$/);
      for (const command of ['log', 'doctor']) await holdfast([command, workspace]);
      assert.deepEqual(fingerprint(workspace), earlier);
    });

    gates.get(job)!.resolve();
    const question = await openQuestion(job);
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
      await untilTrue(
        async () =>
          (await holdfast(['list', '--state', 'waiting', '--json']))
            .json<JobListing>()
            .jobs.some(({ workflowId, discrepancies }) => workflowId === job && discrepancies === 2),
        { what: 'listed as waiting' },
      );
    });

    await t.test('what cannot be decided is refused with what can', async () => {
      const open = await holdfast(['decide', job]);
      assert.equal(open.code, 2);
      const missing = 'ANSWER or --item RESOURCE=ANSWER and --reason WHY are missing';
      const offered = /question [0-9a-f]{12} offers accept, restore, rerun, recheck, abort\./;
      const next = 'Next: For example: holdfast decide ';
      assert.match(open.err, new RegExp(`Nobody can be asked here .* ${missing}; ${offered.source}\n${next}`));
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
          `No open question of job ${job} has a digest that begins with 00000000; open: ` +
            `${digest.slice(0, 12)} \\(discrepancy\\)`,
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
      await untilTrue(async () => (await holdfast(['status', job])).out.includes('by eve: approve is not offered'), {
        what: 'the refusal is seen',
      });
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
      const approval = await openQuestion(job);
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
      assert.match(log.out, /^ {1,2}\d+ {2}decision of ada@example\.com: .*\n {7}because: the table is right$/m);
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
      // Longer than the half second between two looks of the watch.
      await untilTrue(
        async () => ((await holdfast(['status', job, '--json'])).json<JobStatus>().retrying?.[0]?.attempt ?? 0) >= 4,
        { what: 'it is tried again' },
      );
      const { retrying } = (await holdfast(['status', job, '--json'])).json<JobStatus>();
      const { attempt, nextAttemptAt, ...rest } = retrying![0]!;
      assert.deepEqual(rest, {
        activity: 'verifyWorld',
        failure: { type: 'TypeError', message: "Cannot read properties of undefined (reading 'x')" },
        isExpected: false,
      });
      assert.ok(attempt >= 4 && (nextAttemptAt === null || Date.parse(nextAttemptAt) > Date.now() - 5_000));
      const shown = await holdfast(['status', job]);
      const activity = /verifyWorld, attempt \d+ (under way|at \S+)/;
      const error = /TypeError: Cannot read properties of undefined \(reading 'x'\)/;
      assert.match(
        shown.out,
        new RegExp(
          `^Failed, and tried again by itself:\n {2}${activity.source}: ${error.source}\n` +
            ' {4}Not a failure that Holdfast expects',
          'm',
        ),
      );
    } finally {
      setFaultHook(undefined);
    }
    await openQuestion(job);
    assert.equal((await holdfast(['status', job, '--json'])).json<JobStatus>().retrying, undefined, 'it has succeeded');
    await holdfast(['cancel', job, '--wait']);
    assert.match((await watching).out, /^↻ verifyWorld, attempt \d+ .*: TypeError: Cannot read/m);
  },
);

// Each has a job of its own, and waits more than it computes.
describe('questions of several jobs', { concurrency: true }, () => {
  test(
    'a decision about a world that has moved says that nothing was done; one that was used says for which question',
    { timeout: 60_000 },
    async () => {
      const { job, workspace } = await atTheGate();
      writeFileSync(join(workspace, 'a.txt'), 'edited');
      gates.get(job)!.resolve();
      const { digest } = await openQuestion(job);
      writeFileSync(join(workspace, 'a.txt'), 'edited again');
      const late = await holdfast(['decide', job, 'restore', '--question', digest, '--reason', 'x', '--json']);
      assert.equal(late.code, 2, late.err);
      assert.equal(late.json<Decided>().used, null);
      assert.match(
        late.json<Decided>().done.join(),
        /^the world has moved since the question was asked \(file:a\.txt\)/,
      );
      await untilTrue(async () => (await openQuestion(job)).digest !== digest, { what: 'there is a new question' });
      const { digest: second } = await openQuestion(job);
      const ran = await holdfast(['decide', job, 'restore', '--reason', 'x', '--json']);
      assert.equal(ran.code, 0, ran.err);
      assert.deepEqual(ran.json<Decided>().used, { question: second, answer: 'restore' });
      await holdfast(['cancel', job, '--wait']);
    },
  );

  test(
    'question cuts what is long and says so; --full shows all that the record has',
    { timeout: 60_000 },
    async () => {
      const { job, workspace } = await atTheGate();
      writeFileSync(
        join(workspace, 'a.txt'),
        Array.from({ length: 50 }, (_, index) => `line ${index} ${'x'.repeat(80)}\n`).join(''),
      );
      gates.get(job)!.resolve();
      await openQuestion(job);
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
    },
  );

  test('cancel --wait ends a job; its status and result are those of a failure', { timeout: 60_000 }, async () => {
    const { job } = await atTheGate();
    const ran = await holdfast(['cancel', job, '--wait']);
    assert.equal(ran.code, 0, ran.err);
    assert.match(ran.out, /was asked to end\. It has ended: cancelled\.\n$/);
    assert.equal((await holdfast(['status', job])).code, 1);
    const result = await holdfast(['result', job]);
    assert.equal(result.code, 1);
    assert.match(result.out, new RegExp(`^Job ${job} was cancelled: `));
    await untilTrue(
      async () =>
        (await holdfast(['list', '--state', 'cancelled', '--json']))
          .json<JobListing>()
          .jobs.some(({ workflowId }: ListedJob) => workflowId === job),
      { what: 'listed as cancelled' },
    );
  });
});
