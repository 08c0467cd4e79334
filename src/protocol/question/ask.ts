/**
 * Asking: a question is minted once for what was found, kept in the ledger, and stays the same while the findings do.
 */
import { randomUUID } from 'node:crypto';
import type { Digest } from '../../model/digest.ts';
import { boundedQuestion } from '../../model/question/bounded-question.ts';
import { findingsIdentity, type Finding } from '../../model/question/finding.ts';
import { isAboutTheWorld, questionDigest, questionKind, type Question } from '../../model/question/question.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { keptCalls } from './kept-calls.ts';

export interface Asking {
  readonly jobId: string;
  readonly runId: string;
  readonly why: string;
  readonly findings: readonly Finding[];
  readonly stepId?: string;
  readonly token?: Digest;
}

/**
 * The open question for these findings: the one that is there, or a new one. An open question about the same thing with
 * other findings is withdrawn. What it shows names secrets instead of holding them. Call under the lock. Safe to repeat.
 */
export function ask(ledger: Ledger, secrets: Secrets, asking: Asking): Question {
  const { jobId, runId, why, findings: found, stepId, token } = secrets.redactJson(asking);
  const findings = found.map((one) => withKeptCalls(ledger, jobId, one));
  const identity = findingsIdentity(findings);
  const kind = questionKind(findings);
  const open = ledger.openQuestions(jobId);
  // The world as a whole is one matter; what a single step asks is that step's.
  const isSameMatter = (question: Question): boolean =>
    question.token === token &&
    (token !== undefined ||
      (isAboutTheWorld({ kind })
        ? isAboutTheWorld(question)
        : !isAboutTheWorld(question) && question.stepId === stepId));
  const present = open.find(
    (question) => isSameMatter(question) && question.kind === kind && findingsIdentity(question.findings) === identity,
  );
  if (present !== undefined) return present;
  const question = unsavedQuestion({
    jobId,
    why,
    findings,
    ...(stepId === undefined ? {} : { stepId }),
    ...(token === undefined ? {} : { token }),
  });
  faultPoint('question.before');
  ledger.transaction(() => {
    for (const earlier of open.filter(isSameMatter)) withdraw(ledger, earlier, runId, 'what was found has changed');
    ledger.openQuestion(question, identity);
  });
  faultPoint('question.after');
  return question;
}

/** What can't be undone where a step runs again; the decision may name it. */
function withKeptCalls(ledger: Ledger, jobId: string, one: Finding): Finding {
  if (!one.answers.includes('rerun') && !one.answers.includes('undo')) return one;
  const keeps = keptCalls(ledger, jobId, one.rerunSteps);
  return keeps.length === 0 ? one : { ...one, keeps };
}

/** A question as it is minted; `ask` keeps it. */
export function unsavedQuestion({ jobId, why, findings, stepId, token }: Omit<Asking, 'runId'>): Question {
  const nonce = randomUUID();
  return {
    schemaVersion: 1,
    digest: questionDigest(nonce, findings),
    nonce,
    jobId,
    kind: questionKind(findings),
    openedAt: new Date().toISOString(),
    why: why.slice(0, 500),
    findings: [...findings],
    findingsTotal: findings.length,
    ...(stepId === undefined ? {} : { stepId }),
    ...(token === undefined ? {} : { token }),
  };
}

/** Closes a question that nobody need answer any more; the chain says so. */
export function withdraw(ledger: Ledger, question: Question, runId: string, reason: string): void {
  ledger.closeQuestion(question.digest);
  if (ledger.job(question.jobId) !== undefined)
    ledger.append(question.jobId, runId, { kind: 'withdrawn', question: question.digest, reason, changes: [] });
}

export function forPayload(question: Question): Question {
  return boundedQuestion(question);
}
