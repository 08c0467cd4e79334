/**
 * Undoes an aborted job, newest first: one Activity a record, so that the history shows each, and a question wherever
 * the world is not as the record left it.
 *
 * Invariants
 * 1. What is left to undo comes from Activities' results; a Run that goes on in a new one asks for it again.
 * 2. A person's `abort` ends it: what is not undone then stays as it is.
 */
import { ActivityFailure, ApplicationFailure, TemporalFailure } from '@temporalio/workflow';
import { shortDigest } from '../model/digest.ts';
import type { BeginUndoResult, UndoItem, UndoReport } from '../model/job/undo.ts';
import type { VerificationReason } from '../model/job/verify-world.ts';
import { callBeginUndo, callUndoStep } from './activities.ts';
import type { Gate } from './gate.ts';
import type { StepBoard } from './step-board.ts';

/** Why a job is undone; carried by continue-as-new. */
export interface Undoing {
  readonly by: string;
  readonly reason: string;
  /** The question that was answered so; null: it was asked to without one. */
  readonly question: string | null;
  readonly notes: readonly string[];
}

export interface UndoOptions {
  readonly jobId: string;
  readonly workspace: string;
  readonly gate: Gate;
  readonly board: StepBoard;
  /** Called after each: the history may be long. May throw ContinueAsNew. */
  readonly onUndone: () => Promise<void>;
}

const ATTEMPTS_AT_THE_END = 3;
const NOTHING: UndoReport = { steps: 0, effects: '', left: [], leftTotal: 0 };

/** Returns the failure that the job ends with. @throws ContinueAsNew */
export async function undoJob(options: UndoOptions, undoing: Undoing): Promise<ApplicationFailure> {
  const { board } = options;
  for (const { id, state } of board.steps) if (state !== 'done') board.set(id, { state: 'waiting' });
  const progress: Progress = { last: { report: NOTHING, items: [], total: 0 }, reason: 'decided' };
  let stopped: ApplicationFailure | undefined;
  try {
    stopped = await undoAll(options, undoing, progress);
  } catch (error) {
    // What won't pass by itself, and is no question: the workspace can't even be opened.
    if (!(error instanceof ActivityFailure)) throw error;
    stopped = ApplicationFailure.create({
      message: error.cause?.message ?? error.message,
      type: 'aborted',
      nonRetryable: true,
    });
  }
  if (stopped !== undefined) await tellWhatIsLeft(options, undoing, progress);
  return aborted(undoing, progress.last, stopped);
}

interface Progress {
  last: Pick<Extract<BeginUndoResult, { kind: 'ready' }>, 'report' | 'items' | 'total'>;
  reason: VerificationReason;
}

/** Returns why a person ended it before its end, if one did. */
async function undoAll(
  options: UndoOptions,
  undoing: Undoing,
  progress: Progress,
): Promise<ApplicationFailure | undefined> {
  const { gate } = options;
  let detail = undoing.question === null ? `asked by ${undoing.by}` : `question ${shortDigest(undoing.question)}`;
  for (;;) {
    const { reason } = progress;
    const begun = await gate.beginUndo((base) =>
      callBeginUndo({ ...base, reason, detail: detail.slice(0, 500), by: undoing.by, why: undoing.reason }),
    );
    if (begun instanceof ApplicationFailure) return begun;
    progress.last = begun;
    if (begun.items.length === 0) return undefined;
    const outcome = await undoItems(options, begun);
    if (outcome instanceof ApplicationFailure) return outcome;
    ({ reason: progress.reason, detail } = outcome);
  }
}

/** As it is now; nothing is waited for any more. */
async function tellWhatIsLeft({ gate }: UndoOptions, { by, reason: why }: Undoing, progress: Progress): Promise<void> {
  try {
    const now = await gate.beginOnce((base) =>
      callBeginUndo(
        { ...base, reason: progress.reason, detail: 'the undoing was ended', by, why },
        ATTEMPTS_AT_THE_END,
      ),
    );
    if (now.kind === 'ready') progress.last = now;
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
  }
}

/** Why it is to be begun again; all of these are undone, or something has come between. */
async function undoItems(
  { jobId, workspace, gate, board, onUndone }: UndoOptions,
  { items, mark }: Extract<BeginUndoResult, { kind: 'ready' }>,
): Promise<ApplicationFailure | { readonly reason: VerificationReason; readonly detail: string }> {
  let isFirst = true;
  for (const item of items) {
    for (let isUndone = false; !isUndone;) {
      if (gate.stopped !== undefined) return gate.stopped;
      board.set(item.stepId, { step: item.step, generation: item.generation, state: 'undoing' });
      gate.onChange();
      const result = await callUndoStep({
        ...item,
        jobId,
        workspace,
        term: gate.term,
        known: gate.known,
        ...(isFirst ? { mark } : {}),
      });
      isFirst = false;
      if (result.kind === 'begin-again') return result;
      if (result.kind === 'question') {
        const stopped = await gate.answeredWhileUndoing(result.question);
        if (stopped !== undefined) return stopped;
        continue;
      }
      gate.advance(result.at);
      isUndone = true;
      noteUndone(board, item, items, result.left);
    }
    gate.onChange();
    await onUndone();
  }
  return { reason: 'decided', detail: 'what was listed is undone' };
}

/** An older record of the same step may still be to come. */
function noteUndone(board: StepBoard, item: UndoItem, items: readonly UndoItem[], left: number): void {
  const isLast = items.findLast(({ stepId }) => stepId === item.stepId) === item;
  if (isLast) board.set(item.stepId, { state: left === 0 ? 'undone' : 'partly-undone' });
}

function aborted(
  { by, reason, question, notes }: Undoing,
  {
    report,
    items,
    total,
  }: { readonly report: UndoReport; readonly items: readonly UndoItem[]; readonly total: number },
  stopped: ApplicationFailure | undefined,
): ApplicationFailure {
  const { steps, effects, left, leftTotal } = report;
  const untouched = [...new Set(items.map(({ stepId }) => stepId))];
  const done = `Undone: ${steps} ${steps === 1 ? 'step' : 'steps'}${effects === '' ? '' : ` (${effects})`}.`;
  const rest =
    leftTotal === 0
      ? ''
      : ` Not undone: ${left
          .slice(0, 5)
          .map(({ what, why }) => `${what} (${why})`)
          .join('; ')}${leftTotal > 5 ? `; and ${leftTotal - 5} more` : ''}.`;
  const end =
    stopped === undefined
      ? ''
      : ` It was not undone to the end: ${stopped.message}.${total === 0 ? '' : ` Left as they are: ${untouched.slice(0, 10).join(', ')}${total > 10 ? ', …' : ''}.`}`;
  return ApplicationFailure.create({
    message: `Aborted by ${by}: ${reason}${/[.!?]$/.test(reason) ? '' : '.'} ${done}${rest}${end}`,
    type: 'aborted',
    nonRetryable: true,
    details: [
      {
        question,
        notes: [...notes],
        undone: { ...report, isComplete: stopped === undefined, ...(stopped === undefined ? {} : { untouched }) },
      },
    ],
  });
}
