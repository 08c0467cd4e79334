/** What a job changed, as text: a title a change with its makers, what differs, and what was called or stated. */
import type { Act, JobChanges, StateChange } from '../changes/job-changes.ts';
import type { ListedChange, ShownChange, Sign } from '../changes/shown-change.ts';
import type { Json } from '../model/canonical-json.ts';
import type { ChangedBy } from '../model/record/net-changes.ts';
import { showDifference } from './show-finding.ts';
import { stepText } from './step-text.ts';
import { counted } from '../model/counted.ts';
import type { Terminal } from './terminal.ts';

const SIGN_WORDS: Readonly<Record<Sign, string>> = { A: 'new', D: 'gone', M: 'changed', T: 'another kind' };
const SIGN_STYLES = { A: 'green', D: 'red', M: 'yellow', T: 'yellow' } as const;

/** The whole; `isStat`: a line a change. */
export function showChanges(
  terminal: Terminal,
  changes: JobChanges,
  shown: readonly ShownChange[],
  isStat: boolean,
): string {
  const { job, workspace, from, to, state, acts } = changes;
  const range = from === 0 && to === job.records ? '' : `, records ${from + 1} to ${to}`;
  const title = `${terminal.style('bold', job.workflowId)} in ${workspace}${range}`;
  if (shown.length === 0 && acts.length === 0 && state.length === 0) return `${title}: nothing was changed.`;
  const counts = [
    counted(changes.files.length, 'file'),
    counted(changes.rows.length, 'row'),
    counted(changes.schemas.length, 'schema'),
    counted(state.length, 'key of the state', 'keys of the state'),
    counted(acts.length, 'call, command or statement', 'calls, commands or statements'),
  ].filter((text) => !text.startsWith('0 '));
  return [
    `${title}: ${counts.join(', ')}`,
    ...groupsOf(shown, isStat).flatMap((group) => showGroup(terminal, group, isStat)),
    ...(state.length === 0 ? [] : ['', ...state.flatMap((change) => showState(terminal, change, isStat))]),
    ...(acts.length === 0 ? [] : ['', ...acts.map((act) => showAct(terminal, act))]),
  ].join('\n');
}

const MAX_VALUE_CHARACTERS = 200;

function showState(terminal: Terminal, { key, before, after }: StateChange, isStat: boolean): readonly string[] {
  const word = terminal.style(SIGN_STYLES.M, SIGN_WORDS.M.padEnd(isStat ? 12 : 0));
  const title = `${word} ${terminal.style('bold', `state.${key}`)}`;
  if (isStat) return [title];
  return [
    title,
    ...showDifference(terminal, `- ${valueText(before)}\n+ ${valueText(after)}`).map((line) => `   ${line}`),
  ];
}

function valueText(value: Json | undefined): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length <= MAX_VALUE_CHARACTERS ? text : `${text.slice(0, MAX_VALUE_CHARACTERS)}…`;
}

/** Rows of one table, changed alike by the same: thousands of them tell a person no more than a few. */
interface Group {
  readonly first: ShownChange;
  readonly all: readonly ShownChange[];
}

const ROW = /^(row:[^/]*\/[^/]*)\//;
const MAX_ROWS_SHOWN = 10;

function groupsOf(shown: readonly ShownChange[], isStat: boolean): readonly Group[] {
  const groups = new Map<string, ShownChange[]>();
  for (const change of shown) {
    const table = ROW.exec(change.resource)?.[1];
    const key = table === undefined ? change.resource : `${table} ${change.sign} ${makersText(change.by)}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [change]);
    else group.push(change);
  }
  return [...groups.values()].flatMap((all): Group[] =>
    all.length === 1 || (!isStat && all.length <= MAX_ROWS_SHOWN)
      ? all.map((first) => ({ first, all: [first] }))
      : [{ first: all[0]!, all }],
  );
}

function showGroup(terminal: Terminal, { first, all }: Group, isStat: boolean): readonly string[] {
  const space = isStat ? [] : [''];
  if (all.length === 1) return [...space, ...showChange(terminal, first, isStat)];
  const table = ROW.exec(first.resource)![1]!;
  const title = titleOf(terminal, { ...first, resource: `${table}, ${counted(all.length, 'row')}` }, isStat);
  if (isStat) return [title];
  const shown = all
    .slice(0, MAX_ROWS_SHOWN)
    .flatMap((change) => [
      `   ${change.resource}`,
      ...(change.difference === undefined
        ? []
        : showDifference(terminal, change.difference).map((line) => `      ${line}`)),
    ]);
  return [...space, title, ...shown, `   … and ${all.length - MAX_ROWS_SHOWN} more; --json has all of them`];
}

export function showChange(
  terminal: Terminal,
  { resource, sign, by, summary, difference }: ShownChange,
  isStat: boolean,
): readonly string[] {
  const title = titleOf(terminal, { resource, sign, by }, isStat);
  if (isStat) return [summary === '' ? title : `${title} ${summary}`];
  return [
    title,
    ...(summary === '' ? [] : [`   ${summary}`]),
    ...(difference === undefined ? [] : showDifference(terminal, difference).map((line) => `   ${line}`)),
  ];
}

function titleOf(terminal: Terminal, { resource, sign, by }: ListedChange, isStat: boolean): string {
  return [
    terminal.style(SIGN_STYLES[sign], SIGN_WORDS[sign].padEnd(isStat ? 12 : 0)),
    terminal.style('bold', resource),
    terminal.style('dim', `(${makersText(by)})`),
  ].join(' ');
}

const MAX_MAKERS = 5;

function makersText(by: readonly ChangedBy[]): string {
  const makers = [...new Set(by.map(makerText))];
  const more = makers.length > MAX_MAKERS ? ` and ${makers.length - MAX_MAKERS} more` : '';
  return `${makers.slice(0, MAX_MAKERS).join(', ')}${more}`;
}

function makerText({ stepId, generation, by, role, seq }: ChangedBy): string {
  if (role === 'undone') return stepId === undefined ? 'put back' : `${stepId} undone`;
  if (stepId !== undefined) return stepText(stepId, generation ?? 0);
  return by === undefined ? `record ${seq}` : `by somebody, ${role} by ${by}`;
}

function showAct(terminal: Terminal, { text, stepId, generation }: Act): string {
  return `${text} ${terminal.style('dim', `(${stepText(stepId, generation)})`)}`;
}
