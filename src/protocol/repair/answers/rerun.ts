/**
 * `rerun`: steps run again. What they did is undone first, newest first; each effect only where the world shows it, or
 * what the question showed.
 */
import type { Answer } from '../../../model/question/answer.ts';
import type { Finding } from '../../../model/question/finding.ts';
import { inUndoOrder, isToApply, uriOf, type DatabaseEffect, type FileEffect } from '../../../model/record/effect.ts';
import { StepHistory } from '../../compare/step-history.ts';
import type { StepRecord } from '../../../model/record/record.ts';
import type { ManifestEntry } from '../../../model/record/manifest.ts';
import type { ResourceState } from '../../../model/record/world.ts';
import { acceptFound } from './accept.ts';
import { fileNow, noteNotJoined, removeEmptyFolder, resetFile } from '../changes/files.ts';
import { fileState } from '../../../model/record/narrowed-state.ts';
import type { RunningRepair } from '../running/running-repair.ts';

/** A resource's drift becomes the record. A stuck step has no state to accept. */
export async function rerun(repair: RunningRepair, finding: Finding): Promise<void> {
  if (finding.class === 'discrepancy') await acceptFound(repair, finding);
}

/** An effect that is taken back: of which record, and in which state. */
export interface TakenBack {
  readonly record: StepRecord;
  readonly index: number;
  readonly effect: FileEffect | DatabaseEffect;
  readonly shown: ResourceState;
}

/** What becomes of a half-applied step's target is said with these, whatever an earlier step had made of it. */
const STAYS: ReadonlySet<Answer | undefined> = new Set<Answer>(['skip', 'overwrite']);

/** Undoes what the steps that run again have in the record. */
export async function undoReruns(repair: RunningRepair): Promise<void> {
  for (const one of await takenBackBy(repair)) await undoEffect(repair, one);
}

/** Newest first. What another step has changed since is left out, and noted. Reads only. */
export async function takenBackBy(repair: RunningRepair): Promise<readonly TakenBack[]> {
  const { ledger, jobId } = repair.context;
  const history = await StepHistory.of(ledger, jobId);
  const records = history.latest.filter(({ stepId }) => repair.rerunsStep(stepId)).reverse();
  const answers = new Map(repair.question.findings.map((one) => [one.resource, repair.answerOf(one)]));
  const takenBack: TakenBack[] = [];
  const met = new Set<string>();
  for (const record of records) {
    for (const { index, ...applied } of inUndoOrder(record.effects.map((one, index) => ({ ...one, index })))) {
      const uri = uriOf(applied.effect);
      const entry = uri === undefined ? undefined : ledger.manifestEntry(jobId, uri);
      if (entry?.stepId !== undefined && !repair.rerunsStep(entry.stepId))
        repair.note(`${uri}: step ${entry.stepId} has changed it since; it is not undone`);
      else if (uri !== undefined && STAYS.has(answers.get(uri)))
        repair.note(`${uri}: it is as was decided for it, and not undone`);
      else if (applied.outcome === 'applied' && isToApply(applied.effect)) {
        const { effect, after } = applied;
        // What was found, or accepted, stands in the place of the newest effect alone: undone, the older one shows.
        const isNewest = uri !== undefined && !met.has(uri);
        const drifted = isNewest && answers.get(uri) === 'rerun' ? repair.found(uri) : undefined;
        const other = drifted ?? (isNewest ? acceptedOf(repair, entry) : undefined);
        takenBack.push({ record, index, effect, shown: other ?? after });
      }
      if (uri !== undefined) met.add(uri);
    }
  }
  return takenBack;
}

/** What a person has accepted in place of the newest effect. A rewind, or an edit, takes it back: bytes are kept. */
function acceptedOf({ sealed }: RunningRepair, entry: ManifestEntry | undefined): ResourceState | undefined {
  const isUnasked = sealed.rewoundTo !== undefined || sealed.edits !== undefined;
  if (!isUnasked || entry?.role !== 'accepted') return undefined;
  return entry.state;
}

async function undoEffect(repair: RunningRepair, one: TakenBack): Promise<void> {
  const { effect, record, shown } = one;
  if ('path' in effect) return await undoFile(repair, one, effect);
  const note = repair.databases.undo(record.stepId, effect, shown);
  if (note !== undefined) repair.note(note);
}

async function undoFile(repair: RunningRepair, { record, index, shown }: TakenBack, effect: FileEffect): Promise<void> {
  const { stepId, seq } = record;
  const { path, before: wanted } = effect;
  const resource = uriOf(effect)!;
  const part = { kind: 'record', seq, effect: index } as const;
  const now = await fileNow(repair, path);
  if (now === undefined) return;
  if (effect.kind === 'directory.create' && now.kind === 'directory') {
    if (await removeEmptyFolder(repair, { path, part, shown: now, wanted })) repair.change('undone', resource, wanted);
  } else if (await resetFile(repair, { path, part, shown: fileState(shown), wanted })) {
    repair.change('undone', resource, wanted);
    noteNotJoined(repair, effect);
  } else {
    repair.note(`step ${stepId}: ${resource} could not be undone`);
  }
}
