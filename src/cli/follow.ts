/**
 * Follows a job on the terminal: redrawn in place where that is possible, else one line for each change.
 *
 * Invariant: what is redrawn is never higher than the terminal, or it could not be erased.
 */
import type { HoldfastClient } from '../client.ts';
import { shortDigest, type Digest } from '../model/digest.ts';
import { resumedText, stateText, STEP_MARKS } from '../model/job/status-text.ts';
import { asksAnybody } from '../model/job/status-text.ts';
import type { JobStatus } from '../model/job/status.ts';
import { waitText } from '../model/job/worker-wait.ts';
import type { Question } from '../model/question/question.ts';
import { whatIsAsked } from '../model/question/question-text.ts';
import { progressLine, retryingText, showStatus } from './show-status.ts';
import type { Terminal } from './terminal.ts';
import { stepText } from './step-text.ts';
import { readableLine } from '../model/readable-line.ts';
import { shellWord } from '../model/shell-word.ts';

export interface FollowOptions {
  /** Standard output, or standard error where that is for the answer. */
  readonly to: 'out' | 'err';
  readonly signal: AbortSignal;
  /** Ends the following as soon as the job, or one of its sub-plans, waits for a person. */
  readonly untilAsked?: boolean;
}

const MAX_ROWS_DRAWN = 40;

/** Until the job has ended (or asks, where that is wanted), or `signal`. Returns the last status seen. */
export async function followJob(
  terminal: Terminal,
  client: HoldfastClient,
  job: string,
  { to, signal, untilAsked = false }: FollowOptions,
): Promise<JobStatus | undefined> {
  const write = (text: string): void => terminal[to](text);
  const drawing = to === 'out' && terminal.isTty ? new Drawing(terminal, write) : undefined;
  let earlier: JobStatus | undefined;
  const onTrouble = (error: Error): void => {
    drawing?.leave();
    terminal.err(`${error.message} Still waiting; Ctrl-C ends this, not the job.\n`);
  };
  for await (const status of client.watch(job, { signal, onTrouble })) {
    if (drawing !== undefined) drawing.draw(showStatus(terminal, status));
    else for (const line of changes(earlier, status)) write(`${line}\n`);
    earlier = status;
    if (untilAsked && asksAnybody(status)) break;
  }
  return earlier;
}

/** What has changed, one line each, so that a log file can be read. */
export function changes(before: JobStatus | undefined, now: JobStatus): readonly string[] {
  const lines: string[] = [];
  if (before === undefined) lines.push(`${now.workflowId} (${now.name}) is ${stateText(now)}`);
  for (const step of now.steps) {
    const earlier = before?.steps.find(({ id }) => id === step.id);
    if (earlier?.state === step.state && earlier.generation === step.generation) continue;
    const effects = step.effects === '' ? '' : ` · ${step.effects}`;
    lines.push(`${STEP_MARKS[step.state]} ${stepText(step.id, step.generation)}: ${step.state}${effects}`);
  }
  const said = new Set(before?.progress?.map(progressLine));
  for (const line of now.progress?.map(progressLine) ?? []) if (!said.has(line)) lines.push(`… ${line}`);
  for (const one of now.retrying ?? []) {
    const earlier = before?.retrying?.find(
      ({ activity, stepId }) => activity === one.activity && stepId === one.stepId,
    );
    if (earlier?.failure.message !== one.failure.message) lines.push(`↻ ${retryingText(one)}`);
  }
  const resumed = new Set(before?.resumed?.map(({ stepId, at }) => `${stepId} ${at}`));
  for (const one of now.resumed ?? [])
    if (!resumed.has(`${one.stepId} ${one.at}`)) lines.push(`↻ ${readableLine(resumedText(one)).text}`);
  if (now.waitsForWorker !== undefined && before?.waitsForWorker?.kind !== now.waitsForWorker.kind)
    lines.push(`! ${waitText(now.waitsForWorker)}`);
  const wereOpen = openIn(before);
  const areOpen = openIn(now);
  for (const [digest, asked] of areOpen) if (!wereOpen.has(digest)) lines.push(asked);
  for (const digest of wereOpen.keys())
    if (!areOpen.has(digest)) lines.push(`  question ${shortDigest(digest as Digest)} is closed`);
  for (const refusal of now.refusals.slice(before?.refusals.length ?? 0))
    lines.push(`  a decision by ${refusal.by} could not be used: ${refusal.problems.join('; ')}`);
  if (before !== undefined && before.state !== now.state) lines.push(`${now.workflowId} is ${stateText(now)}`);
  return lines;
}

/** What is asked, by the job and by its sub-plans: a line by the digest of each question. */
function openIn(status: JobStatus | undefined): ReadonlyMap<string, string> {
  if (status === undefined) return new Map();
  const { workflowId, questions, subPlans = [] } = status;
  const own = questions.map((question) => [question.digest, askedText(workflowId, question)] as const);
  const within = subPlans.flatMap(({ stepId, job, questions: theirs = [] }) =>
    theirs.map((question) => [question.digest, askedText(job, question, ` of sub-plan ${stepId}`)] as const),
  );
  return new Map([...own, ...within]);
}

function askedText(job: string, question: Question, whose = ''): string {
  const asked = whatIsAsked(question);
  const sentence = asked.endsWith('?') ? asked : `${asked}.`;
  return `? question ${shortDigest(question.digest)}${whose}: ${sentence} Look: holdfast question ${shellWord(job)}`;
}

class Drawing {
  readonly #terminal: Terminal;
  readonly #write: (text: string) => void;
  #height = 0;

  constructor(terminal: Terminal, write: (text: string) => void) {
    this.#terminal = terminal;
    this.#write = write;
  }

  draw(text: string): void {
    const lines = text.split('\n');
    const shown =
      lines.length <= MAX_ROWS_DRAWN
        ? lines
        : [
            ...lines.slice(0, MAX_ROWS_DRAWN - 1),
            `… ${lines.length - MAX_ROWS_DRAWN + 1} more lines: holdfast status without --watch`,
          ];
    const erase = this.#height === 0 ? '' : `\u001b[${this.#height}A\u001b[0J`;
    this.#write(`${erase}${shown.join('\n')}\n`);
    this.#height = shown.reduce(
      (rows, line) => rows + Math.max(1, Math.ceil(visibleLength(line) / this.#terminal.columns)),
      0,
    );
  }

  /** What is there stays; the next drawing begins below. */
  leave(): void {
    this.#height = 0;
  }
}

function visibleLength(line: string): number {
  // oxlint-disable-next-line no-control-regex -- colours are control characters
  return line.replace(/\u001b\[[0-9;]*m/g, '').length;
}
