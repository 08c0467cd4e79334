/**
 * Undoes an aborted job, newest first: one Activity a record, so that the history shows each, or one for as many
 * sub-steps of a step as are listed; and a question wherever the world is not as the record left it.
 *
 * Invariants
 * 1. What remains to be undone comes from Activities' results; a new Run requests it again.
 * 2. A person's `abort` ends it, also what is in flight: what is not undone then stays as it is.
 */
import {
  ActivityFailure,
  ApplicationFailure,
  isCancellation,
  TemporalFailure,
  type CancellationScope,
} from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import { shortDigest } from '../../model/digest.ts';
import { undoBatches, type UndoBatch } from '../../model/job/undo-batches.ts';
import { isPartOf, requestedStepOf } from '../../model/sub-step-id.ts';
import type { UndoItem, UndoReport } from '../../model/job/undo.ts';
import type { VerificationReason } from '../../model/job/verify-world.ts';
import { callBeginUndo, callUndoStep } from '../activities.ts';
import type { Undoing } from '../state/ending.ts';
import type { Knowledge } from '../state/knowledge.ts';
import type { OpenQuestions } from '../state/open-questions.ts';
import type { JobIdentity } from '../state/run-origin.ts';
import type { StepBoard } from '../state/step-board.ts';
import type { WorkerWatch } from '../state/worker-watch.ts';
import { undoFailure, type UndoProgress } from './failure.ts';
import type { ReadyUndo, UndoGate } from './gate.ts';

export interface UndoOptions {
  readonly identity: JobIdentity;
  readonly gate: UndoGate;
  readonly board: StepBoard;
  readonly knowledge: Knowledge;
  readonly questions: OpenQuestions;
  readonly watch: WorkerWatch;
  /** Ends what is in flight when a person ends the undoing. Undefined: that is waited for. */
  readonly scope: CancellationScope | undefined;
  /** Called after each: the history may be long. May throw ContinueAsNew. */
  readonly onUndone: () => Promise<void>;
}

const ATTEMPTS_AT_THE_END = 3;
const MAX_DETAIL_CHARACTERS = 500;
const NOTHING: UndoReport = { steps: 0, effects: '', left: [], leftTotal: 0 };

/** Why the undoing is begun again. */
interface Beginning {
  readonly reason: VerificationReason;
  readonly detail: string;
}

interface Progress {
  last: UndoProgress;
  reason: VerificationReason;
}

/** Returns the failure that the job ends with. @throws ContinueAsNew */
export async function undoJob(options: UndoOptions, undoing: Undoing): Promise<ApplicationFailure> {
  const { board, gate, scope } = options;
  for (const { id, state } of board.steps) if (state !== 'done') board.set(id, { state: 'waiting' });
  const progress: Progress = { last: { report: NOTHING, items: [], total: 0 }, reason: 'decided' };
  gate.enter();
  if (gate.stopped !== undefined) scope?.cancel();
  const all = (): ReturnType<typeof undoAll> => undoAll(options, undoing, progress);
  let stopped: ApplicationFailure | undefined;
  try {
    stopped = await (scope === undefined ? all() : scope.run(all));
  } catch (error) {
    stopped = isCancellation(error) ? gate.stopped : undefined;
    // What won't pass by itself, and is no question: the workspace can't even be opened.
    if (stopped === undefined && !(error instanceof ActivityFailure)) throw error;
    stopped ??= ApplicationFailure.create({
      message: causeOf(error),
      type: 'aborted',
      nonRetryable: true,
    });
  }
  if (stopped !== undefined) await noteWhatRemains(options, undoing, progress);
  return undoFailure(undoing, progress.last, stopped);
}

function causeOf(error: unknown): string {
  const { cause, message } = error as ActivityFailure;
  return cause?.message ?? message;
}

/** Returns why a person ended it before its end, if one did. */
async function undoAll(
  options: UndoOptions,
  undoing: Undoing,
  progress: Progress,
): Promise<ApplicationFailure | undefined> {
  const { gate, watch } = options;
  const { by, reason: why } = undoing;
  /** Sub-steps, by the step in whose code they ran. */
  const undone = new Map<string, number>();
  let detail = undoing.question === null ? `asked by ${by}` : `question ${shortDigest(undoing.question)}`;
  for (;;) {
    const { reason } = progress;
    const request = { reason, detail: detail.slice(0, MAX_DETAIL_CHARACTERS), by, why };
    const begun = await gate.begin((base) =>
      watch.untilTaken({ activity: 'beginUndo' }, (withinMs) => callBeginUndo({ ...base, ...request }, withinMs)),
    );
    if (begun instanceof ApplicationFailure) return begun;
    progress.last = begun;
    if (begun.items.length === 0) return undefined;
    const outcome = await undoItems(options, begun, undone);
    if (outcome instanceof ApplicationFailure) return outcome;
    ({ reason: progress.reason, detail } = outcome);
  }
}

/** Takes down what is not undone, as it is now; nothing is waited for any more. */
async function noteWhatRemains(options: UndoOptions, undoing: Undoing, progress: Progress): Promise<void> {
  const { gate, watch } = options;
  const { by, reason: why } = undoing;
  const request = { reason: progress.reason, detail: 'the undoing was ended', by, why };
  try {
    const now = await gate.beginOnce((base) =>
      watch.untilTaken({ activity: 'beginUndo' }, (withinMs) =>
        callBeginUndo({ ...base, ...request }, withinMs, ATTEMPTS_AT_THE_END),
      ),
    );
    if (now.kind === 'ready') progress.last = now;
  } catch (error) {
    if (!(error instanceof TemporalFailure)) throw error;
  }
}

/** Returns why it is to be begun again: all of these are undone, or something has come between. */
async function undoItems(
  { identity, gate, board, knowledge, questions, watch, onUndone }: UndoOptions,
  { items, mark, report }: ReadyUndo,
  undone: Map<string, number>,
): Promise<ApplicationFailure | Beginning> {
  let isFirst = true;
  const left = leftBefore(report);
  for (const batch of undoBatches(items)) {
    for (let rest: readonly UndoItem[] = batch; rest.length > 0;) {
      if (gate.stopped !== undefined) return gate.stopped;
      const [item, ...more] = rest as UndoBatch;
      noteUndoing(board, item);
      questions.onChange();
      const place = { term: knowledge.term, known: knowledge.known };
      const id = requestedStepOf(item.stepId);
      const also = defined({
        mark: isFirst ? mark : undefined,
        more: more.length === 0 ? undefined : more,
        undoneBefore: more.length === 0 ? undefined : undone.get(id),
      });
      const request = { ...item, ...identity, ...place, ...also };
      const result = await watch.untilTaken(
        { activity: 'undoStep', stepId: id },
        (withinMs) => callUndoStep(request, withinMs),
        { of: item.stepId, generation: item.generation },
      );
      isFirst = false;
      if (result.kind === 'begin-again') return result;
      if (result.kind === 'question') {
        const before = result.before?.items ?? 0;
        rest = rest.slice(before);
        undone.set(id, (undone.get(id) ?? 0) + before);
        noteLeft(left, item, result.before?.left ?? 0);
        const stopped = await gate.whenAnswered(result.question);
        if (stopped !== undefined) return stopped;
        continue;
      }
      knowledge.advance(result.at);
      undone.set(id, (undone.get(id) ?? 0) + rest.length);
      rest = [];
      noteLeft(left, item, result.left);
    }
    noteUndone(board, batch.at(-1)!, items, left);
    questions.onChange();
    await onUndone();
  }
  return { reason: 'decided', detail: 'what was listed is undone' };
}

/** Sub-steps are seen as the step in whose code they ran. */
function noteUndoing(board: StepBoard, { stepId, step, generation }: UndoItem): void {
  const id = requestedStepOf(stepId);
  board.set(id, { ...(id === stepId ? { step } : {}), generation, state: 'undoing' });
}

/** What earlier lists have left: a step in whose code that was done stays undone in part, whatever is undone now. */
function leftBefore({ left }: UndoReport): Map<string, number> {
  const counts = new Map<string, number>();
  for (const one of left) noteLeft(counts, one, 1);
  return counts;
}

function noteLeft(left: Map<string, number>, { stepId }: Pick<UndoItem, 'stepId'>, count: number): void {
  const id = requestedStepOf(stepId);
  left.set(id, (left.get(id) ?? 0) + count);
}

/** An older record of the same step, or one of its sub-steps, may still be to come. */
function noteUndone(
  board: StepBoard,
  item: UndoItem,
  items: readonly UndoItem[],
  left: ReadonlyMap<string, number>,
): void {
  const id = requestedStepOf(item.stepId);
  const isLast = items.findLast(({ stepId }) => isPartOf(stepId, id)) === item;
  if (isLast) board.set(id, { state: left.get(id) === 0 ? 'undone' : 'partly-undone' });
}
