/** One request to compare the world with the record, with what it is carried out with; and its questions. */
import { REASON_TEXT } from '../../model/job/reason-text.ts';
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import type { VerifyWorldRequest, VerifyWorldResult } from '../../model/job/verify-world.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { ask, forPayload, unsavedQuestion, withdraw } from '../question/ask.ts';
import { withRebuild } from '../rebuild/offer.ts';
import type { RebuildSite } from '../rebuild/rebuild-plan.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { refuseOutage } from './patience.ts';

export interface Verification {
  readonly host: ProtocolHost;
  readonly workspaces: Workspaces;
  readonly caller: Caller;
  readonly request: VerifyWorldRequest;
  /** An outage may be waited for: then nobody is asked. */
  readonly mayWait: boolean;
  /** A record that looks damaged is looked at once more: then nobody is asked. */
  readonly isFirstLook: boolean;
}

/**
 * step: the one whose question it is; left out: the question is about the world. Call under the lock.
 * @throws Outage
 */
export function askAboutWorld(
  verification: Verification,
  ledger: Ledger,
  findings: readonly Finding[],
  step?: { readonly stepId: string; readonly token: Digest },
): VerifyWorldResult {
  const { host, workspaces, caller, request, mayWait } = verification;
  if (mayWait) refuseOutage(findings);
  const { jobId } = request;
  withdrawConflicts(verification, ledger, new Set(findings.map(({ resource }) => resource)));
  const question = ask(ledger, workspaces.secrets, {
    jobId,
    runId: caller.runId,
    why: whyOf(request),
    findings,
    ...defined({ stepId: step?.stepId, token: step?.token }),
  });
  return {
    kind: 'question',
    question: forPayload(question),
    term: ledger.job(jobId)?.term ?? 0,
    searchAttributes: host.searchAttributes,
  };
}

/** A record that can't be used stores no question: it is asked all the same, and anew after each such comparison. */
export async function askUnsaved(verification: Verification, finding: Finding): Promise<VerifyWorldResult> {
  const { host, request } = verification;
  const findings = await withRebuild(siteOf(verification), [finding]);
  const question = unsavedQuestion({ jobId: request.jobId, why: whyOf(request), findings });
  return { kind: 'question', question: forPayload(question), term: 0, searchAttributes: host.searchAttributes };
}

/** From where a lost record could be made anew. */
export function siteOf({ host, workspaces, caller, request }: Verification): RebuildSite {
  const { workflowId, runId } = caller;
  const { jobId, settings, known } = request;
  return { host, workflowId, runId, jobId, settings, known, root: workspaces.pathOf(request.workspace) };
}

function whyOf({ reason, detail }: VerifyWorldRequest): string {
  return `${REASON_TEXT[reason]}: ${detail}`;
}

/** A step's own question about the same target is asked with all the rest. */
function withdrawConflicts({ caller, request }: Verification, ledger: Ledger, resources: ReadonlySet<string>): void {
  for (const open of ledger.openQuestions(request.jobId)) {
    const isOfStep = open.kind === 'conflict' && open.token !== undefined;
    if (isOfStep && open.findings.some(({ resource }) => resources.has(resource)))
      ledger.transaction(() => withdraw(ledger, open, caller.runId, 'it is asked with what else differs'));
  }
}
