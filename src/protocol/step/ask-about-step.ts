/** What a person is asked about one step, and the results that carry the questions. Call under the lock. */
import { shortDigest, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { ResumedFailure } from '../../model/record/record.ts';
import { canBeUndone } from '../../model/record/effect.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { approvalFinding } from '../question/approval.ts';
import { ask, forPayload } from '../question/ask.ts';
import {
  doneByAnotherFinding,
  halfAppliedFinding,
  withResumesFinding,
  withSubStepsFinding,
} from '../question/stuck.ts';
import type { StepRun } from './step-run.ts';

export function askAboutStep(run: StepRun, ledger: Ledger, findings: readonly Finding[], why: string): RunStepResult {
  const { workspace, caller, request, work } = run;
  const { jobId, stepId } = request;
  const asking = { jobId, runId: caller.runId, stepId, token: work.token, why, findings };
  return { kind: 'question', question: forPayload(ask(ledger, workspace.secrets, asking)) };
}

export interface StuckHow {
  readonly kind?: 'inputs-keep-changing';
  /** In the attempt that failed. */
  readonly subStepsDone?: number;
  /** What it failed with before it resumed by itself. */
  readonly resumed?: readonly ResumedFailure[];
}

export function askStuck(
  run: StepRun,
  ledger: Ledger,
  failure: HoldfastError,
  { kind, subStepsDone = 0, resumed = [] }: StuckHow = {},
): RunStepResult {
  const { work, request } = run;
  const stuck = work.stuck(failure, kind);
  const row = ledger.intent(work.token);
  const isHalfApplied = row?.state === 'applying' && stuck.class === 'stuck';
  const earlier = isTakenKey(failure) ? ledger.sameStepOfAnother(request.jobId, request.stepId) : undefined;
  const told = earlier === undefined ? stuck : doneByAnotherFinding(stuck, earlier);
  const withParts = subStepsDone === 0 ? told : withSubStepsFinding(told, subStepsDone);
  const resumable = resumed.length === 0 ? withParts : withResumesFinding(withParts, resumed);
  const finding = isHalfApplied ? halfAppliedFinding(told, canBeUndone(row.intent.effects)) : resumable;
  return askAboutStep(run, ledger, [finding], `step ${request.stepId} cannot go on`);
}

/** PostgreSQL's unique_violation; SQLite's SQLITE_CONSTRAINT_PRIMARYKEY, _UNIQUE and _ROWID. */
const TAKEN_KEY: readonly unknown[] = ['23505', 1555, 2067, 2579];

function isTakenKey({ details }: HoldfastError): boolean {
  return TAKEN_KEY.includes(details['sqlState'] ?? details['sqliteCode']);
}

/** One token stands for one set of arguments. */
export function askTokenConflict(
  run: StepRun,
  ledger: Ledger,
  { stepId, args }: { readonly stepId: string; readonly args: Digest },
): RunStepResult {
  const recorded = shortDigest(args);
  const given = shortDigest(run.work.args);
  return askStuck(
    run,
    ledger,
    new HoldfastError(
      'token-conflict',
      `Step ${stepId} is recorded with other arguments (${recorded}) than it is given now (${given}). ` +
        'What it did is not done again under the same token.',
    ),
  );
}

export function isApproved({ request }: StepRun, ledger: Ledger, digest: Digest): boolean {
  return ledger.approvalOf(request.jobId, digest) !== undefined;
}

/** The question for exactly this intent: the one that is open, or a new one. */
export function approvalRequired(
  run: StepRun,
  ledger: Ledger,
  row: IntentRow,
  differences: readonly string[] = [],
): RunStepResult {
  const { jobId, stepId } = run.request;
  const open = ledger
    .openQuestions(jobId)
    .find(
      (question) =>
        question.token === run.work.token &&
        question.kind === 'approval' &&
        question.findings[0]?.found.digest === row.digest,
    );
  if (open !== undefined) return { kind: 'question', question: forPayload(open) };
  const summary = { output: row.intent.output, logs: row.details.logs };
  const finding = approvalFinding(row.intent, row.digest, differences, summary);
  return askAboutStep(run, ledger, [finding], `step ${stepId} asks before it applies`);
}
