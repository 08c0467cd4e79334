/** The command line beside a job: doctor, verify and log look at workspaces. cli.test.ts runs these tests. */
import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { atTheGate, holdfast, taskQueue, temporal } from '../support/cli-jobs.ts';
import { untilTrue } from '../support/until.ts';

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
    await untilTrue(async () => (await holdfast(['doctor', '-q', queue])).out.includes('7@another-host:1'), {
      what: 'the other host is seen',
    });
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
  assert.match(gone.out, /^✖ database main {2}.*app\.db is gone\. Put it back/m);
  assert.equal(existsSync(join(workspace, 'app.db')), false, 'nobody makes it anew');
  writeFileSync(join(workspace, 'app.db'), '');
  const emptied = await holdfast(['doctor', workspace]);
  assert.equal(emptied.code, 1);
  assert.match(emptied.out, /^✖ database main {2}.*\n +Remedy: Put the right database back/m);
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
    await untilTrue(async () => (await holdfast(['list', '-n', namespace])).code === 0, {
      what: 'the namespace is known',
    });
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
    await untilTrue(
      async () =>
        (await holdfast(['doctor', '-n', namespace])).out.includes(
          '✔ search attributes  HoldfastState, HoldfastDiscrepancies\n',
        ),
      { what: 'they are known' },
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
