/**
 * A decision as an Update. Whoever didn't get the answer sends it again, and gets the first one.
 *
 * Invariants
 * 1. The Update's id is a digest of the whole decision: another decision about the same question has another id.
 * 2. A decision that was refused, or could not be carried out, may be sent again once its cause is mended, and is
 *    carried out then: the refusals that the job has noted for the question are part of the id.
 */
import { randomUUID } from 'node:crypto';
import { digestOf, isDigest } from '../model/digest.ts';
import { HoldfastError, isFailure } from '../model/failure.ts';
import { MAX_REFUSALS, type JobStatus, type Refusal } from '../model/job/status.ts';
import type { Decision } from '../model/question/decision.ts';
import { decideUpdate, statusQuery, type DecideAnswer } from '../workflows/messages.ts';
import { wellFormed } from './call-options.ts';
import type { Decided, DecisionInput } from './job-types.ts';
import type { ServerCalls } from './server-calls.ts';

/** @throws HoldfastError `decision-refused`, `not-found`, `no-worker` */
export async function sendDecision(server: ServerCalls, workflowId: string, decision: Decision): Promise<DecideAnswer> {
  const { refusals } = (await server.query(workflowId, (handle) => handle.query(statusQuery))) as JobStatus;
  const updateId = updateIdOf(decision, refusals);
  return await server.call(workflowId, () =>
    server.handle(workflowId).executeUpdate(decideUpdate, { args: [decision], updateId }),
  );
}

/** Where older refusals are forgotten, what is sent again can't be told from what is sent anew: each is new. */
export function updateIdOf(decision: Decision, refusals: readonly Refusal[]): string {
  if (refusals.length >= MAX_REFUSALS) return randomUUID();
  const refused = refusals.filter(({ question }) => question === decision.digest).length;
  return `decide-${digestOf({ decision, refused })}`;
}

/**
 * The question is not open: what the decision got for an answer when it was, if it was sent then.
 * @throws `error`, which says that it isn't, if there is no such answer
 */
export async function answeredBefore(
  server: ServerCalls,
  workflowId: string,
  given: DecisionInput,
  error: unknown,
): Promise<Decided> {
  if (!isDigest(given.digest) || !isFailure(error, 'decision-refused')) throw error;
  const decision = wellFormed({ ...given, digest: given.digest });
  try {
    return { via: 'update', decision, ...(await sendDecision(server, workflowId, decision)) };
  } catch (refusal) {
    throw isFailure(refusal, 'decision-refused', 'not-found') ? error : refusal;
  }
}

/** What the record has refused. */
export function notUsed(workflowId: string, { digest }: Decision, problems: readonly string[]): HoldfastError {
  const message = `The decision could not be used: ${problems.join('; ')}.`;
  return new HoldfastError('decision-refused', message, { workflowId, digest, problems });
}
