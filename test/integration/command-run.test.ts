/** `ctx.command`, without a Temporal server: what it is given, what it prints, and how it ends. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { isFailure } from '../../src/model/failure.ts';
import { commandStep } from '../../src/model/step/built-in/command.ts';
import { implementStep, openTestJob } from '../../src/testing.ts';
import { shellSteps } from '../support/command-step.ts';
import { env, free, OWN, testCommandingJob } from '../support/commanding-job.ts';
import { processesWith } from '../support/process-list.ts';
import { questionFrom } from '../support/questions.ts';

const commanding = testCommandingJob();

test('its environment is what is named, and nothing else', async () => {
  const { stdout } = await commanding.run(['env'], {
    env: { MINE: 'x=y', LANG: 'C' },
    envFrom: ['PATH', 'FROM_WORKER'],
  });
  const given = stdout
    .trim()
    .split('\n')
    .map((line) => line.split('=')[0]!)
    .sort();
  assert.deepEqual(given, ['FROM_WORKER', 'GIT_CEILING_DIRECTORIES', 'HOLDFAST_COMMAND', 'LANG', 'MINE', 'PATH']);
  assert.match(stdout, /^MINE=x=y$/m);
  assert.match(await commanding.refused('missing-variable', ['env'], { envFrom: ['NOT_THERE'] }), /NOT_THERE/);
});

test('it runs where cwd says, and only in a folder that it was given', async () => {
  commanding.put('sub/x', 'x');
  assert.match((await commanding.run(['pwd'], { cwd: 'sub' })).stdout, /\/tree\/sub\n$/);
  assert.match(await commanding.refused('not-found', ['pwd'], { cwd: 'nowhere' }), /no folder "nowhere"/);
});

test('the built-in step command takes the same from a plan', async () => {
  commanding.put('a.txt', 'a');
  const { outputs } = (await commanding.job.runPlan({
    schemaVersion: 1,
    name: 'plan',
    workspace: commanding.job.workspace,
    steps: [
      { id: 'count', use: 'command', with: { run: ['sh', '-c', 'cat a.txt > b.txt; echo done'] } },
      { id: 'again', use: 'command', needs: ['count'], with: { run: 'wc -c < b.txt', shell: true } },
    ],
  })) as unknown as { outputs: Record<string, { exitCode: number; stdout: string; written: number }> };
  assert.deepEqual(
    [outputs['count']!.stdout, outputs['count']!.written, outputs['again']!.stdout.trim()],
    ['done\n', 1, '1'],
  );
  assert.equal(commandStep.input.safeParse({ run: 'a string without a shell' }).success, false);
});

test('a retry gets the recorded result while what the command was given is the same, else it runs again', async () => {
  commanding.put('a.txt', '1');
  let fails = true;
  const seen: string[] = [];
  commanding.code = async (ctx) => {
    seen.push((await ctx.command('cat a.txt; date +%N', { shell: true })).stdout);
    if (fails) throw new Error('not yet');
    return {};
  };
  await assert.rejects(commanding.job.step(free, {}, { stepId: 'f' }), (error) => isFailure(error, 'step-failed'));
  await assert.rejects(commanding.job.step(free, {}, { stepId: 'f' }), (error) => isFailure(error, 'step-failed'));
  assert.equal(seen[1], seen[0]);
  writeFileSync(commanding.at('a.txt'), '2');
  fails = false;
  await commanding.job.step(free, {}, { stepId: 'f' });
  assert.notEqual(seen[2], seen[0]);
  assert.match(seen[2]!, /^2/);
});

test('a secret that it is given is shown nowhere that it prints it, and a file that holds it is refused', async () => {
  await commanding.job.close();
  const value = 'planted-0123456789-value';
  const shown: string[] = [];
  commanding.job = openTestJob({
    steps: [...shellSteps, implementStep(free, async (ctx) => (await commanding.code(ctx)) ?? {}) as never],
    env: { ...env, TOKEN: value },
    secrets: ['TOKEN'],
  });
  commanding.code = async (ctx) => {
    const printed = await ctx.command(
      'printf "%s" "$TOKEN" | head -c 12; sleep 0.1; printf "%s\\n" "$TOKEN" | tail -c +13; echo ' +
        '"$TOKEN" >&2; printf "%s" "$TOKEN" | base64',
      { shell: true, env: { TOKEN: ctx.secret('TOKEN') } },
    );
    shown.push(
      JSON.stringify(printed),
      readFileSync(commanding.at(`.holdfast/blobs/${printed.log.content[0]}/${printed.log.content.slice(1)}`), 'utf8'),
    );
    return printed;
  };
  await commanding.job.step(free, {}, { stepId: 'prints' });
  commanding.code = async (ctx) =>
    await ctx.command('echo "$TOKEN" >&2; exit 3', { shell: true, env: { TOKEN: ctx.secret('TOKEN') } });
  shown.push(
    JSON.stringify((await questionFrom(commanding.job.step(free, {}, { stepId: 'fails', maxAttempts: 1 }))).findings),
    ...commanding.job.logs,
  );
  for (const text of shown)
    assert.ok(!text.includes(value) && !text.includes(Buffer.from(value).toString('base64')), text);
  assert.match(shown[0]!, /«secret TOKEN»/);
  commanding.code = async (ctx) =>
    await ctx.command('echo "a $TOKEN" > token.txt', { shell: true, env: { TOKEN: ctx.secret('TOKEN') } });
  const question = await questionFrom(commanding.job.step(free, {}, { stepId: 'writes', maxAttempts: 1 }));
  assert.match(question.findings[0]!.found.text, /^secret-in-output: .*token\.txt/);
  assert.equal(existsSync(commanding.at('token.txt')), false);
});

test('output of any length: its start and end are kept, what is left out is counted', async () => {
  const { stdout, log, droppedBytes } = await commanding.run(
    'echo first; head -c 300000000 /dev/zero | tr "\\0" x; echo; echo last; echo err >&2',
  );
  assert.equal(log.sizeBytes, 300_000_000 + 'first\n\nlast\nerr\n'.length);
  assert.ok(log.droppedBytes > 290_000_000 && droppedBytes > 290_000_000);
  assert.ok(stdout.length < 200_000 && stdout.startsWith('first\n') && stdout.endsWith('last\n'), `${stdout.length}`);
  const blob = readFileSync(commanding.at(`.holdfast/blobs/${log.content[0]}/${log.content.slice(1)}`), 'utf8');
  assert.ok(blob.length < 3_000_000 && blob.startsWith('first\n'));
  assert.ok(process.memoryUsage.rss() < 1_500_000_000);
});

test('more output than maxOutputBytes ends the command', async () => {
  assert.match(
    await commanding.refused('too-large', 'while :; do echo spam; done', { maxOutputBytes: 100_000 }),
    /printed more than 100000 bytes/,
  );
});

test('an exit code that is no success is a failure with the last lines; okExitCodes says which are', async () => {
  commanding.put('a.txt', 'a');
  const told = await commanding.refused('command-failed', 'echo 1 > a.txt; echo working; echo "it broke" >&2; exit 3');
  assert.match(told, /ended with exit code 3; expected 0\. Nothing of it is applied\. Its last lines:\nit broke/);
  assert.equal((await commanding.run('echo 2 > a.txt; exit 3', { okExitCodes: [0, 3] })).exitCode, 3);
  assert.equal(commanding.text('a.txt'), '2\n');
  assert.match(await commanding.refused('command-failed', 'kill -SEGV $$'), /was ended by SIGSEGV/);
});

test('a program that is not there: where it was searched is said', async () => {
  assert.match(
    await commanding.refused('not-found', ['no-such-program'], { env: { PATH: '/usr/bin:/bin' } }),
    /no program "no-such-program"\. Searched PATH: \/usr\/bin:\/bin/,
  );
  commanding.put('tool', 'no program');
  assert.match(await commanding.refused('permission-denied', ['./tool']), /not executable/);
});

test('a command that runs over its own timeout, or its step’s, is killed with all that it started', async () => {
  commanding.put('a.txt', 'a');
  const startedMs = Date.now();
  assert.match(
    await commanding.refused(
      'step-timeout',
      `trap "" TERM; echo x > a.txt; (trap "" TERM; sleep ${OWN}1 & wait) & sleep ${OWN}2 & wait`,
      { timeoutMs: 300, killGraceMs: 200 },
    ),
    /did not end within 300 ms and was killed/,
  );
  assert.ok(Date.now() - startedMs < 10_000);
  assert.deepEqual(processesWith(`sleep ${OWN}[12]`), []);
  const question = await questionFrom(
    commanding.run(`sleep ${OWN}3`, { killGraceMs: 100 }, { maxAttempts: 1, timeoutMs: 300 }),
  );
  assert.match(question.findings[0]!.difference, /did not end within 300 ms/);
  assert.deepEqual(processesWith(`sleep ${OWN}3`), []);
});

for (const [what, line] of [
  ['in its own group', `sleep ${OWN}4 & echo started`],
  ['in a session of its own', `setsid sleep ${OWN}5 & echo started`],
  [
    'detached twice, in another folder, without its output',
    `(setsid sh -c "cd /; exec sleep ${OWN}6 </dev/null >/dev/null 2>&1" &) ; echo started`,
  ],
  ['with an empty environment, in the copy', `env -i setsid sleep ${OWN}7 </dev/null >/dev/null 2>&1 & echo started`],
] as const) {
  test(`a command that leaves a process behind (${what}) is refused, and the process killed`, async () => {
    commanding.put('a.txt', 'a');
    assert.match(
      await commanding.refused('processes-left', `echo b > a.txt; ${line}`),
      /leaves processes behind: sleep \(\d+\)\. They were killed\. Nothing of it is applied/,
    );
    assert.deepEqual(processesWith(`sleep ${OWN}[4567]`), []);
  });
}

test('what ends by itself right after the command is no process left behind', async () => {
  await commanding.run('sleep 0.2 & echo x > a.txt');
  assert.equal(commanding.text('a.txt'), 'x\n');
});
