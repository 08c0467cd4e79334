/**
 * A secret is planted in a worker's environment and given to steps that use it and to steps that leak it in every way.
 * It must then be in nothing that is stored or printed: history, ledger, blobs, files, what worker and commands print.
 */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connectHoldfast, type HoldfastClient } from '../../src/client.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob, QuestionAsked } from '../../src/testing.ts';
import { cli } from '../support/cli-terminal.ts';
import { startEchoServer } from '../support/echo-server.ts';
import { leak, SECRET } from '../support/leaking-steps.ts';
import { asHeader, DATABASE_URL, lookInto, mustNotHold, TOKEN, USED } from '../support/planted-secret.ts';
import { testTemporal } from '../support/temporal.ts';
import { untilFound } from '../support/until.ts';

/** A worker process starts, and retries after failures. */
const PATIENCE = { limitMs: 60_000, everyMs: 200 };
const temporal = await testTemporal();
const queue = temporal.unique('queue');
const root = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-secrets-')));
const stateDirectory = join(root, 'state');
const echo = await startEchoServer();
const { url, received } = echo;
const printed: string[] = [];
let worker: ChildProcess;
let client: HoldfastClient;

before(async () => {
  const args = [
    join(import.meta.dirname, '../../src/cli.ts'),
    'worker',
    `--task-queue=${queue}`,
    '--json',
    '--outage-patience=1',
    '--steps',
    join(import.meta.dirname, '../support/leaking-steps.ts'),
  ];
  worker = spawn(process.execPath, args, {
    cwd: root,
    env: {
      ...process.env,
      ...temporal.env,
      HOLDFAST_STATE_DIR: stateDirectory,
      [SECRET]: asHeader(TOKEN),
      SHORT_TOKEN: '1234567',
      LEAK_DATABASE_URL: DATABASE_URL,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [worker.stdout!, worker.stderr!]) stream.on('data', (chunk) => void printed.push(String(chunk)));
  client = await connectHoldfast({ address: temporal.address, namespace: temporal.namespace });
});

after(async () => {
  const ended = once(worker, 'close');
  worker.kill('SIGKILL');
  await ended;
  await client.close();
  echo.close();
  rmSync(root, { recursive: true, force: true });
});

async function start(name: string, more: object = {}, step: object = {}): Promise<string> {
  const workflowId = temporal.unique(name);
  const plan = {
    schemaVersion: 1,
    name: 'leaking',
    workspace: workflowId,
    secrets: [SECRET],
    verifyAfterMinutes: 0.01,
    steps: [
      {
        id: 'step',
        use: 'leak',
        retry: { maxAttempts: 1 },
        with: { how: name, token: `\${{ secrets.${SECRET} }}`, url },
        ...step,
      },
    ],
    ...more,
  };
  await client.start(plan as never, { workflowId, taskQueue: queue, knownSteps: [leak.contract] });
  return workflowId;
}

type End = { readonly outcome: string; readonly result?: unknown; readonly question?: Question };
/** Waits until the job has ended or asks a question. */
async function endOf(job: string): Promise<End> {
  return await untilFound(
    async () => {
      const found = await client.result(job);
      if (found.outcome !== 'running')
        return { outcome: found.outcome, ...('result' in found ? { result: found.result } : {}) };
      const question = found.questions?.[0];
      return question === undefined ? undefined : { outcome: 'asks', question };
    },
    { what: `${job} ends or asks`, ...PATIENCE },
  );
}

const outputOf = ({ result }: End): unknown => (result as { outputs: { step: unknown } } | undefined)?.outputs.step;
const TABLE = { databases: { main: { url: 'sqlite:main.db' } } };
const table = {
  id: 'table',
  use: 'db.sql',
  with: { database: 'main', sql: 'CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)', writes: ['note'] },
};
const jobs: string[] = [];

async function run(name: string, more: object = {}, step: object = {}): Promise<End> {
  const job = await start(name, more, step);
  jobs.push(job);
  return await endOf(job);
}

test('a step gets the secret by the plan and by ctx.secret; what it only says has the name in its place', async () => {
  assert.deepEqual(outputOf(await run('use')), { status: 200 });
  assert.deepEqual([received[0]!.authorization, decodeURIComponent(String(received[0]!['x-given']))], [USED, USED]);
  assert.deepEqual(outputOf(await run('sub-step-say')), { characters: USED.length });
  assert.deepEqual(outputOf(await run('say')), { characters: USED.length });
  const log = await cli(['log', jobs.at(-1)!, '--json'], { cwd: root, env: { ...temporal.env } });
  assert.match(log.out, /plain «secret PLANTED_TOKEN»/);
  assert.match(printed.join(''), / step #\d+: plain «secret PLANTED_TOKEN»/);
});

test('data that looks like a reference to a secret stays data', async () => {
  const end = await run(
    'given',
    { input: { type: 'object', properties: { text: { type: 'string', default: `$\${{ secrets.${SECRET} }}` } } } },
    { with: { how: 'given', token: '${{ input.text }}' } },
  );
  assert.deepEqual(outputOf(end), { given: `$\${{ secrets.${SECRET} }}` });
});

for (const name of [
  'output',
  'output-name',
  'output-basic',
  'output-url',
  'once',
  'file',
  'file-bytes',
  'file-stream',
  'file-name',
  ...['output', 'once', 'file', 'file-name', 'input', 'input-kept', 'name'].map((name) => `sub-step-${name}`),
]) {
  test(`what would be recorded byte for byte is refused, and nothing applied: ${name}`, async () => {
    const { question } = await run(name);
    assert.match(
      question?.findings[0]?.found.text ?? '',
      /^secret-in-output: (?:Sub-step step:\S+: )?The secret PLANTED_TOKEN must be in no .* Nothing was applied\./,
    );
    assert.deepEqual(readdirSync(join(root, jobs.at(-1)!)), ['.holdfast']);
  });
}

for (const name of ['row', 'statement', 'query']) {
  test(`a database is given no secret: ${name}`, async () => {
    const { question } = await run(name, {
      ...TABLE,
      steps: [
        table,
        {
          id: 'step',
          use: 'leak',
          needs: ['table'],
          retry: { maxAttempts: 1 },
          with: { how: name, token: `\${{ secrets.${SECRET} }}` },
        },
      ],
    });
    const holder = 'a (row|statement|query) of the database main';
    assert.match(
      question?.findings[0]?.found.text ?? '',
      new RegExp(`^secret-in-output: The secret PLANTED_TOKEN must be in no record: ${holder} would hold it`),
    );
  });
}

test('an error is asked about, and tried again, with the name in the secret’s place', async () => {
  const name = '«secret PLANTED_TOKEN»';
  for (const [how, id] of Object.entries({ throw: 'step', 'sub-step-throw': 'step:inner' })) {
    const message = `Step ${id} failed: Error: failed: ${name} {"token":"${name}"} https://host/?token=${name}`;
    assert.ok((await run(how)).question!.findings[0]!.difference.includes(message), how);
  }
  await run('throw-long');
  // The server stores only a short text of a failure that it retries.
  const retried = await start(
    'throw-short',
    {},
    { retry: { maxAttempts: 50, initialIntervalMs: 5_000, maxIntervalMs: 60_000 } },
  );
  jobs.push(retried);
  await untilFound(
    async () =>
      (await client.status(retried)).retrying?.some(({ failure }) =>
        failure.message.includes('«secret PLANTED_TOKEN»'),
      ) === true
        ? true
        : undefined,
    { what: 'it is tried again', ...PATIENCE },
  );
});

test('a call’s request and answer are recorded with the name in the secret’s place, as are its doubts', async () => {
  assert.deepEqual(outputOf(await run('call')), { answered: 1 });
  const { question } = await run('call-in-doubt');
  assert.equal(question?.kind, 'in-doubt');
  assert.match(question.findings[0]!.difference, /no answer for «secret PLANTED_TOKEN»/);
  const before = received.length;
  const http = await run(
    'http',
    { http: { hosts: [url] } },
    {
      use: 'http',
      with: {
        url: `${url}/echo`,
        method: 'POST',
        headers: { Authorization: `Bearer \${{ secrets.${SECRET} }}`, 'X-Env': { env: SECRET } },
        json: { a: 1 },
      },
    },
  );
  assert.equal(http.outcome, 'completed', JSON.stringify(http.question));
  assert.equal(received[before]!.authorization, `Bearer ${USED}`);
});

test('a command gets the secret in its environment; its output shows the name, its files are refused', async () => {
  const command = (name: string, script: string): Promise<End> =>
    run(name, {}, { use: 'command', with: { run: ['sh', '-c', script], env: { TOKEN: `\${{ secrets.${SECRET} }}` } } });
  const { result } = await command(
    'command-says',
    'printf %s "$TOKEN"; printf "x%s" "$TOKEN" | base64; printf "%s" "$TOKEN" | head -c 7; sleep 0.1; ' +
      'printf "%s" "$TOKEN" | tail -c +8; printf %s "$TOKEN" >&2; test ${#TOKEN} -eq 14',
  );
  const { stdout, stderr } = (result as { outputs: { step: { stdout: string; stderr: string } } }).outputs.step;
  assert.match(stdout, /^«secret PLANTED_TOKEN».*«secret PLANTED_TOKEN».*«secret PLANTED_TOKEN»$/s);
  assert.equal(stderr, '«secret PLANTED_TOKEN»');
  const argument = await run(
    'command-argument',
    {},
    { use: 'command', with: { run: ['printf', '%s', `\${{ secrets.${SECRET} }}`] } },
  );
  assert.equal((outputOf(argument) as { stdout: string }).stdout, '«secret PLANTED_TOKEN»');
  const failed = await command('command-fails', 'echo "no: $TOKEN" >&2; exit 3');
  assert.match(failed.question!.findings[0]!.difference, /no: «secret PLANTED_TOKEN»/);
  for (const script of [
    'printf %s "$TOKEN" > leak.txt',
    'printf "%s" "$TOKEN" | base64 > leak.txt',
    'head -c 300000 /dev/zero > leak.bin; printf "xx%s" "$TOKEN" | base64 >> leak.bin',
    'touch "$(printf %s "$TOKEN" | base64 | tr / _)"',
  ]) {
    const { question } = await command('command-writes', script);
    assert.match(
      question?.findings[0]?.found.text ?? '',
      /^secret-in-output: The secret PLANTED_TOKEN must be in no record/,
      script,
    );
    assert.deepEqual(readdirSync(join(root, jobs.at(-1)!)), ['.holdfast']);
  }
});

test('what is missing, too short or not declared is asked about, with variable and worker', async () => {
  const missing = await run(
    'use',
    { secrets: ['NOT_SET_ANYWHERE'] },
    { with: { how: 'use', token: '${{ secrets.NOT_SET_ANYWHERE }}' } },
  );
  const { text } = missing.question!.findings[0]!.found;
  const lacks = 'The environment of the worker \\S+ has no variable NOT_SET_ANYWHERE';
  assert.match(text, new RegExp(`^missing-secret: Step step needs the secret NOT_SET_ANYWHERE\\. ${lacks}`));
  assert.match(
    missing.question!.findings[0]!.advice!,
    /Set the environment variable for the worker and restart it, then decide `rerun`/,
  );
  const short = await run(
    'use',
    { secrets: ['SHORT_TOKEN'] },
    { with: { how: 'use', token: '${{ secrets.SHORT_TOKEN }}' } },
  );
  assert.match(short.question!.findings[0]!.found.text, /a variable SHORT_TOKEN of 7 characters/);
  const undeclared = await run('undeclared');
  assert.match(undeclared.question!.findings[0]!.found.text, /^undeclared-secret: .*it declares PLANTED_TOKEN/);
});

test('a database’s password is not in what is said when it can’t be reached', async () => {
  const job = await start('query', { databases: { main: { url: '${{ env.LEAK_DATABASE_URL }}' } } });
  jobs.push(job);
  await endOf(job);
});

test('what a person writes into a file that the job made is shown with the name in the secret’s place', async () => {
  const job = await start(
    'file',
    {},
    { id: 'first', use: 'file.write', with: { path: 'note.txt', content: 'nothing\n' } },
  ).catch((error: unknown) => assert.fail(String(error)));
  await untilFound(async () => ((await client.result(job)).outcome === 'completed' ? true : undefined), {
    what: 'it has ended',
    ...PATIENCE,
  });
  const again = temporal.unique('edited');
  await client.start(
    {
      schemaVersion: 1,
      name: 'edited',
      workspace: again,
      secrets: [SECRET],
      verifyAfterMinutes: 0.01,
      steps: [
        { id: 'first', use: 'file.write', with: { path: 'note.txt', content: 'nothing\n' } },
        { id: 'pause', use: 'wait', needs: ['first'], with: { seconds: 2 } },
        { id: 'copy', use: 'file.copy', needs: ['pause'], with: { from: 'note.txt', to: 'copy.txt' } },
      ],
    } as never,
    { workflowId: again, taskQueue: queue },
  );
  await untilFound(
    async () =>
      (await client.status(again)).steps.some(({ id, state }) => id === 'first' && state === 'done') ? true : undefined,
    { what: 'it pauses', ...PATIENCE },
  );
  writeFileSync(join(root, again, 'note.txt'), `a person was here with ${USED}\n`);
  const { question } = await endOf(again);
  assert.match(question!.findings[0]!.difference, /\+a person was here with «secret PLANTED_TOKEN»/);
  const verify = await cli(['verify', again], { cwd: root, env: { ...temporal.env, [SECRET]: USED } });
  assert.match(verify.out, /file:note\.txt {2}changed/);
  mustNotHold('verify', verify.out);
  mustNotHold(
    'question',
    (await cli(['question', again, '--full'], { cwd: root, env: { ...temporal.env, [SECRET]: USED } })).out,
  );
  mustNotHold('history', JSON.stringify(question));
  // The person's own file may hold the secret; the search below is for the record only.
  writeFileSync(join(root, again, 'note.txt'), 'nothing\n');
});

test('a step whose input, and so the history, has a secret’s value is refused; the record has it not', async () => {
  await using job = openTestJob({ steps: [leak], secrets: [SECRET], env: { [SECRET]: USED } });
  const asked = await job.step(leak.contract, { how: 'given', token: USED }).catch((error: unknown) => error);
  assert.ok(asked instanceof QuestionAsked);
  const holder = 'what step leak is given, and what is in the history already,';
  assert.match(
    asked.question.findings[0]!.found.text,
    new RegExp(`secret-in-output: The secret PLANTED_TOKEN must be in no record: ${holder} would hold it`),
  );
  for (const entry of readdirSync(join(job.workspace, '.holdfast'), { withFileTypes: true }))
    if (entry.isFile()) mustNotHold(entry.name, readFileSync(join(entry.parentPath, entry.name)));
});

test('secret and password are nowhere: in history, ledger, blobs, files, output of worker and commands', async () => {
  assert.ok(jobs.length >= 20);
  assert.equal((await run('large')).outcome, 'completed');
  for (const { workflowId } of (await client.list({ limit: 100 })).jobs) {
    const execution = { workflowId };
    const { workflowService } = temporal.connection;
    let nextPageToken: Uint8Array | undefined;
    do {
      const page = await workflowService.getWorkflowExecutionHistory({
        namespace: temporal.namespace,
        execution,
        ...(nextPageToken === undefined ? {} : { nextPageToken }),
      });
      lookInto(`history of ${workflowId}`, page);
      nextPageToken = page.nextPageToken?.length ? page.nextPageToken : undefined;
    } while (nextPageToken !== undefined);
    lookInto(
      `description of ${workflowId}`,
      await workflowService.describeWorkflowExecution({ namespace: temporal.namespace, execution }),
    );
    for (const command of [['status'], ['question', '--full'], ['log'], ['result'], ['verify']]) {
      for (const json of [[], ['--json']]) {
        const ran = await cli([command[0]!, workflowId, ...command.slice(1), ...json], {
          cwd: root,
          env: { ...temporal.env },
        });
        mustNotHold(`${command.join(' ')} of ${workflowId}`, ran.out + ran.err);
      }
    }
  }
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  assert.ok(
    files.some((file) => file.endsWith('ledger.sqlite-wal')) && files.some((file) => file.includes('/blobs/')),
    files.join('\n'),
  );
  for (const file of files) {
    mustNotHold('the name of a file', file);
    mustNotHold(file, readFileSync(file));
  }
  mustNotHold('the output of the worker', printed.join(''));
  assert.ok(printed.join('').includes('«secret PLANTED_TOKEN»'));
});
