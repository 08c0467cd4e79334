/**
 * Makes a lost record anew, as it was planned: the stored chain, what is adopted from the history, and the decision.
 *
 * Invariant: all of it is there at once, the decision too, or nothing is.
 */
import { digestOf } from '../../model/digest.ts';
import { invariant } from '../../model/invariant.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { Decision } from '../../model/question/decision.ts';
import { stateDigest } from '../../model/record/world.ts';
import type { Change, StepRecord } from '../../model/record/record.ts';
import { appendRecord, planRecord, type NewRecord } from '../../store/ledger/chain.ts';
import { makeLedger, setLedgerAside } from '../../store/ledger/make-ledger.ts';
import type { LedgerTables } from '../../store/ledger/tables.ts';
import { addRebuiltJob, placeRebuiltJob, putDoneClaim, rebuildLedger } from '../checkpoint/rebuild-ledger.ts';
import { planState } from '../look/digests.ts';
import { LEDGER } from '../question/ledger.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { changeOfTrace } from './database-traces.ts';
import type { Known, KnownStep } from './known-job.ts';
import type { RebuildPlan } from './rebuild-plan.ts';
import { storeOf } from './stored-base.ts';

const NOT_TOLD = 'what it changed is not known: its record was lost, and made anew from the history';

export interface NewRecordOf {
  readonly workspace: Workspace;
  readonly jobId: string;
  readonly workflowId: string;
  readonly runId: string;
  readonly settings: JobSettings;
  readonly known: ChainPlace;
  readonly decision: Decision;
  readonly again: readonly string[];
  readonly notes: readonly string[];
  /** Where relative paths of stores begin. */
  readonly base: string;
  /** Under the lock, before anything is moved. @throws HoldfastError `not-current-run` */
  readonly mayAct: () => Promise<void>;
}

/** @returns where the chain ends now */
export async function makeRecord(plan: RebuildPlan, making: NewRecordOf): Promise<ChainPlace> {
  const { workspace, settings, base, mayAct, decision } = making;
  const before = async (): Promise<void> => {
    await mayAct();
    setLedgerAside(workspace.directory, decision.digest, plan.digest);
  };
  const after = (tables: LedgerTables): void => addBeyond(tables, plan, making);
  if (plan.stored === undefined) return await makeFromHistory(making, before, after);
  const store = storeOf(settings, base, workspace.env);
  invariant(store !== undefined, 'what was stored has a store');
  try {
    const end = await rebuildLedger(workspace, { stored: plan.stored, store, settings, before, after });
    // What is sealed from now on takes their numbers.
    for (const { seq, why } of plan.unreadable) await store.setAside(making.jobId, seq, why);
    return end;
  } finally {
    await store.close();
  }
}

async function makeFromHistory(
  { workspace, jobId, workflowId, runId, settings }: NewRecordOf,
  before: () => Promise<void>,
  after: (tables: LedgerTables) => void,
): Promise<ChainPlace> {
  return await workspace.withoutLedger('rebuild the ledger', async () => {
    await before();
    return await makeLedger(workspace.directory, (tables) => {
      tables.file.transaction(() => {
        addRebuiltJob(tables, { jobId, workflowId, runId, settings });
        const digest = stateDigest(planState(settings));
        append(tables, { jobId, runId }, { kind: 'opened', workflowId, settings: digest, changes: [] });
        placeRebuiltJob(tables, jobId, 'open');
        after(tables);
      });
      return tables.jobs.endOf(jobId)!;
    });
  });
}

/** What is not in the stored chain. */
function addBeyond(tables: LedgerTables, plan: RebuildPlan, making: NewRecordOf): void {
  const { jobId, runId, settings } = making;
  const by = { jobId, runId };
  for (const one of plan.adopted) adopt(tables, plan, one, by);
  for (const [stepId, generation] of plan.generations)
    if (generation > 0) tables.generations.issue(jobId, stepId, generation);
  for (const { stepId, next } of plan.anew) tables.generations.issue(jobId, stepId, next);
  // A call of a step that is not known to be done may have been made under the key of any of these.
  for (const { stepId, generation } of plan.anew) tables.meta.noteUnknownCalls(stepId, generation);
  for (const one of plan.adopted) if (one.kind === 'step') tables.meta.noteUnknownCalls(one.stepId, one.generation);
  append(tables, by, decisionFields(plan, making));
  tables.jobs.setRun(jobId, runId, settings);
}

function adopt(
  tables: LedgerTables,
  plan: RebuildPlan,
  one: Known,
  by: { readonly jobId: string; readonly runId: string },
): void {
  if (one.kind === 'step') return adoptStep(tables, plan, one, by);
  const { parent: parentDigest, ...noted } = one.note;
  const parent = parentDigest === null ? null : tables.records.checkpointSeq(by.jobId, parentDigest);
  // What it went on from is not known: it would be of no line.
  if (parent === undefined) return;
  append(tables, by, { kind: 'checkpoint', ...noted, parent, changes: [] }, one.at);
}

function adoptStep(
  tables: LedgerTables,
  plan: RebuildPlan,
  { stepId, step, generation, token, args, argsText, output, uses, at }: KnownStep,
  by: { readonly jobId: string; readonly runId: string },
): void {
  if (argsText !== undefined) tables.contents.put(args, new TextEncoder().encode(argsText));
  const traces = plan.traces.filter((trace) => trace.token === token).map(changeOfTrace);
  const files = (plan.files.get(token) ?? []).map(({ resource, state }): Change => ({
    resource,
    role: 'accepted',
    state,
  }));
  const record = append(
    tables,
    by,
    {
      kind: 'step',
      stepId,
      step,
      version: '',
      generation,
      token,
      args,
      intent: digestOf({ rebuilt: token }),
      output,
      uses: uses === null ? null : [...uses],
      effects: [],
      unrecorded: [{ what: `step:${stepId}`, why: NOT_TOLD }],
      changes: [...traces, ...files],
      logs: [],
      rebuilt: true,
    },
    at,
  );
  putDoneClaim(tables, record as StepRecord);
}

function decisionFields(
  plan: RebuildPlan,
  { decision, known, again, notes }: NewRecordOf,
): Extract<NewRecord, { kind: 'decision' }> {
  const adopted = new Set(plan.adopted.map((one) => (one.kind === 'step' ? one.token : '')));
  const checkpoint = plan.stored?.checkpoint.place.seq ?? 0;
  return {
    kind: 'decision',
    question: decision.digest,
    questionKind: 'damaged',
    answers: { [LEDGER]: 'rebuild' },
    by: decision.by,
    reason: decision.reason,
    reruns: plan.anew.map(({ stepId, next }) => ({ stepId, generation: next })),
    adopts: [],
    changes: plan.traces.filter(({ token }) => !adopted.has(token)).map(changeOfTrace),
    kept: {},
    ...(again.length > 0 && { again: [...again] }),
    rebuilds: { checkpoint, known: known.seq },
    notes: [...notes],
  };
}

function append(
  tables: LedgerTables,
  by: { readonly jobId: string; readonly runId: string },
  fields: NewRecord,
  at = new Date().toISOString(),
): ReturnType<typeof appendRecord>['record'] {
  return appendRecord(tables, planRecord(tables.jobs, fields, { ...by, at })).record;
}
