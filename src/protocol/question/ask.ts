/**
 * Asking: a question is minted once for what was found, stored in the ledger, and stays the same while the findings do.
 *
 * Invariants
 * 1. One open question a matter: the world as a whole is one matter, what a single step asks is that step's.
 * 2. No secret is in a question: it names secrets instead.
 */
import { randomUUID } from 'node:crypto';
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import { invariant } from '../../model/invariant.ts';
import { boundedQuestion } from '../../model/question/bounded-question.ts';
import { findingsIdentity, type Finding } from '../../model/question/finding.ts';
import { runsAgain } from '../../model/question/unrepeatable.ts';
import { isAboutTheWorld, questionDigest, questionKind, type Question } from '../../model/question/question.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Secrets } from '../secrets/secrets.ts';
import { WhatStays } from './what-stays.ts';

const MAX_WHY_CHARACTERS = 500;

/** What is to be asked. Without a token it is about the world, or about the step as such. */
export interface QuestionMatter {
  readonly jobId: string;
  readonly why: string;
  readonly findings: readonly Finding[];
  readonly stepId?: string;
  readonly token?: Digest;
}

/**
 * The open question for these findings: the one that is there, or a new one. An open question about the same matter
 * with different findings is withdrawn. Call under the lock. Safe to repeat.
 */
export function ask(ledger: Ledger, secrets: Secrets, asked: QuestionMatter & { readonly runId: string }): Question {
  const { runId, ...matter } = secrets.redactJson(asked);
  const findings = withWhatStays(ledger, matter.jobId, matter.findings);
  const identity = findingsIdentity(findings);
  const kind = questionKind(findings);
  const open = ledger.openQuestions(matter.jobId).filter((question) => isSameMatter(question, kind, matter));
  const present = open.find((question) => question.kind === kind && findingsIdentity(question.findings) === identity);
  if (present !== undefined) return present;
  const question = unsavedQuestion({ ...matter, findings });
  faultPoint('question.before');
  ledger.transaction(() => {
    for (const earlier of open) withdraw(ledger, earlier, runId, 'what was found has changed');
    ledger.openQuestion(question, identity);
  });
  faultPoint('question.after');
  return question;
}

/** A question as it is minted; `ask` stores it. For a ledger that can't be read it is asked without being stored. */
export function unsavedQuestion({ jobId, why, findings, stepId, token }: QuestionMatter): Question {
  invariant(findings.length > 0, 'a question is about something');
  const nonce = randomUUID();
  return {
    schemaVersion: 1,
    digest: questionDigest(nonce, findings),
    nonce,
    jobId,
    kind: questionKind(findings),
    openedAt: new Date().toISOString(),
    why: why.slice(0, MAX_WHY_CHARACTERS),
    findings: [...findings],
    findingsTotal: findings.length,
    ...defined({ stepId, token }),
  };
}

/** Closes a question that nobody need answer any more; the chain says so. Call in a transaction. */
export function withdraw(ledger: Ledger, question: Question, runId: string, reason: string): void {
  ledger.closeQuestion(question.digest);
  if (ledger.job(question.jobId) !== undefined)
    ledger.append(question.jobId, runId, { kind: 'withdrawn', question: question.digest, reason, changes: [] });
}

/** Bounded: at most 20 findings, their differences cut. */
export function forPayload(question: Question): Question {
  return boundedQuestion(question);
}

function isSameMatter(
  question: Question,
  kind: Question['kind'],
  { token, stepId }: Pick<QuestionMatter, 'token' | 'stepId'>,
): boolean {
  if (question.token !== token) return false;
  if (token !== undefined) return true;
  if (isAboutTheWorld({ kind })) return isAboutTheWorld(question);
  return !isAboutTheWorld(question) && question.stepId === stepId;
}

/** With what nothing undoes where a step runs again: the decision may name calls, and must name statements. */
export function withWhatStays(ledger: Ledger, jobId: string, findings: readonly Finding[]): Finding[] {
  const stays = new WhatStays(ledger, jobId);
  return findings.map((one) => {
    // Of a record that can't be used it says by itself what it has found.
    if (one.class === 'damaged' || !one.answers.some(runsAgain)) return one;
    const keeps = stays.calls(one.rerunSteps);
    const repeats = stays.statements(one.rerunSteps);
    return {
      ...one,
      ...defined({
        keeps: keeps.length === 0 ? undefined : keeps,
        repeats: repeats.length === 0 ? undefined : repeats,
      }),
    };
  });
}
