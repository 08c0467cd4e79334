/** A job's status as text: what it is, its steps, what it waits for, what to type. */
import { counted } from '../model/counted.ts';
import {
  forkText,
  isOver,
  itemsText,
  MAX_STEPS_SHOWN,
  progressText,
  resumedText,
  stateText,
  STEP_MARKS,
  unfinished,
} from '../model/job/status-text.ts';
import type { ActivityProgress, JobState, JobStatus, Resumed, Retrying, StepState } from '../model/job/status.ts';
import { versionText } from '../model/job/version.ts';
import { waitAdvice, waitText } from '../model/job/worker-wait.ts';
import { reasonText } from '../model/job/reason-text.ts';
import { tryText } from '../model/record/try-text.ts';
import { showOpen } from './show-open.ts';
import { showSubPlans } from './show-sub-plans.ts';
import type { Style, Terminal } from './terminal.ts';
import { readableLine } from '../model/readable-line.ts';
import { shellWord } from '../model/shell-word.ts';

const STATE_STYLES: Readonly<Record<JobState | StepState, Style>> = {
  verifying: 'cyan',
  running: 'cyan',
  ending: 'cyan',
  waiting: 'yellow',
  held: 'yellow',
  approval: 'yellow',
  'in-doubt': 'yellow',
  stuck: 'red',
  failed: 'red',
  aborted: 'red',
  cancelled: 'red',
  completed: 'green',
  done: 'green',
  skipped: 'dim',
  undoing: 'yellow',
  undone: 'dim',
  'partly-undone': 'yellow',
  stopped: 'yellow',
};
/** `waiting` of a step means that its turn has not come. */
const STEP_STYLES: Readonly<Record<StepState, Style>> = { ...STATE_STYLES, waiting: 'dim' };

const MAX_REFUSALS_SHOWN = 5;

/** Of more steps than a screen holds: those that are not done, and the latest; `full`: all. */
export function showStatus(terminal: Terminal, status: JobStatus, full = false): string {
  const { steps, questions, verifications } = status;
  const done = steps.filter(isOver).length;
  const progress = progressText(status.counts ?? { begun: steps.length, done }, status.planned);
  const last = verifications.count === 0 ? '' : ` (${reasonText(verifications.last)})`;
  const compared = `world compared ${times(verifications.count)}${last}`;
  const version = status.version === undefined ? '' : ` · version ${versionText(status.version)}`;
  const style = status.waitsForWorker === undefined ? STATE_STYLES[status.state] : 'yellow';
  const lines = [
    `${terminal.style('bold', status.workflowId)}  ${terminal.style(style, stateText(status))}`,
    ...(status.fork === undefined ? [] : [`  ${forkText(status.fork)}`]),
    terminal.style('dim', `${status.name} · workspace ${status.workspace} · ${progress} · ${compared}${version}`),
    ...showSteps(terminal, status, full),
    ...unfinished(status).map((one) => terminal.style('dim', `  ${itemsText(one)}`)),
    ...showProgress(terminal, status.progress ?? []),
    ...showSubPlans(terminal, status.subPlans ?? []),
    ...showRetrying(terminal, status.retrying ?? []),
    ...showResumed(terminal, status.resumed ?? []),
    ...showWait(terminal, status),
    ...showOpen(terminal, status.workflowId, questions),
  ];
  if (status.refusals.length > 0) {
    lines.push('', terminal.style('yellow', 'Decisions that could not be used:'));
    for (const { by, problems } of status.refusals.slice(-MAX_REFUSALS_SHOWN))
      lines.push(`  by ${by}: ${problems.join('; ')}`);
  }
  if (status.ending !== undefined)
    lines.push('', terminal.style('yellow', 'When it ended:'), ...status.ending.map((note) => `  ${note}`));
  return lines.join('\n');
}

function showSteps(terminal: Terminal, { steps, workflowId, progress }: JobStatus, full: boolean): readonly string[] {
  const from = full ? 0 : Math.max(0, steps.length - MAX_STEPS_SHOWN);
  const shown = steps.filter(({ state }, place) => place >= from || !isOver({ state }));
  const width = shown.reduce((widest, { id }) => Math.max(widest, id.length), 0);
  const omitted = steps.length - shown.length;
  const all = `  … ${omitted} more that are done: holdfast status ${shellWord(workflowId)} --full`;
  const saidBy = new Map(progress?.map((one) => [one.stepId, saidText(one)]));
  const lines = shown.map((step) => {
    const name = step.step === step.id || step.state === 'skipped' ? '' : step.step;
    const said = saidBy.get(step.id) ?? '';
    const notes = [step.effects, name, tryText(step.generation), said].filter((part) => part !== '').join(' · ');
    const marked = `${STEP_MARKS[step.state]} ${step.id.padEnd(width)}  ${step.state.padEnd(8)}`;
    return `  ${terminal.style(STEP_STYLES[step.state], marked)}  ${terminal.style('dim', notes)}`.trimEnd();
  });
  return omitted === 0 ? lines : [terminal.style('dim', all), ...lines];
}

/** What is said by what is no step: a comparison of the world, say. */
function showProgress(terminal: Terminal, progress: readonly ActivityProgress[]): readonly string[] {
  return progress.flatMap((one) => (one.stepId === undefined ? [terminal.style('dim', `  ${progressLine(one)}`)] : []));
}

/** `draft: page 3 of 7 (43 %)` */
export function progressLine(one: ActivityProgress): string {
  return `${one.stepId ?? one.activity}: ${saidText(one)}`;
}

function saidText({ activity, message, fraction, subSteps }: ActivityProgress): string {
  const percent = fraction === undefined ? '' : ` (${Math.floor(fraction * 100)} %)`;
  const said = `${readableLine(message).text}${percent}`;
  if (subSteps === undefined) return said;
  const { done, latest } = subSteps;
  const did = activity === 'undoStep' ? 'undone' : 'done';
  const parts = `${counted(done, 'sub-step')} ${did}, the last ${latest}`;
  return said === '' ? parts : `${said} · ${parts}`;
}

function showWait(terminal: Terminal, status: JobStatus): readonly string[] {
  const { waitsForWorker: wait } = status;
  if (wait === undefined) return [];
  return ['', terminal.style('yellow', waitText(wait)), ...waitAdvice(wait, status).map((line) => `  ${line}`)];
}

function showRetrying(terminal: Terminal, retrying: readonly Retrying[]): readonly string[] {
  if (retrying.length === 0) return [];
  return [
    '',
    terminal.style('yellow', 'Failed, and tried again by itself:'),
    ...retrying.flatMap((one) => [
      `  ${retryingText(one)}`,
      ...(one.isExpected ? [] : [`    ${terminal.style('red', UNEXPECTED)}`]),
    ]),
  ];
}

function showResumed(terminal: Terminal, resumed: readonly Resumed[]): readonly string[] {
  if (resumed.length === 0) return [];
  const title = terminal.style('yellow', 'Failed, and resumed by itself:');
  return ['', title, ...resumed.map((one) => `  ${readableLine(resumedText(one)).text}`)];
}

/** `verifyWorld, attempt 5 at 2026-01-01T00:00:00Z: TypeError: x is not a function` */
export function retryingText({ activity, stepId, attempt, failure, nextAttemptAt, isExpected }: Retrying): string {
  const what = stepId === undefined ? activity : `step ${stepId}`;
  const when = nextAttemptAt === null ? 'under way' : `at ${nextAttemptAt}`;
  const kind = isExpected ? '' : `${failure.type}: `;
  return `${what}, attempt ${attempt} ${when}: ${kind}${failure.message}`;
}

const UNEXPECTED =
  'Not a failure that Holdfast expects, so most likely a defect of it: trying again may not help. ' +
  "The worker's log has the stack.";

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`;
}
