/** What a decision about an open question of a job would do. */
import type { JobStatus } from '../model/job/status.ts';
import type { Question } from '../model/question/question.ts';
import { refuseUnknownInDecision, wellFormed } from './call-options.ts';
import type { DecisionInput } from './job-types.ts';
import { previewDecision, undoesOf, type DecisionPreview } from './preview.ts';

interface AskedJob {
  readonly openQuestion: (workflowId: string, digest?: string) => Promise<Question>;
  readonly status: (workflowId: string) => Promise<JobStatus>;
}

/** Changes nothing. @throws HoldfastError `decision-refused`, `bad-input`, `no-worker` */
export async function previewOfJob(
  client: AskedJob,
  workflowId: string,
  given: DecisionInput,
): Promise<DecisionPreview & { readonly question: Question }> {
  refuseUnknownInDecision('client.preview', given);
  const question = await client.openQuestion(workflowId, given.digest);
  const preview = previewDecision(question, wellFormed({ ...given, digest: question.digest }));
  if (!preview.usable || given.compensate !== true) return { ...preview, question };
  return { ...preview, undoes: undoesOf(await client.status(workflowId)), question };
}
