/** A job's state in words: the Markdown that Temporal's UI and command line show. */
import { counted } from '../counted.ts';
import type { ItemsStatus, JobStatus, Resumed, StepState, StepStatus } from './status.ts';
import { WAIT_STATES, waitAdvice, waitText } from './worker-wait.ts';
import { questionMarkdown } from '../question/question-text.ts';
import { againText } from '../record/try-text.ts';
import { shellWord } from '../shell-word.ts';

export const MAX_STEPS_SHOWN = 50;

export const STEP_MARKS: Readonly<Record<StepState, string>> = {
  waiting: '·',
  running: '▶',
  held: '‖',
  approval: '‖',
  'in-doubt': '?',
  stuck: '✖',
  done: '✔',
  skipped: '○',
  failed: '✖',
  undoing: '↶',
  undone: '↶',
  'partly-undone': '↶',
  stopped: '■',
};

/** What the Markdown is made of: a status, or of its steps only the latest, with how many there are. */
export type StatusExtract = Pick<
  JobStatus,
  | 'name'
  | 'workflowId'
  | 'workspace'
  | 'state'
  | 'steps'
  | 'questions'
  | 'refusals'
  | 'ending'
  | 'planned'
  | 'items'
  | 'resumed'
  | 'waitsForWorker'
  | 'fork'
> & {
  /** Of all steps. Default: those of `steps`. */
  readonly counts?: { readonly begun: number; readonly done: number };
};

/** Where a fork comes from. */
export function forkText({ workflowId, seq }: NonNullable<JobStatus['fork']>): string {
  return `a fork of ${workflowId} at its checkpoint ${seq}`;
}

/** Markdown for Temporal's UI and command line: where the job is, what it waits for, the command to type. Pure. */
export function statusMarkdown(status: StatusExtract): string {
  const fork = status.fork === undefined ? [] : [forkText(status.fork), ''];
  const lines = [`**${status.name}** is ${stateText(status)}`, '', ...fork, `workspace \`${status.workspace}\``, ''];
  const { begun, done } = status.counts ?? {
    begun: status.steps.length,
    done: status.steps.filter(isOver).length,
  };
  const from = Math.max(0, status.steps.length - MAX_STEPS_SHOWN);
  const shown = status.steps.filter(({ state }, place) => place >= from || !isOver({ state }));
  const cut = shown.length < begun ? '; the latest, and those that are not:' : '';
  lines.push(`${progressText({ begun, done }, status.planned)}${cut}`, '');
  for (const step of shown) {
    const effects = step.effects === '' ? '' : ` · ${step.effects}`;
    lines.push(`- ${STEP_MARKS[step.state]} ${step.id}${againText(step.generation)}: ${step.state}${effects}`);
  }
  for (const one of unfinished(status)) lines.push(`- ${itemsText(one)}`);
  if (status.resumed !== undefined)
    lines.push('', '### Failed, and resumed by itself', ...status.resumed.map((one) => `- ${resumedText(one)}`));
  lines.push(...waitMarkdown(status));
  for (const question of status.questions) lines.push('', ...questionMarkdown(question, status.workflowId));
  if (status.refusals.length > 0) {
    lines.push('', '### Decisions that could not be used');
    for (const refusal of status.refusals) lines.push(`- by ${refusal.by}: ${refusal.problems.join('; ')}`);
  }
  if (status.ending !== undefined) lines.push('', '### When it ended', ...status.ending.map((note) => `- ${note}`));
  return lines.join('\n');
}

/** Is nothing more of the step to come? */
export function isOver({ state }: Pick<StepStatus, 'state'>): boolean {
  return state === 'done' || state === 'skipped';
}

/** Steps with `forEach` whose items are not all done, and steps with `until`, of which nobody knows. */
export function unfinished({ items = [] }: Pick<JobStatus, 'items'>): readonly ItemsStatus[] {
  return items.filter(({ done, total, rounds }) => rounds === true || done === undefined || done < total);
}

/** `convert: 412 of 1000 items are done` */
export function itemsText({ stepId, done, total, rounds }: ItemsStatus): string {
  if (rounds === true) return `${stepId}: ${counted(done ?? 0, 'round')} of at most ${total}`;
  if (done === undefined) return `${stepId}: ${total} ${total === 1 ? 'item' : 'items'}`;
  return `${stepId}: ${done} of ${total} ${total === 1 ? 'item is' : 'items are'} done`;
}

/** `analyse, resume 1 of at most 3 at 2026-01-01T00:00:00Z: the model is overloaded` */
export function resumedText({ stepId, number, atMost, failure, resumesAt }: Resumed): string {
  const when = resumesAt === null ? '' : ` at ${resumesAt}`;
  return `${stepId}, resume ${number} of at most ${atMost}${when}: ${failure.message}`;
}

/** A Workflow can't tell whether there is no worker, or none that has a free slot. */
function waitMarkdown(status: StatusExtract): readonly string[] {
  const { waitsForWorker: wait, workflowId } = status;
  if (wait === undefined) return [];
  const busy = `Or all that there are have no free slot: \`holdfast status ${shellWord(workflowId)}\` tells which.`;
  const advice = waitAdvice(wait, status, (command) => `\`${command}\``);
  return ['', '### No worker', waitText(wait), ...[...advice, busy].map((line) => `- ${line}`)];
}

/** `3 of 5 steps are done`; where nobody knows how many there will be: `4 steps so far, 3 done`. */
export function progressText(
  { begun, done }: { readonly begun: number; readonly done: number },
  planned: number | undefined,
): string {
  if (planned !== undefined) return `${done} of ${planned} ${planned === 1 ? 'step is' : 'steps are'} done`;
  return `${begun} ${begun === 1 ? 'step' : 'steps'} so far, ${done} done`;
}

/** `running`, `waiting for a decision`, … */
/** A question of a sub-plan is one that the job waits for, too. */
export function asksAnybody({ state, subPlans = [] }: Pick<JobStatus, 'state' | 'subPlans'>): boolean {
  return state === 'waiting' || subPlans.some(({ questions }) => questions !== undefined);
}

export function stateText(status: Pick<JobStatus, 'state' | 'questions' | 'waitsForWorker'>): string {
  if (status.state !== 'waiting')
    return status.waitsForWorker === undefined ? status.state : WAIT_STATES[status.waitsForWorker.kind];
  const kinds = status.questions.map((question) => (question.kind === 'approval' ? 'an approval' : 'a decision'));
  return `waiting for ${[...new Set(kinds)].join(' and ') || 'a decision'}`;
}
