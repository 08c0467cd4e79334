/**
 * The one maker of findings, for the functions of this room, and one side of a finding as a person reads it.
 *
 * Invariant: a finding offers the answers that the table has for its class, less those that are impossible for it.
 */
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Answer, FindingClass } from '../../model/question/answer.ts';
import { defined } from '../../model/defined.ts';
import { shortDigest } from '../../model/digest.ts';
import type { ManifestEntry } from '../../model/record/manifest.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import { offeredAnswers } from '../../model/question/question.ts';
import { stateDigest, type FileState, type ResourceState, type Sighting } from '../../model/record/world.ts';

const MAX_SIDE_CHARACTERS = 500;

/** What was expected, or what was found. */
export type FindingSide = Finding['expected'];

export interface FindingFields {
  readonly resource: string;
  readonly class: FindingClass;
  readonly kind: FindingKind;
  readonly expected: FindingSide;
  readonly found: FindingSide;
  /** The entry that the finding contradicts; one without a step names nobody. */
  readonly recorded?: ManifestEntry | undefined;
  readonly staleSteps?: readonly string[];
  readonly rerunSteps?: readonly string[];
  readonly difference?: string;
  /** Answers of the class that this finding does not offer. */
  readonly impossible?: readonly Answer[];
  readonly advice?: string | undefined;
}

export function finding(fields: FindingFields): Finding {
  return {
    resource: fields.resource,
    class: fields.class,
    kind: fields.kind,
    expected: fields.expected,
    found: fields.found,
    ...defined({ recordedBy: recordedBy(fields.recorded), wasOnlyRead: wasOnlyRead(fields.recorded) }),
    staleSteps: requestedSteps(fields.staleSteps),
    rerunSteps: requestedSteps(fields.rerunSteps),
    difference: fields.difference ?? '',
    answers: offeredAnswers(fields.class, fields.impossible),
    ...defined({ advice: fields.advice }),
  };
}

/** A step runs again with its sub-steps, so that it stands for them. */
function requestedSteps(stepIds: readonly string[] = []): string[] {
  return [...new Set(stepIds.map(requestedStepOf))];
}

/** A state, or what came of looking, with its digest where there is one. */
export function sideOf(sighting: Sighting | ResourceState): FindingSide {
  if (!('outcome' in sighting)) return { digest: stateDigest(sighting), ...sideOfState(sighting) };
  if (sighting.outcome === 'seen') return sideOf(sighting.state);
  return textSide(`${sighting.outcome}: ${sighting.reason}`);
}

/**
 * A side that is no state of a resource: a sentence, and no digest. The sentence identifies the question: worded
 * otherwise, it is another question, and one that is open is asked anew.
 */
export function textSide(text: string): FindingSide {
  return { digest: null, text };
}

/** The beginning of a text that is too long for one side. */
export function cut(text: string): string {
  return text.length <= MAX_SIDE_CHARACTERS ? text : `${clipped(text)}…`;
}

/** The same without a sign that something is missing. */
export function clipped(text: string): string {
  return text.slice(0, MAX_SIDE_CHARACTERS);
}

/** What to do after a failure, without the answer that would follow where a step is stuck: it is not offered here. */
export function withoutAnswer(nextStep: string): string {
  return nextStep.replace(/[,;]? (?:then|and|after mending,) decide `rerun`/, '');
}

function wasOnlyRead(entry: ManifestEntry | undefined): true | undefined {
  return entry?.role === 'read' || entry?.role === 'watched' ? true : undefined;
}

function recordedBy(entry: ManifestEntry | undefined): Finding['recordedBy'] {
  if (entry?.stepId === undefined) return undefined;
  return { stepId: entry.stepId, generation: entry.generation ?? 0, seq: entry.seq, at: entry.at };
}

function sideOfState(state: ResourceState): Omit<FindingSide, 'digest'> {
  switch (state.kind) {
    case 'absent':
      return { text: 'not there' };
    case 'file':
      return sideOfFile(state);
    case 'directory': {
      const mode = modeText(state.mode);
      return { mode, text: `a folder, mode ${mode}` };
    }
    case 'symlink':
      return { text: `a symbolic link to ${state.target}` };
    case 'other':
      return { text: `a special file (${state.what})` };
    case 'row':
      return { text: cut(JSON.stringify(state.columns)) };
    case 'schema':
      return { text: cut(`columns ${state.columns.map(({ name, type }) => `${name} ${type}`).join(', ')}`) };
    case 'token':
      return { text: `the note that ${shortDigest(state.intent)} is committed` };
    case 'identity':
      return { text: `${state.name}, system ${state.system}, timeline ${state.timeline}` };
    case 'value':
      return { text: cut(state.summary) };
  }
}

function sideOfFile({ sizeBytes, mode, content }: Extract<FileState, { kind: 'file' }>): Omit<FindingSide, 'digest'> {
  const shown = modeText(mode);
  const size = sizeBytes.toLocaleString('en-US');
  return { sizeBytes, mode: shown, text: `${size} bytes, mode ${shown}, content ${shortDigest(content)}` };
}

function modeText(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}
