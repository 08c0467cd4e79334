/** Model and code side by side: after every operation they must agree. */
import assert from 'node:assert/strict';
import type { Question } from '../../src/model/question/question.ts';
import { readLedger } from '../support/ledger.ts';
import type { Operation } from './operations.ts';
import { perform } from './perform.ts';
import type { WalkedJob } from './real-job.ts';
import type { Rules } from './rules.ts';
import { requestedOf, type Finding, type State, type StepId } from './state.ts';

/** Does the operation in both. Returns the model's next state. */
export async function performBoth(state: State, job: WalkedJob, operation: Operation, rules: Rules): Promise<State> {
  const { state: after, result } = perform(state, operation, rules);
  const real = await job.perform(operation);
  assert.equal(real, result, 'what came of it');
  assert.deepEqual(await job.world(), after.world, 'the world');
  const seen = seenIn(job);
  assert.deepEqual(seen.chain, after.ledger.chain.map(recordText), 'the record');
  assert.deepEqual(seen.open, after.ledger.open.map(({ findings }) => questionText(findings)).sort(), 'open questions');
  assert.deepEqual(
    seen.intents,
    after.ledger.intents.map(({ token, state: at }) => `${token} ${at}`).sort(),
    'intents',
  );
  return after;
}

function seenIn(job: WalkedJob) {
  return readLedgerOf(job, (ledger) => ({
    chain: [...ledger.records(job.jobId)].flatMap(({ record }) => {
      if (record.kind === 'step') return [`${record.stepId}${record.generation}`];
      if (record.kind === 'undone') return [`undone ${record.stepId}${record.generation}`];
      if (record.kind === 'undoing') return ['undoing'];
      if (record.kind !== 'decision') return [];
      const reruns = record.reruns.map(({ stepId, generation }) => `${stepId}${generation}`);
      return [decisionText(Object.values(record.answers), reruns)];
    }),
    open: ledger.openQuestions(job.jobId).map(realQuestionText).sort(),
    intents: ledger
      .openIntents(job.jobId)
      .map(({ intent, state }) => `${intent.undoes === undefined ? '' : '~'}${nameOf(intent)} ${state}`)
      .sort(),
  }));
}

function nameOf({ stepId, generation }: { readonly stepId: string; readonly generation: number }): string {
  return `${stepId.replace('@undo', '')}${generation}`;
}

type ReadLedger = Parameters<typeof readLedger>[1];

function readLedgerOf<T>(job: WalkedJob, read: (ledger: Parameters<ReadLedger>[0]) => T): T {
  try {
    return readLedger(`${job.workspace}/job`, read);
  } catch (error) {
    if ((error as { type?: string }).type === 'not-found' || /no ledger|ENOENT/.test((error as Error).message))
      return { chain: [], open: [], intents: [] } as T;
    throw error;
  }
}

function recordText(record: State['ledger']['chain'][number]): string {
  switch (record.kind) {
    case 'step':
      return `${record.step}${record.gen}`;
    case 'undone':
      return `undone ${record.step}${record.gen}`;
    case 'undoing':
      return 'undoing';
    case 'decision':
      return decisionText(
        record.answers,
        record.reruns.map(([step, gen]) => `${step}${gen}`),
      );
  }
}

/** In which order steps that run again are named does not matter: it is that of the findings, and they ask for each. */
function decisionText(answers: readonly string[], reruns: readonly string[]): string {
  return `${[...new Set(answers)].sort().join('+')} → ${reruns.toSorted().join(' ')}`;
}

function questionText(findings: readonly Finding[]): string {
  return findings
    .map(
      ({ of, cls, answers, reruns }) =>
        `${cls} ${of}: ${[...answers].sort().join(' ')}; ${[...reruns].sort().join(' ')}`,
    )
    .sort()
    .join('\n');
}

function realQuestionText({ findings }: Question): string {
  return findings
    .map(({ resource, class: cls, answers, rerunSteps }) => {
      const offered = answers.filter((answer) => answer !== 'abort' && answer !== 'recheck').sort();
      const reruns = [...new Set(rerunSteps.map((step) => requestedOf(step as StepId)))].sort();
      return `${cls} ${ofResource(resource)}: ${offered.join(' ')}; ${reruns.join(' ')}`;
    })
    .sort()
    .join('\n');
}

function ofResource(resource: string): string {
  if (resource.startsWith('file:')) return resource.slice('file:'.length);
  if (resource.startsWith('row:d1')) return 'x';
  if (resource.startsWith('row:d2')) return 'y';
  if (resource.startsWith('token:')) return resource.replace(/^(token:d\d).*/, '$1');
  return resource;
}
