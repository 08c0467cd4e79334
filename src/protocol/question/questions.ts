/**
 * Asking: a question is minted once for what was found, kept in the ledger, and stays the same while the findings do.
 */
import { randomUUID } from 'node:crypto';
import type { Answer, FindingClass } from '../../model/question/answer.ts';
import { shortDigest, type Digest } from '../../model/digest.ts';
import { FAILURES, type HoldfastError } from '../../model/failure.ts';
import { describeEffect, isToApply, type Intent } from '../../model/record/intent.ts';
import type { ManifestEntry } from '../../model/record/record.ts';
import {
  boundedQuestion,
  findingsIdentity,
  isAboutTheWorld,
  MAX_FINDINGS_IN_PAYLOAD,
  offeredAnswers,
  questionDigest,
  questionKind,
  type Finding,
  type FindingKind,
  type Question,
} from '../../model/question/question.ts';
import { stateDigest, type ResourceState, type Sighting } from '../../model/record/world.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { keptCalls } from '../attempt/calls/kept-calls.ts';
import type { Secrets } from '../secrets/secrets.ts';

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

export { MAX_FINDINGS_IN_PAYLOAD };

export function sideOf(sighting: Sighting | ResourceState): Finding['expected'] {
  if ('outcome' in sighting) {
    return sighting.outcome === 'seen'
      ? sideOf(sighting.state)
      : { digest: null, text: `${sighting.outcome}: ${sighting.reason}` };
  }
  const digest = stateDigest(sighting);
  switch (sighting.kind) {
    case 'absent':
      return { digest, text: 'not there' };
    case 'file': {
      const mode = sighting.mode.toString(8).padStart(4, '0');
      return {
        digest,
        sizeBytes: sighting.sizeBytes,
        mode,
        text: `${sighting.sizeBytes.toLocaleString('en-US')} bytes, mode ${mode}, content ${shortDigest(sighting.content)}`,
      };
    }
    case 'directory':
      return {
        digest,
        mode: sighting.mode.toString(8).padStart(4, '0'),
        text: `a folder, mode ${sighting.mode.toString(8).padStart(4, '0')}`,
      };
    case 'symlink':
      return { digest, text: `a symbolic link to ${sighting.target}` };
    case 'other':
      return { digest, text: `a ${sighting.what}` };
    case 'row':
      return { digest, text: cut(JSON.stringify(sighting.columns)) };
    case 'schema':
      return { digest, text: cut(`columns ${sighting.columns.map(({ name, type }) => `${name} ${type}`).join(', ')}`) };
    case 'token':
      return { digest, text: `applied intent ${shortDigest(sighting.intent)}` };
    case 'identity':
      return { digest, text: `${sighting.name}, system ${sighting.system}, timeline ${sighting.timeline}` };
    case 'value':
      return { digest, text: cut(sighting.summary) };
  }
}

export function finding(
  fields: Pick<Finding, 'resource' | 'expected' | 'found'> & {
    readonly class: FindingClass;
    readonly kind: FindingKind;
    readonly recorded?: ManifestEntry | undefined;
    readonly staleSteps?: readonly string[];
    readonly rerunSteps?: readonly string[];
    readonly difference?: string;
    readonly impossible?: readonly Answer[];
    readonly advice?: string | undefined;
  },
): Finding {
  const { recorded } = fields;
  return {
    resource: fields.resource,
    class: fields.class,
    kind: fields.kind,
    expected: fields.expected,
    found: fields.found,
    ...(recorded?.stepId === undefined
      ? {}
      : {
          recordedBy: {
            stepId: recorded.stepId,
            generation: recorded.generation ?? 0,
            seq: recorded.seq,
            at: recorded.at,
          },
        }),
    staleSteps: [...(fields.staleSteps ?? [])],
    rerunSteps: [...(fields.rerunSteps ?? [])],
    difference: fields.difference ?? '',
    answers: offeredAnswers(fields.class, fields.impossible),
    ...(fields.advice === undefined ? {} : { advice: fields.advice }),
  };
}

/** A step that can't go on by itself: what happened, and what the person should do. */
export function stuckFinding(
  stepId: string,
  error: { readonly type: string; readonly message: string },
  kind: FindingKind = 'step-cannot-go-on',
  rerunSteps: readonly string[] = [stepId],
): Finding {
  const rule = FAILURES[error.type as HoldfastError['type']] as { nextStep: string } | undefined;
  return finding({
    resource: `step:${stepId}`,
    class: 'stuck',
    kind,
    expected: { digest: null, text: `step ${stepId} goes on` },
    found: { digest: null, text: cut(`${error.type}: ${error.message}`) },
    rerunSteps,
    impossible: rerunSteps.length === 0 ? ['rerun'] : [],
    difference: error.message.slice(0, 4_000),
    advice: rule?.nextStep,
  });
}

/** The exact changes, for a person to approve. */
export function approvalFinding(intent: Intent, digest: Digest, differences: readonly string[]): Finding {
  const changes = intent.effects.filter(isToApply).length;
  return finding({
    resource: `intent:${intent.stepId}`,
    class: 'approval',
    kind: 'approval',
    expected: { digest: null, text: `an approval of ${changes} change${changes === 1 ? '' : 's'}` },
    found: { digest, text: cut(intent.effects.map(describeEffect).join('; ') || 'no change') },
    difference: intent.effects
      .map((effect, index) =>
        [describeEffect(effect), differences[index] ?? ''].filter((part) => part !== '').join('\n'),
      )
      .join('\n\n'),
  });
}

function cut(text: string): string {
  return text.length <= 500 ? text : `${text.slice(0, 500)}…`;
}
