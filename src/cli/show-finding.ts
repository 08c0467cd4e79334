/** One finding as text: what it is about, both sides, what depends on it, the difference. */
import { isMadeAnew } from '../model/question/answer-text.ts';
import { listedText } from '../model/question/bounded-question.ts';
import type { Finding } from '../model/question/finding.ts';
import { kindText } from '../model/question/kind-text.ts';
import { quotedWord } from '../model/shell-word.ts';
import { placeOf, type ShownFindings } from './alike-findings.ts';
import { recordedByText } from './step-text.ts';
import type { Terminal } from './terminal.ts';
import { wrapped } from './wrapped.ts';

const MAX_ALIKE_NAMED = 10;
/** Where what is said of a finding begins. */
const FIELD_INDENT = 13;

/** How many findings the question lists, and whether they offer the same answers. */
export interface ShownQuestion {
  readonly total: number;
  readonly isUniform: boolean;
  /** Databases that are asked about as a whole, by name, with the place of that finding. */
  readonly databases?: ReadonlyMap<string, number>;
}

export function showFinding(
  terminal: Terminal,
  { first: finding, all, number }: ShownFindings,
  { total, isUniform, databases }: ShownQuestion,
): readonly string[] {
  const { recordedBy, staleSteps } = finding;
  const by = recordedBy === undefined ? '' : terminal.style('dim', `  (${recordedByText(recordedBy)})`);
  const lines = [`${total === 1 ? '' : `${number}. `}${titleOf(terminal, finding, all)}`, ...sidesOf(finding, all, by)];
  if (staleSteps.length > 0) lines.push(`   used by   ${listedText(finding, 'staleSteps')}`);
  // Of a single thing the answer says it.
  if (total > 1 && finding.rerunSteps.length > 0 && finding.answers.includes('rerun'))
    lines.push(`   rerun     runs again ${listedText(finding, 'rerunSteps')}${whatBecomesOfFound(finding)}`);
  for (const { name, text } of finding.repeats ?? [])
    lines.push(
      `   twice     ${text}: nothing undoes it; rerun is taken only with --item ${quotedWord(`${name}=repeat`)}`,
    );
  const { keeps } = finding;
  if (keeps !== undefined) {
    const anew = `made anew with --item ${quotedWord(`${keeps[0]}=repeat`)}`;
    lines.push(`   kept      ${listedText(finding, 'keeps')}: cannot be undone; ${anew}`);
  }
  const whole = databases?.get(/^(?:token|schema|row):([^/]+)/.exec(finding.resource)?.[1] ?? '');
  const advice = whole === undefined ? finding.advice : `Most likely for the same reason as ${whole}: see there first.`;
  if (advice !== undefined) lines.push(wrapped(terminal, `   advice    ${advice}`, FIELD_INDENT));
  if (!isUniform) lines.push(`   answers   ${finding.answers.join(', ')}`);
  const difference = all.length === 1 && !isSaid(finding) ? finding.difference : '';
  if (difference !== '') lines.push('', ...withLegend(terminal, finding, difference).map((line) => `   ${line}`));
  return lines;
}

function titleOf(terminal: Terminal, finding: Finding, all: readonly Finding[]): string {
  const what = all.length === 1 ? finding.resource : placeOf(finding, all.length);
  return `${terminal.style('bold', what)}  ${kindText(finding)}`;
}

function sidesOf(finding: Finding, all: readonly Finding[], by: string): string[] {
  const { class: findingClass, kind, expected, found } = finding;
  if (findingClass === 'approval') return [`   would do  ${found.text}`];
  if (findingClass === 'stuck') return [`   failed    ${found.text}`];
  // What was to be sent stands below.
  if (findingClass === 'in-doubt' && kind === 'outcome-unknown') return [`   known     ${found.text}`];
  if (all.length === 1) return [`   expected  ${expected.text}${by}`, `   found     ${found.text}`];
  const named = all.slice(0, MAX_ALIKE_NAMED).map(({ resource }) => resource.slice(resource.lastIndexOf('/') + 1));
  const more = all.length > named.length ? ` and ${all.length - named.length} more` : '';
  const names = named.map((name) => name.replace(/^file:/, '')).join(', ');
  return [`   expected  there, as recorded${by}`, `   found     ${found.text}`, `   which     ${names}${more}`];
}

/** A failure's message is the end of what was found already. */
function isSaid({ found, difference }: Finding): boolean {
  return found.text.endsWith(`: ${difference}`);
}

/** Does what was found survive a rerun? Not where the step that made the thing runs again: it writes it anew. */
function whatBecomesOfFound(finding: Finding): string {
  if (!/^(file|row):/.test(finding.resource)) return '';
  if (finding.found.text === 'not there') return isMadeAnew(finding) ? '; it is made anew' : '';
  if (!isMadeAnew(finding)) return '; what is there now stays';
  const kept = finding.found.sizeBytes === undefined ? '' : ' (stored first, under .holdfast/blobs)';
  return `; it is made anew, and what is there now is replaced${kept}`;
}

/** Which side each sign stands for, before the first line that has one. */
function withLegend(terminal: Terminal, finding: Finding, difference: string): readonly string[] {
  const lines = showDifference(terminal, difference);
  const isUnified = /^@@/m.test(difference);
  return isUnified ? [terminal.style('dim', legendOf(finding)), ...lines] : lines;
}

function legendOf({ class: findingClass }: Finding): string {
  if (findingClass === 'approval') return '(- is there now, + would be there then)';
  return findingClass === 'conflict' ? '(- what the step wants, + what is there now)' : '(- expected, + found)';
}

/** A unified diff, or any text with + and - at the beginnings of its lines, in colours. */
export function showDifference(terminal: Terminal, difference: string): readonly string[] {
  return difference.split('\n').map((line) => {
    if (line.startsWith('+')) return terminal.style('green', line);
    if (line.startsWith('-')) return terminal.style('red', line);
    return line.startsWith('@@') ? terminal.style('cyan', line) : line;
  });
}
