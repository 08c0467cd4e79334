/**
 * Watched endpoints: the version that an endpoint tells is compared before a job goes on.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, beforeEach, test } from 'node:test';
import { fileWriteStep } from '../../src/model/step/built-in/file.ts';
import type { Finding } from '../../src/model/question/finding.ts';
import type { Question } from '../../src/model/question/question.ts';
import { openTestJob, QuestionAsked, type TestJob, type TestJobOptions } from '../../src/testing.ts';
import { CountingServer } from '../support/counting-server.ts';
import { manifestEntry } from '../support/ledger.ts';

const root = mkdtempSync(join(tmpdir(), 'holdfast-http-watch-'));
after(() => rmSync(root, { recursive: true, force: true }));

const SECRET = 'sk-planted-0123456789';
let server: CountingServer;
let job: TestJob;

beforeEach(async () => {
  server = await CountingServer.start();
});

afterEach(async () => {
  await job.close();
  await server.close();
});

type EndpointWatch = Omit<Extract<NonNullable<TestJobOptions['watch']>[number], { kind: 'endpoint' }>, 'kind' | 'name'>;

function open(watch: Partial<EndpointWatch>, options: TestJobOptions = {}): TestJob {
  return openTestJob({
    http: { hosts: [server.url] },
    env: { API_TOKEN: SECRET },
    watch: [{ kind: 'endpoint', name: 'prices', url: `${server.url}/version`, ...watch }],
    ...options,
  });
}

async function asked(): Promise<Question> {
  const result = await job.verify();
  assert.ok(result.kind === 'question', 'nothing is asked');
  return result.question;
}

for (const [what, watch] of [
  ['a header', { header: 'X-API-Version' }],
  ['a part of its JSON', { json: 'info.version' }],
] as const) {
  test(`an endpoint with another version in ${what} than at first is asked about before a further step`, async () => {
    const workspace = mkdtempSync(join(root, 'workspace-'));
    job = open(watch, { workspace });
    await job.step(fileWriteStep, { path: 'a.txt', content: 'a' }, { stepId: 'a' });
    assert.equal(manifestEntry(job.workspace, job.jobId, 'endpoint:watch/prices')?.role, 'watched');
    assert.equal((await job.verify()).kind, 'verified');
    server.version = '2';
    // The worker is lost; its successor compares before a step runs.
    const { memory } = job;
    await job.close();
    job = open(watch, { workspace, resume: memory, workerId: 'successor' });
    const error = await job
      .step(fileWriteStep, { path: 'b.txt', content: 'b' }, { stepId: 'b' })
      .catch((found: unknown) => found);
    assert.ok(error instanceof QuestionAsked, String(error));
    const [finding] = error.question.findings as [Finding];
    assert.deepEqual(
      [finding.resource, finding.kind, finding.class],
      ['endpoint:watch/prices', 'watch-changed', 'discrepancy'],
    );
    assert.match(finding.expected.text, /(header x-api-version|info\.version): 1/);
    assert.match(finding.found.text, /(header x-api-version|info\.version): 2/);
    assert.deepEqual(finding.answers, ['accept', 'recheck', 'abort']);
    assert.equal((await job.decide(error.question, { answer: 'accept' })).kind, 'repaired');
    await job.step(fileWriteStep, { path: 'b.txt', content: 'b' }, { stepId: 'b' });
    assert.ok(server.requests.every(({ method }) => method === 'GET'));
  });
}

test('an endpoint that does not tell its version was not read: neither gone nor unchanged', async () => {
  job = open({ header: 'x-api-version' });
  assert.equal((await job.verify()).kind, 'verified');
  for (const [change, kind, why] of [
    [
      () => (server.version = undefined),
      'unreadable',
      /answers without the header x-api-version; it has .*content-type/,
    ],
    [() => server.next('unavailable', 'unavailable'), 'unreachable', /answered 503/],
    [() => server.next('too-many', 'too-many'), 'unreachable', /answered 429/],
    [() => server.next('refused', 'refused'), 'unreadable', /answered 422/],
    [() => server.next('cut-before', 'cut-before'), 'unreachable', /ended the connection/],
    [() => server.next('silent', 'silent'), 'unreachable', /did not answer within 5000 ms/],
  ] as const) {
    server.version = '1';
    change();
    const [finding] = (await asked()).findings as [Finding];
    assert.deepEqual([finding.kind, finding.class, finding.answers], [kind, 'unverifiable', ['recheck', 'abort']]);
    assert.match(finding.found.text, why);
  }
  server.version = '1';
  assert.equal((await job.verify()).kind, 'verified');
});

test('a watch that cannot be asked says why: its host, its variable, its path, what is no JSON', async () => {
  for (const [watch, why, options] of [
    [{ header: 'etag' }, /is not on the list of hosts that this job may call; it names none/, { http: { hosts: [] } }],
    [
      { header: 'etag', headers: { authorization: { env: 'NOWHERE' } } },
      /The environment variable NOWHERE is not set; the header authorization is to hold it/,
    ],
    [{ json: 'info.build' }, /answers without info\.build: .*holds version, requests/],
    [{ json: '[0]' }, /answers without \[0\]/],
    [{ json: 'info', url: '/stream?bytes=10' }, /does not answer with JSON/],
    [{ json: 'info', url: '/stream?bytes=2000000' }, /answers with more than 1048576 bytes/],
  ] as const satisfies readonly (readonly [Partial<EndpointWatch>, RegExp, TestJobOptions?])[]) {
    job = open('url' in watch ? { ...watch, url: `${server.url}${watch.url}` } : watch, options ?? {});
    const [finding] = (await asked()).findings as [Finding];
    assert.deepEqual([finding.kind, finding.class], ['unreadable', 'unverifiable']);
    assert.match(finding.found.text, why);
    await job.close();
  }
});

test('a secret that an endpoint echoes does not come into the record', async () => {
  job = open({
    url: `${server.url}/echo`,
    json: 'authorization',
    headers: { authorization: { env: 'API_TOKEN', prefix: 'Bearer ' } },
  });
  assert.equal((await job.verify()).kind, 'verified');
  assert.equal(server.requests[0]!.headers['authorization'], `Bearer ${SECRET}`);
  const state = manifestEntry(job.workspace, job.jobId, 'endpoint:watch/prices')?.state;
  assert.ok(state?.kind === 'value');
  assert.equal(state.summary, 'authorization: Bearer ${{ env.API_TOKEN }}');
});
