/**
 * What an answer does to one thing, with its name and the steps' names: for a question about a single thing. Of several
 * things the table's sentence is told, which holds for each.
 */
import { requestedStepOf } from '../sub-step-id.ts';
import { ANSWERS } from './answer-table.ts';
import type { Answer } from './answer.ts';
import { listedText } from './bounded-question.ts';
import type { Finding } from './finding.ts';

export function answerText(finding: Finding, answer: Answer): string {
  const general = ANSWERS[finding.class][answer]?.does ?? '';
  if (finding.class === 'discrepancy') return aboutDifference(finding, answer) ?? general;
  if (finding.class === 'in-doubt') return aboutCall(finding, answer) ?? general;
  return general;
}

/** Is what was found replaced where these steps run again? They make anew what they have made, not what they read. */
export function isMadeAnewBy(
  { recordedBy, wasOnlyRead }: Pick<Finding, 'recordedBy' | 'wasOnlyRead'>,
  runsAgain: Iterable<string>,
): boolean {
  return recordedBy !== undefined && wasOnlyRead !== true && new Set(runsAgain).has(requestedStepOf(recordedBy.stepId));
}

export function isMadeAnew(finding: Pick<Finding, 'recordedBy' | 'wasOnlyRead' | 'rerunSteps'>): boolean {
  return isMadeAnewBy(finding, finding.rerunSteps);
}

const NAMES: Readonly<Record<string, string>> = { row: 'the row', schema: 'the table', database: 'the database' };

/** A file by its name, anything else by what it is. */
function nameOfThing({ resource }: Pick<Finding, 'resource'>): string {
  if (resource.startsWith('file:')) return resource.slice('file:'.length);
  return NAMES[resource.slice(0, resource.indexOf(':'))] ?? 'it';
}

function aboutDifference(finding: Finding, answer: Answer): string | undefined {
  switch (answer) {
    case 'accept':
      return acceptText(finding);
    case 'restore':
      return restoreText(finding);
    case 'rerun':
      return rerunText(finding);
    case 'recheck':
      return finding.answers.includes('restore') ? undefined : PUT_BACK_YOURSELF;
    default:
      return undefined;
  }
}

const PUT_BACK_YOURSELF =
  'Look again, and change nothing. To have it as recorded, put it back yourself (Holdfast does not), then answer so.';

function acceptText(finding: Finding): string {
  const what = started(nameOfThing(finding));
  const stays = isGone(finding) ? `${what} stays gone` : `${what} stays as it is now`;
  const stale =
    finding.staleSteps.length === 0
      ? 'No step runs again'
      : `Not run again, although they used what was there before: ${listedText(finding, 'staleSteps')}`;
  return `${stays}, and that becomes the record. ${stale}.`;
}

function restoreText(finding: Finding): string {
  const name = started(nameOfThing(finding));
  return `${name} is put back as recorded${whatIsKept(finding, '; first ')}. No step runs again.`;
}

function rerunText(finding: Finding): string {
  const steps = listedText(finding, 'rerunSteps');
  const isOne = finding.rerunSteps.length === 1;
  const again = isOne ? `Step ${steps} is undone and runs again` : `Steps ${steps} are undone and run again`;
  if (!/^(file|row):/.test(finding.resource)) return `${again}, with what is there now.`;
  const name = nameOfThing(finding);
  if (isMadeAnew(finding))
    return isGone(finding)
      ? `${again}: that makes ${name} anew.`
      : `${again}: that makes ${name} anew, and replaces what is there now${whatIsKept(finding, '; first ')}.`;
  return isGone(finding) ? `${again}, without ${name}.` : `${started(name)} stays as it is now. ${again} with it.`;
}

/** Only of a file and a row it is said, and of them it is so. */
function whatIsKept(finding: Finding, before: string): string {
  if (isGone(finding)) return '';
  if (finding.resource.startsWith('row:')) return '; the values found stay in the record';
  return finding.found.sizeBytes === undefined ? '' : `${before}what is there now is stored under .holdfast/blobs`;
}

function isGone({ kind }: Finding): boolean {
  return kind === 'missing' || kind.endsWith('-missing');
}

function aboutCall({ kind }: Finding, answer: Answer): string | undefined {
  if (answer === 'happened')
    return kind === 'outcome-unknown'
      ? 'It counts as made and is not made again: the step goes on with the answer that you give.'
      : 'Its recorded answer stands, and it is not made again: the step goes on.';
  if (answer === 'repeat' && kind === 'performed-otherwise')
    return 'It is made anew, as it is requested now and under a new key: then it has happened twice.';
  return undefined;
}

function started(text: string): string {
  // A file's name stands as it is.
  return text === 'it' || Object.values(NAMES).includes(text) ? `${text[0]!.toUpperCase()}${text.slice(1)}` : text;
}
