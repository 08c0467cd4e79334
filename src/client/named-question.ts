/** Which of a job's open questions a decision is for. */
import { counted } from '../model/counted.ts';
import { shortDigest } from '../model/digest.ts';
import { HoldfastError } from '../model/failure.ts';
import type { FailureType } from '../model/failures.ts';
import type { JobStatus } from '../model/job/status.ts';
import type { Question } from '../model/question/question.ts';
import { shellWord } from '../model/shell-word.ts';
import { hasEnded, type ListedJob } from './job-listing.ts';
import { askingOf } from './sub-plan-states.ts';

const MIN_DIGEST_PREFIX = 8;

/** What finding a job's open question needs to ask. */
export interface AskedJob {
  readonly questions: () => Promise<readonly Question[]>;
  readonly describe: () => Promise<Pick<ListedJob, 'state'>>;
  readonly status: () => Promise<Pick<JobStatus, 'subPlans'>>;
}

/**
 * As `namedQuestion`; of a job that has ended it says so, whether a worker is there or not, and where only a sub-plan
 * asks, whose job that is.
 * @throws HoldfastError `decision-refused`, `bad-input`, and what `questions` throws
 */
export async function openQuestionOf(job: AskedJob, workflowId: string, digest: string | undefined): Promise<Question> {
  let open: readonly Question[] | undefined;
  try {
    open = await job.questions();
    return namedQuestion(workflowId, open, digest);
  } catch (error) {
    if (!(error instanceof HoldfastError) || !AS_OF_AN_ENDED_JOB.includes(error.type)) throw error;
    const { state } = await job.describe();
    const within = hasEnded(state) || open?.length !== 0 ? undefined : await askedWithin(job, workflowId, error);
    if (within !== undefined) throw within;
    if (!hasEnded(state)) throw error;
    throw new HoldfastError(
      'decision-refused',
      `Job ${workflowId} has ended (${state}) and has no open question: there is nothing to decide.`,
      { workflowId, state, nextStep: `See its end: holdfast result ${shellWord(workflowId)}` },
      { cause: error },
    );
  }
}

/** Undefined: no sub-plan asks. */
async function askedWithin(job: AskedJob, workflowId: string, cause: Error): Promise<HoldfastError | undefined> {
  const status = await job.status().catch(() => undefined);
  const [first, ...others] = askingOf(status?.subPlans);
  if (first === undefined) return undefined;
  const more =
    others.length === 0 ? '' : ` So ${others.length === 1 ? 'does' : 'do'} ${counted(others.length, 'other')}.`;
  return new HoldfastError(
    'decision-refused',
    `Job ${workflowId} has no open question of its own. The job of its sub-plan ${first.stepId}, ${first.job}, asks ` +
      `${counted(first.questions?.length ?? 0, 'question')}, to be answered there.${more}`,
    {
      workflowId,
      asking: [first, ...others].map((sub) => sub.job),
      nextStep: `holdfast decide ${shellWord(first.job)}`,
    },
    { cause },
  );
}

/** How it fails to name a question of a job that has ended. */
const AS_OF_AN_ENDED_JOB: readonly FailureType[] = ['decision-refused', 'no-worker'];

/**
 * The open question that a digest, or its first eight or more digits, names; without one the only open question.
 * @throws HoldfastError `decision-refused`, `bad-input`
 */
export function namedQuestion(workflowId: string, open: readonly Question[], digest: string | undefined): Question {
  if (open.length === 0)
    throw new HoldfastError('decision-refused', `Job ${workflowId} has no open question: there is nothing to decide.`, {
      workflowId,
      nextStep: `See what it does: holdfast status ${shellWord(workflowId)}`,
    });
  const listed = open.map(listedAs).join(', ');
  const digests = open.map((question) => question.digest);
  if (digest === undefined) {
    if (open.length === 1) return open[0]!;
    throw new HoldfastError(
      'decision-refused',
      `Job ${workflowId} has ${open.length} open questions: ${listed}. ` +
        'Say which one the decision is for, by its digest.',
      { workflowId, open: digests },
    );
  }
  if (!/^[0-9a-f]{8,64}$/.test(digest))
    throw new HoldfastError(
      'bad-input',
      `"${digest}" does not name a question. Expected at least ${MIN_DIGEST_PREFIX} hex digits of its digest; ` +
        `open: ${listed}.`,
      { digest },
    );
  const matching = open.filter((question) => question.digest.startsWith(digest));
  if (matching.length === 1) return matching[0]!;
  const how = matching.length === 0 ? 'No' : 'More than one';
  throw new HoldfastError(
    'decision-refused',
    `${how} open question of job ${workflowId} has a digest that begins with ${digest}; open: ${listed}.`,
    { workflowId, digest, open: digests },
  );
}

function listedAs({ digest, kind, stepId }: Question): string {
  const ofStep = stepId === undefined ? '' : ` of step ${stepId}`;
  return `${shortDigest(digest)} (${kind}${ofStep})`;
}
