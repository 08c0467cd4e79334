/** Sub-steps in a log: few are shown, many are counted, with the command that shows each. */
import { shortDigest } from '../model/digest.ts';
import { effectsText } from '../model/record/effects-text.ts';
import { isPartOfCode } from '../model/sub-step-id.ts';
import type { SubStepsPart } from './log-parts.ts';
import { heading, indented, linesOf } from './show-record.ts';
import { stepText } from './step-text.ts';
import { counted } from '../model/counted.ts';
import type { Terminal } from './terminal.ts';

/** More of one step are counted. */
export const MAX_SUB_STEPS_SHOWN = 10;

export interface HowShown {
  /** Each, however many. */
  readonly full: boolean;
  /** Shows all of a step. */
  readonly allCommand: (outerId: string) => string;
}

/** Below the record of the step in whose code they ran. */
export function showWithin(terminal: Terminal, part: SubStepsPart, how: HowShown): readonly string[] {
  return [indented(summaryOf(part)), ...detailsOf(terminal, part, how)];
}

/** Where that step has no record: it was not finished, or is under way; or it is undone. */
export function showAlone(terminal: Terminal, part: SubStepsPart, how: HowShown): readonly string[] {
  const { kind, outerId, outerStep, generation, entries } = part;
  const [first, last] = [entries[0]!.record.seq, entries.at(-1)!.record.seq];
  const place = first === last ? String(first) : `${first}-${last}`;
  const title =
    kind === 'undone'
      ? `undone: ${counted(entries.length, 'sub-step')} of step ${stepText(outerId, generation)}`
      : `step ${stepText(outerId, generation, outerStep)}: not finished by then`;
  const at = terminal.style('dim', `  ${entries[0]!.record.at}`);
  return [`${heading(terminal, place, title)}${at}`, ...showWithin(terminal, part, how)];
}

/** `3 sub-steps, records 4 to 9: 2 files, 1 row` */
function summaryOf({ entries }: SubStepsPart): string {
  const effects = effectsText(entries.flatMap(({ record }) => record.effects));
  const left = entries.reduce((sum, { record }) => sum + (record.kind === 'undone' ? record.left.length : 0), 0);
  const [first, last] = [entries[0]!.record.seq, entries.at(-1)!.record.seq];
  const records = first === last ? `record ${first}` : `records ${first} to ${last}`;
  const did = [...(effects === '' ? [] : [effects]), ...(left === 0 ? [] : [`${left} not undone`])].join('; ');
  return `${counted(entries.length, 'sub-step')}, ${records}${did === '' ? '' : `: ${did}`}`;
}

function detailsOf(terminal: Terminal, part: SubStepsPart, { full, allCommand }: HowShown): readonly string[] {
  const { outerId, entries } = part;
  const nameOf = ({ record }: SubStepsPart['entries'][number]): string => record.stepId.slice(outerId.length + 1);
  if (full || entries.length <= MAX_SUB_STEPS_SHOWN)
    return entries.flatMap((entry) => showOne(terminal, entry, nameOf(entry)));
  const ends = `the first ${nameOf(entries[0]!)}, the last ${nameOf(entries.at(-1)!)}`;
  return [indented(`  ${ends}; each: ${allCommand(outerId)}`)];
}

function showOne(terminal: Terminal, { record, head }: SubStepsPart['entries'][number], name: string): string[] {
  const named = record.kind !== 'step' || isPartOfCode(record.step) || record.step === name;
  const use = named ? '' : ` (${record.step})`;
  const title = terminal.style('bold', `${String(record.seq).padStart(3)}  ${name}${use}`);
  const lines = linesOf(record).filter((line) => !line.startsWith('read '));
  return [
    indented(`${title}${terminal.style('dim', `  ${record.at} · ${shortDigest(head)}`)}`),
    ...lines.map((line) => indented(indented(line))),
  ];
}
