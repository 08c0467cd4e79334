/** The work of a step: its code, with what surrounds it checked by its contract. */
import { canonicalJson } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { sha256Hex, type Digest } from '../../model/digest.ts';
import type { HoldfastError } from '../../model/failure.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ChainRecord } from '../../model/record/record.ts';
import { tokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { ProtocolHost } from '../host.ts';
import { stuckFinding, type StuckKind } from '../question/stuck.ts';
import { makeIntent } from '../commit/seal.ts';
import { resolveSecrets } from '../secrets/placed-secrets.ts';
import { invariant } from '../../model/invariant.ts';
import { checkedInput, checkedOutput } from './contract-check.ts';
import { doneResult } from './done-result.ts';
import { implementationOf } from './implementation.ts';
import { performedCalls } from './performed-calls.ts';
import { rememberedFailure } from './failed-for-good.ts';
import type { DraftTools, StepDraft, StepWork } from './step-work.ts';
import type { Workspace } from '../workspace/workspace.ts';

export class RunWork implements StepWork {
  readonly token: Digest;
  readonly args: Digest;
  readonly argsBytes: Uint8Array | undefined;
  readonly #host: Pick<ProtocolHost, 'steps'>;
  readonly #workspace: Workspace;
  readonly #request: RunStepRequest;
  readonly #argsText: string;

  constructor(host: Pick<ProtocolHost, 'steps'>, workspace: Workspace, request: RunStepRequest) {
    this.#host = host;
    this.#workspace = workspace;
    this.#request = request;
    this.token = tokenOf(request);
    const { input, step, secrets } = request;
    this.#argsText = canonicalJson({ input, step, ...defined({ secrets }) });
    this.args = sha256Hex(this.#argsText);
    // Only a compensation needs it, and storing it costs a write a step.
    this.argsBytes =
      host.steps.get(request.step)?.compensate === undefined ? undefined : new TextEncoder().encode(this.#argsText);
  }

  obstacle(ledger: Ledger): RunStepResult | undefined {
    const state = ledger.job(this.#request.jobId)?.state;
    if (state !== 'undoing' && state !== 'aborted') return this.#rejected(ledger) ?? this.#failedForGood(ledger);
    const why = state === 'undoing' ? 'what the job did is being undone' : 'a person has aborted the job';
    return {
      kind: 'failed',
      type: 'aborted',
      message: `Step ${this.#request.stepId} does not run any more: ${why}.`,
    };
  }

  /** The ledger keeps the rejection: a replay, a reset and a new Run are told the same. */
  #rejected(ledger: Ledger): RunStepResult | undefined {
    const { onReject, stepId } = this.#request;
    if (onReject !== 'fail') return undefined;
    const claim = ledger.claim(this.token);
    // Other arguments make another draft, which nobody has rejected; what is sealed since is asked about by itself.
    if (claim?.rejection == null || claim.args !== this.args) return undefined;
    if ((ledger.intent(this.token)?.state ?? 'dropped') !== 'dropped') return undefined;
    const { by, reason } = claim.rejection;
    const message = `Step ${stepId} was rejected by ${by}: ${reason}. Nothing of it is applied.`;
    return { kind: 'failed', type: 'rejected', message, rejection: { by, reason } };
  }

  /** Likewise: what has failed for good is not tried again, whoever asks for it anew. */
  #failedForGood(ledger: Ledger): RunStepResult | undefined {
    if (this.#request.onFailure !== 'fail-for-good') return undefined;
    const claim = ledger.claim(this.token);
    return claim?.args === this.args ? rememberedFailure(ledger, claim) : undefined;
  }

  async make({ settings, claim, stage, secretOf, run }: DraftTools): Promise<StepDraft> {
    const { step, input, stepId, secrets } = this.#request;
    const implementation = implementationOf(this.#host, step);
    if (!this.#workspace.secrets.isEmpty)
      this.#workspace.secrets.refuse(
        this.#argsText,
        `what step ${stepId} is given, and what is in the history already,`,
      );
    const checked = checkedInput(implementation, stepId, resolveSecrets(input, secrets ?? [], secretOf));
    const returned = await run((context) => implementation.run(context, checked));
    const output = checkedOutput(implementation, stepId, returned);
    const performed = performedCalls(claim, stage);
    const intent = await makeIntent({ workspace: this.#workspace, settings, claim, stage, step, output, performed });
    const subSteps = stage.subSteps.count === 0 ? undefined : stage.subSteps.count;
    const details = { version: implementation.version, uses: this.#request.uses ?? null, logs: stage.logs };
    return { intent, details: { ...details, ...defined({ subSteps }) } };
  }

  result(record: ChainRecord, at: { readonly seq: number; readonly head: Digest }, ledger: Ledger): RunStepResult {
    invariant(record.kind === 'step', `the work of step ${this.#request.stepId} is recorded as ${record.kind}`);
    const { approval: isToApprove, jobId, checkpoints: notes } = this.#request;
    const approval = isToApprove === undefined ? undefined : ledger.approvalOf(jobId, record.intent);
    const checkpoints = notes?.map(({ digest }) => ledger.checkpointSeq(jobId, digest)!);
    return { ...doneResult(record, at), ...defined({ approval, checkpoints }) };
  }

  stuck(failure: HoldfastError, kind?: StuckKind): Finding {
    return stuckFinding(this.#request.stepId, failure, kind);
  }
}
