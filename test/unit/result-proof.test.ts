/** A worker's result is told from one that somebody has made by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isProved, proved, provedRequest, withoutProof } from '../../src/model/job/result-proof.ts';
import { problemOfResult } from '../../src/model/job/result-forms.ts';
import { GENESIS } from '../../src/model/record/chain.ts';
import type { HistoryEntry, ProtocolHost } from '../../src/protocol/host.ts';
import { knownJob } from '../../src/protocol/rebuild/known-job.ts';

const request = {
  jobId: 'job@run',
  workspace: 'w',
  term: 1,
  known: { seq: 1, head: GENESIS },
  stepId: 'a',
  step: 'any',
  generation: 0,
  input: {},
};
const done = (stepId: string, seq: number, output: unknown): object => ({
  kind: 'done',
  stepId,
  generation: 0,
  at: { seq, head: GENESIS },
  output,
  effects: '',
});
const isOf = (given: object, result: unknown): boolean => isProved(provedRequest('runStep', given), result);

test('a result is proved for its request alone, and word for word', () => {
  const result = proved(provedRequest('runStep', request), { ...done('a', 2, { text: 'x' }), approval: undefined });
  const sent = JSON.parse(JSON.stringify(result)) as Readonly<Record<string, unknown>>;
  assert.ok(isOf(request, sent));
  assert.deepEqual(withoutProof(sent), done('a', 2, { text: 'x' }));
  for (const other of [{ stepId: 'b' }, { generation: 1 }, { jobId: 'other@run' }])
    assert.ok(!isOf({ ...request, ...other }, sent), JSON.stringify(other));
  assert.ok(!isProved(provedRequest('undoStep', request), sent));
  assert.ok(!isOf(request, { ...sent, output: { text: 'y' } }));
  assert.ok(!isOf(request, withoutProof(sent)));
  for (const none of [null, undefined, 'done', 7, [], {}, { proof: 7 }]) assert.ok(!isOf(request, none));
});

test('what has not the form of a result says what is wrong with it', () => {
  assert.equal(problemOfResult('runStep', done('a', 2, {})), undefined);
  assert.match(String(problemOfResult('runStep', null)), /^it is null/);
  assert.match(String(problemOfResult('runStep', { kind: 'done' })), /form of a worker's/);
  assert.match(String(problemOfResult('release', {})), /released/);
});

test('a record that is made anew has nothing that somebody completed by hand', async () => {
  const real = proved(provedRequest('runStep', request), done('a', 2, { text: 'real' }));
  const byHand = { ...request, stepId: 'b' };
  const entries: readonly HistoryEntry[] = [
    { activity: 'runStep', request, result: real, at: '2026-11-28T00:00:00Z' },
    { activity: 'runStep', request: byHand, result: done('b', 3, { text: 'invented' }), at: '2026-11-28T00:00:01Z' },
  ];
  const host = {
    steps: new Map(),
    history: (_workflowId: string, _runId: string, visit: (entry: HistoryEntry) => void) => {
      entries.forEach(visit);
      return Promise.resolve({});
    },
  } as unknown as ProtocolHost;
  const { known, begun } = await knownJob(
    { host, workflowId: 'job', runId: 'run', jobId: request.jobId },
    { seq: 0, head: GENESIS },
  );
  assert.deepEqual(
    known.map((one) => one.kind === 'step' && [one.stepId, one.output]),
    [['a', { text: 'real' }]],
  );
  assert.deepEqual(
    begun.map(({ stepId }) => stepId),
    ['b'],
  );
});
