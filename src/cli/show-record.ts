/** A record of the chain as text: what it is, when, and what it did. */
import type { Json } from '../model/canonical-json.ts';
import { shortDigest } from '../model/digest.ts';
import { describeEffect } from '../model/record/effect-text.ts';
import type { ChainRecord, CheckpointRecord, DecisionRecord, StepRecord } from '../model/record/record.ts';
import { editStep } from '../model/step/built-in/edit.ts';
import { skipStep } from '../model/step/built-in/skip.ts';
import type { ChainEntry } from '../protocol/inspect/inspection.ts';
import { checkpointTitle, nextText } from './show-checkpoint.ts';
import { stepText } from './step-text.ts';
import type { Terminal } from './terminal.ts';

/** A number in the chain stands before it, what it did below. @param title default: as the record tells it */
export function showRecord(
  terminal: Terminal,
  { record, head }: ChainEntry,
  title: string = titleOf(record),
): readonly string[] {
  return [
    `${heading(terminal, String(record.seq), title)}${terminal.style('dim', `  ${record.at} · ${shortDigest(head)}`)}`,
    ...linesOf(record).map(indented),
  ];
}

/** @param place the record's number, or the numbers of several */
export function heading(terminal: Terminal, place: string, title: string): string {
  return terminal.style('bold', `${place.padStart(3)}  ${title}`);
}

export function indented(line: string): string {
  return `       ${line}`;
}

function titleOf(record: ChainRecord): string {
  switch (record.kind) {
    case 'opened':
      return `opened by ${record.workflowId}`;
    case 'step':
      if (record.step === skipStep.name) return `step ${stepText(record.stepId, record.generation)}: skipped`;
      if (record.step === editStep.name) return `step ${stepText(record.stepId, record.generation)}: put in by hand`;
      return `step ${stepText(record.stepId, record.generation, record.step)}`;
    case 'decision':
      return `decision of ${record.by}: ${decidedText(record)}`;
    case 'undoing':
      return `from here on the job is undone, by ${record.by}`;
    case 'undone':
      return `undone: step ${stepText(record.stepId, record.generation)} (${undoneText(record.undoes)})`;
    case 'withdrawn':
      return `question ${shortDigest(record.question)} withdrawn`;
    case 'released':
      return `released: ${record.outcome}`;
    case 'watched':
      return 'seen for the first time, and watched from here on';
    case 'forked':
      return `forked from ${record.from.workflowId} at checkpoint ${record.from.seq}, by ${record.by}`;
    case 'checkpoint':
      return `checkpoint: ${checkpointTitle(record)}; next: ${nextText(record)}`;
  }
}

/** What a person has done unasked, going on from a store above all, has no answers. */
function decidedText({ answers, questionKind }: DecisionRecord): string {
  const given = [...new Set(Object.values(answers))];
  return given.length === 0 ? questionKind : given.join(', ');
}

/** What it did, without its title. */
export function linesOf(record: ChainRecord): readonly string[] {
  switch (record.kind) {
    case 'opened':
      return [];
    case 'step':
      return stepLines(record);
    case 'decision':
      return [
        `because: ${record.reason}`,
        `question ${shortDigest(record.question)} (${record.questionKind})`,
        ...Object.entries(record.answers).map(([resource, answer]) => `${answer} ${resource}`),
        ...Object.entries(record.results ?? {}).map(([resource, result]) => `${resource} answered ${textOf(result)}`),
        ...(record.again ?? []).map((resource) => `repeat ${resource}`),
        ...editLines(record),
        ...(record.compensates === true ? ['with compensate: what the job did is undone'] : []),
        ...rewindLines(record),
        ...(record.adopts.length === 0 ? [] : [`adopted records ${record.adopts.join(', ')}`]),
        ...Object.entries(record.kept).map(
          ([resource, blob]) => `kept what was found at ${resource}: blob ${shortDigest(blob)}`,
        ),
        ...record.notes,
      ];
    case 'undoing':
      return [`because: ${record.reason}`];
    case 'undone':
      return [
        ...record.effects.map(
          ({ effect, outcome }) => `${outcome === 'applied' ? '' : `${outcome}: `}${describeEffect(effect)}`,
        ),
        ...record.left.map(({ what, why }) => `not undone: ${what}: ${why}`),
        ...record.notes,
        ...record.logs.map(({ message }) => `log: ${message}`),
      ];
    case 'withdrawn':
      return [record.reason];
    case 'released':
      return record.notes;
    case 'watched':
      return record.changes.map(({ resource }) => watchedText(resource));
    case 'forked':
      return record.reason === '' ? [] : [`because: ${record.reason}`];
    case 'checkpoint':
      return checkpointLines(record);
  }
}

function rewindLines({ rewindsTo, undoesRewind, reruns }: DecisionRecord): readonly string[] {
  const isUndone = undoesRewind !== undefined;
  const undone = `undoes the rewind of record ${undoesRewind} to checkpoint ${rewindsTo}: what that took away is back`;
  return [
    ...(rewindsTo === undefined ? [] : [isUndone ? undone : `goes back to checkpoint ${rewindsTo}`]),
    ...reruns.map(
      ({ stepId, generation }) => `${isUndone ? 'from now on' : 'run again'} ${stepText(stepId, generation)}`,
    ),
  ];
}

function editLines({ edits }: DecisionRecord): readonly string[] {
  if (edits === undefined) return [];
  const { stepId, output, values = {} } = edits;
  const written = Object.entries(values).map(([channel, value]) => `state ${channel}: ${textOf(value)}`);
  return [`put in by hand what step ${stepId} comes to: output ${textOf(output)}`, ...written];
}

function stepLines(record: StepRecord): readonly string[] {
  const skipped = record.step === skipStep.name ? skipStep.output.safeParse(record.output) : undefined;
  if (skipped?.success === true) return [skipped.data.why];
  const read = record.changes.filter(({ role }) => role === 'read').map(({ resource }) => resource);
  const output = JSON.stringify(record.output);
  return [
    ...(record.resumed ?? []).map(({ at, message }) => `failed ${at}, and resumed by itself: ${message}`),
    ...record.effects.map(
      ({ effect, outcome }) => `${outcome === 'applied' ? '' : `${outcome}: `}${describeEffect(effect)}`,
    ),
    ...(read.length === 0
      ? []
      : [`read ${read.slice(0, 5).join(', ')}${read.length > 5 ? ` and ${read.length - 5} more` : ''}`]),
    ...(output === '{}' || output === 'null' ? [] : [`output ${textOf(record.output)}`]),
    ...record.logs.map(({ message }) => `log: ${message}`),
  ];
}

function checkpointLines(record: CheckpointRecord): readonly string[] {
  return record.tasks.flatMap(({ id, error }) => (error === undefined ? [] : [`${id} failed: ${error.message}`]));
}

function textOf(value: Json): string {
  const text = JSON.stringify(value);
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

/** `plan:` and `code:draft` are names for the record. */
function watchedText(resource: string): string {
  if (resource === 'plan:') return 'the plan';
  return resource.startsWith('code:') ? `the code of ${resource.slice('code:'.length)}` : resource;
}

function undoneText(seq: number | null): string {
  return seq === null ? 'not finished' : `record ${seq}`;
}
