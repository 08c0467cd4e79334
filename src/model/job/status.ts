/**
 * What can be seen of a running job: the answer of its `status` Query, and the Markdown that Temporal's UI shows.
 */
import * as z from 'zod';
import { needsResult, QuestionSchema, wholeAnswers, type Question } from '../question/question.ts';
import { shortDigest } from '../digest.ts';

export const StepStateSchema = z.enum([
  'waiting',
  'running',
  'held',
  'approval',
  'in-doubt',
  'stuck',
  'done',
  'failed',
  'undoing',
  'undone',
  'partly-undone',
]);
export type StepState = z.infer<typeof StepStateSchema>;

export const StepStatusSchema = z.strictObject({
  id: z.string(),
  step: z.string(),
  generation: z.int(),
  state: StepStateSchema,
  /** For people: `2 files, 1 row`. */
  effects: z.string(),
});
export type StepStatus = z.infer<typeof StepStatusSchema>;

export const JobStateSchema = z.enum([
  'verifying',
  'running',
  'waiting',
  'undoing',
  'ending',
  'completed',
  'failed',
  'aborted',
  'cancelled',
]);
export type JobState = z.infer<typeof JobStateSchema>;

/** A decision that could not be used, kept for everyone to see. */
export const RefusalSchema = z.strictObject({
  by: z.string(),
  problems: z.array(z.string()),
  question: z.string().nullable(),
});
export type Refusal = z.infer<typeof RefusalSchema>;

/** An Activity that has failed and is tried again by itself. */
export const RetryingSchema = z.strictObject({
  /** `runStep`, `verifyWorld`, `repair`, `askStuck`, `release`. */
  activity: z.string(),
  stepId: z.string().optional(),
  /** The attempt that comes next, or is under way. */
  attempt: z.int(),
  failure: z.strictObject({ type: z.string(), message: z.string() }),
  /** False: no failure of Holdfast's closed list, so a defect; trying again may not help. */
  isExpected: z.boolean(),
  /** Null: it is under way. */
  nextAttemptAt: z.string().nullable(),
});
export type Retrying = z.infer<typeof RetryingSchema>;

export const JobStatusSchema = z.strictObject({
  schemaVersion: z.literal(1),
  jobId: z.string(),
  workflowId: z.string(),
  name: z.string(),
  workspace: z.string(),
  state: JobStateSchema,
  term: z.int(),
  seq: z.int(),
  steps: z.array(StepStatusSchema),
  questions: z.array(QuestionSchema),
  refusals: z.array(RefusalSchema),
  /** Of a job that has ended: what was found and done when it ended, calls in doubt among it. Absent: nothing. */
  ending: z.array(z.string()).optional(),
  /** How often the world was compared in this Run, and why the last time. */
  verifications: z.strictObject({ count: z.int(), last: z.string() }),
  /** Added by the client from what the server says: a Workflow can't know it. Absent: nothing is. */
  retrying: z.array(RetryingSchema).optional(),
});
export type JobStatus = z.infer<typeof JobStatusSchema>;

/** At most so many notes about its end are kept in a Workflow; `holdfast log` has all. */
export const MAX_ENDING_NOTES = 20;
/** At most so many refusals are kept in a Workflow. */
export const MAX_REFUSALS = 20;

export const STEP_MARKS: Readonly<Record<StepState, string>> = {
  waiting: '·',
  running: '▶',
  held: '‖',
  approval: '‖',
  'in-doubt': '?',
  stuck: '✖',
  done: '✔',
  failed: '✖',
  undoing: '↶',
  undone: '↶',
  'partly-undone': '↶',
};

/** What the Markdown is made of: a status, or of its steps only the latest, with how many there are. */
export type StatusExtract = Pick<
  JobStatus,
  'name' | 'workflowId' | 'workspace' | 'state' | 'steps' | 'questions' | 'refusals' | 'ending'
> & { readonly counts?: { readonly begun: number; readonly done: number } };

/** Markdown for Temporal's UI and command line: where the job is, what it waits for, the command to type. */
export function statusMarkdown(status: StatusExtract): string {
  const lines = [`**${status.name}** is ${stateText(status)}`, '', `workspace \`${status.workspace}\``, ''];
  const { begun, done } = status.counts ?? {
    begun: status.steps.length,
    done: status.steps.filter(({ state }) => state === 'done').length,
  };
  const from = Math.max(0, status.steps.length - MAX_STEPS_SHOWN);
  const shown = status.steps.filter(({ state }, place) => place >= from || state !== 'done');
  if (shown.length < begun)
    lines.push(`${done} of ${begun} steps begun are done; the latest, and those that are not:`, '');
  for (const step of shown) {
    const again = step.generation > 0 ? ` · generation ${step.generation}` : '';
    const effects = step.effects === '' ? '' : ` · ${step.effects}`;
    lines.push(`- ${STEP_MARKS[step.state]} ${step.id}${again}: ${step.state}${effects}`);
  }
  for (const question of status.questions) lines.push('', ...questionMarkdown(question, status.workflowId));
  if (status.refusals.length > 0) {
    lines.push('', '### Decisions that could not be used');
    for (const refusal of status.refusals) lines.push(`- by ${refusal.by}: ${refusal.problems.join('; ')}`);
  }
  if (status.ending !== undefined) lines.push('', '### When it ended', ...status.ending.map((note) => `- ${note}`));
  return lines.join('\n');
}

export const MAX_STEPS_SHOWN = 50;
const MAX_FINDINGS_SHOWN = 5;
const MAX_DIFFERENCE_SHOWN = 600;

/** `running`, `waiting for a decision`, … */
export function stateText(status: Pick<JobStatus, 'state' | 'questions'>): string {
  if (status.state !== 'waiting') return status.state;
  const kinds = status.questions.map((question) => (question.kind === 'approval' ? 'an approval' : 'a decision'));
  return `waiting for ${[...new Set(kinds)].join(' and ') || 'a decision'}`;
}

/** `2 things differ from the record`, `may these changes be applied?` … */
export function whatIsAsked({ kind, findingsTotal, stepId }: Question): string {
  const step = stepId === undefined ? 'a step' : `step ${stepId}`;
  switch (kind) {
    case 'discrepancy':
      return findingsTotal === 1
        ? 'one thing differs from the record'
        : `${findingsTotal} things differ from the record`;
    case 'unverifiable':
      return findingsTotal === 1
        ? 'one thing could not be read or reached'
        : `${findingsTotal} things could not be read, reached, or differ`;
    case 'approval':
      return `may the changes of ${step} be applied?`;
    case 'conflict':
      return `what ${step} is about to change is neither as before nor as wanted`;
    case 'ahead':
      return 'the record holds steps that the Workflow has forgotten (it was reset)';
    case 'in-doubt':
      return `${findingsTotal === 1 ? 'a call' : `${findingsTotal} calls`} of ${step}: did ${findingsTotal === 1 ? 'it' : 'they'} happen?`;
    case 'stuck':
      return `${step} cannot go on`;
    case 'undo':
      return `what ${stepId === undefined ? 'a step' : `step ${stepId.replace(/@undo$/, '')}`} did cannot simply be undone`;
    case 'damaged':
      return 'the record is damaged, lost or too old';
    case 'foreign':
      return 'the workspace belongs to another job';
  }
}

function questionMarkdown(question: Question, workflowId: string): string[] {
  const lines = [`### Question ${shortDigest(question.digest)}: ${whatIsAsked(question)}`];
  for (const finding of question.findings.slice(0, MAX_FINDINGS_SHOWN)) {
    lines.push(`- \`${finding.resource}\`: ${finding.kind}`);
    lines.push(`  - expected: ${finding.expected.text}`, `  - found: ${finding.found.text}`);
    if (finding.staleSteps.length > 0) lines.push(`  - used by: ${finding.staleSteps.join(', ')}`);
    if (finding.difference !== '')
      lines.push(
        '  ```diff',
        ...cut(finding.difference, MAX_DIFFERENCE_SHOWN)
          .split('\n')
          .map((line) => `  ${line}`),
        '  ```',
      );
    if (finding.keeps !== undefined)
      lines.push(`  - kept when run again: ${finding.keeps.join(', ')} (unless \`items\` says \`repeat\`)`);
    lines.push(`  - answers: ${finding.answers.join(', ')}`);
  }
  if (question.findingsTotal > MAX_FINDINGS_SHOWN)
    lines.push(`- … and ${question.findingsTotal - Math.min(MAX_FINDINGS_SHOWN, question.findings.length)} more`);
  lines.push('', 'Answer with', '```sh', signalCommand(workflowId, question), '```', 'or `holdfast decide`.');
  return lines;
}

/** The command that answers a question with nothing but Temporal's own command line. */
export function signalCommand(workflowId: string, question: Question): string {
  const answer = wholeAnswers(question)[0];
  const told = question.findings.filter(
    (finding) => (answer ?? finding.answers[0]) === 'happened' && needsResult(finding),
  );
  const results =
    told.length === 0
      ? {}
      : told.length === 1
        ? { result: null }
        : { results: Object.fromEntries(told.map(({ resource }) => [resource, null])) };
  const body =
    answer === undefined
      ? {
          digest: question.digest,
          items: Object.fromEntries(question.findings.map((finding) => [finding.resource, finding.answers[0]])),
          ...results,
          by: 'you@example.com',
          reason: 'why',
        }
      : { digest: question.digest, answer, ...results, by: 'you@example.com', reason: 'why' };
  return `temporal workflow signal --workflow-id ${shellQuote(workflowId)} --name decide --input ${shellQuote(JSON.stringify(body))}`;
}

function shellQuote(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function cut(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}\n… (cut; \`holdfast question\` shows more)`;
}
