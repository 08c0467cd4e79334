/**
 * The work of an undoing, under a token derived from the step's. The step's own compensation runs first, for what
 * cannot be undone by itself; then what the step had staged is undone by itself.
 *
 * Invariants
 * 1. Nothing is put back unseen: what the world shows otherwise than the record is a question, asked before anything of
 *    this undoing is sealed. A call of the compensation, which cannot be staged, is asked about like any other.
 * 2. A call of the step in doubt is settled before its compensation runs.
 */
import { againText } from '../../model/record/try-text.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import type { RunStepResult } from '../../model/job/run-step.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { UndoStepRequest } from '../../model/job/undo.ts';
import type { Finding, FindingKind } from '../../model/question/finding.ts';
import type { NotUndone } from '../../model/record/intent.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import { isPartOfCode } from '../../model/sub-step-id.ts';
import { tokenOf, undoTokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { MustVerify } from '../attempt/must-verify.ts';
import type { ProtocolHost } from '../host.ts';
import { effectsText } from '../../model/record/effects-text.ts';
import type { StuckKind } from '../question/stuck.ts';
import { compensationFailedFinding, undoingStuckFinding, undoneCallFinding } from '../question/undo.ts';
import { implementationOf } from '../step/implementation.ts';
import type { DraftTools, StepDraft, StepWork } from '../step/step-work.ts';
import type { Workspace } from '../workspace/workspace.ts';
import { compensate, hasCompensation, type CompensatingStep } from './compensate.ts';
import { driftOf, statementDrift, type UndoWorld } from './drift.ts';
import { NO_INVERSE, type Inverse } from './inverse/inverse.ts';
import { inverseOf } from './inverse/invert.ts';
import { callNotUndone, compensationNotRun, wholeStepNotUndone } from './not-undone.ts';
import { OwnChanges } from './inverse/own-changes.ts';
import { undoDraft } from './undo-draft.ts';
import { isInDoubt } from './plan/undone-calls.ts';
import { readUndoneStep, rulingOnUndoing, type UndoneStep } from './undone-step.ts';

const ONLY_CALLS = 'the step was not finished: only calls of it were made';
const COMPENSATED_WHOLLY = "the step's own compensation has seen to what the step had staged";

interface CompensationOutcome {
  readonly isCompensated: boolean;
  /** What no compensation has seen to. */
  readonly notUndone: readonly NotUndone[];
}

export class UndoWork implements StepWork {
  readonly token: Digest;
  readonly args: Digest;
  /** How much of the recorded undoing is not undone; set by `result`. */
  notUndone = 0;
  readonly #host: ProtocolHost;
  readonly #workspace: Workspace;
  readonly #request: UndoStepRequest;
  /** Does the step's own compensation run now, and not what follows it? */
  #isCompensating = false;

  constructor(host: ProtocolHost, workspace: Workspace, request: UndoStepRequest) {
    this.#host = host;
    this.#workspace = workspace;
    this.#request = request;
    const undoes = tokenOf(request);
    this.token = undoTokenOf(undoes);
    this.args = digestOf({ undoes });
  }

  obstacle(ledger: Ledger): RunStepResult | undefined {
    const done = ledger.undoneRecord(this.token);
    if (done !== undefined) return this.result(done.record, done.at);
    if (ledger.job(this.#request.jobId)?.state === 'undoing') return undefined;
    return {
      kind: 'verification-required',
      reason: 'other-term',
      detail: 'the ledger does not say that the job is being undone',
    };
  }

  result(record: ChainRecord, at: { readonly seq: number; readonly head: Digest }): RunStepResult {
    if (record.kind !== 'undone')
      throw new HoldfastError('defect', `The undoing of step ${this.#request.stepId} is recorded as ${record.kind}.`);
    const { stepId, generation, effects, left } = record;
    this.notUndone = left.length;
    return { kind: 'done', stepId, generation, at, output: null, effects: effectsText(effects) };
  }

  async make(tools: DraftTools): Promise<StepDraft> {
    const { stepId } = this.#request;
    const undone = tools.claim.read((ledger) => readUndoneStep(ledger, this.#request));
    const ruling = rulingOnUndoing(undone, `undo:${stepId}`);
    if (ruling !== undefined)
      return await this.#draft(tools, undone, { notUndone: wholeStepNotUndone(undone, ruling) });
    const code = this.#compensatingCode(undone);
    const doubts = code === undefined ? [] : undone.calls.filter(isInDoubt).map(undoneCallFinding);
    if (doubts.length > 0)
      return { findings: doubts, why: `step ${stepId} has calls in doubt, which its compensation must know of` };
    const returned = code === undefined ? undefined : await this.#compensate(tools, code, undone);
    const notUndone = this.#notCompensated(undone, code !== undefined);
    const { record } = undone;
    if (record === undefined) return await this.#draft(tools, undone, { notUndone, notes: [ONLY_CALLS] });
    if (returned?.undoStaged === false)
      return await this.#draft(tools, undone, { notUndone, notes: [COMPENSATED_WHOLLY] });
    return await this.#undoStaged(tools, { ...undone, record }, { notUndone, isCompensated: code !== undefined });
  }

  /** The step's code, where it has a compensation and it is its turn. @throws HoldfastError `unknown-step` */
  #compensatingCode(undone: UndoneStep): CompensatingStep | undefined {
    const { stepId, step, compensates } = this.#request;
    if (!compensates || isPartOfCode(step) || rulingOnUndoing(undone, `step:${stepId}`) !== undefined) return undefined;
    const code = implementationOf(this.#host, step);
    return hasCompensation(code) ? code : undefined;
  }

  /** A failure leaves the flag as it is: then a person is asked about the compensation. */
  async #compensate(tools: DraftTools, code: CompensatingStep, undone: UndoneStep): ReturnType<typeof compensate> {
    this.#isCompensating = true;
    const returned = await compensate(tools, code, undone);
    this.#isCompensating = false;
    return returned;
  }

  /** What a compensation would have seen to. */
  #notCompensated(undone: UndoneStep, isCompensated: boolean): readonly NotUndone[] {
    const { stepId, compensates } = this.#request;
    const ruling = rulingOnUndoing(undone, `step:${stepId}`);
    const calls = isCompensated || !compensates ? [] : undone.calls.map(callNotUndone);
    return ruling === undefined ? calls : [compensationNotRun(stepId, ruling), ...calls];
  }

  async #undoStaged(
    tools: DraftTools,
    undone: UndoneStep & { readonly record: StepRecord },
    { notUndone, isCompensated }: CompensationOutcome,
  ): Promise<StepDraft> {
    const { stepId, generation, skip } = this.#request;
    const { settings, stage, claim } = tools;
    const { inverse, findings } = await inverseOf({
      workspace: this.#workspace,
      settings,
      record: undone.record,
      token: this.token,
      skip: new Set(skip),
      rulings: undone.rulings,
      stage,
      known: claim,
      ownChanges: claim.read((ledger) => new OwnChanges(this.#workspace, ledger, undone.record)),
      isCompensated,
    });
    const world = this.#world(
      claim.read((ledger) => ledger),
      settings,
    );
    const asked = [...findings, ...(await statementDrift(world, inverse.changes))];
    if (asked.length > 0) {
      return { findings: asked, why: whyAsked(`what step ${stepId}${againText(generation)}`, asked) };
    }
    return await this.#draft(tools, undone, { ...inverse, notUndone: [...notUndone, ...inverse.notUndone] });
  }

  async #draft(tools: DraftTools, undone: UndoneStep, inverse: Partial<Inverse>): Promise<StepDraft> {
    const site = { host: this.#host, workspace: this.#workspace, request: this.#request };
    return await undoDraft(site, tools, undone, { ...NO_INVERSE, ...inverse });
  }

  async driftFindings(
    ledger: Ledger,
    settings: JobSettings,
    { resource }: Pick<MustVerify, 'resource'>,
  ): Promise<readonly Finding[]> {
    return resource === undefined ? [] : await driftOf(this.#world(ledger, settings), [resource]);
  }

  stuck(failure: HoldfastError, kind: StuckKind = 'step-cannot-go-on'): Finding {
    const { stepId } = this.#request;
    const isCompensation = this.#isCompensating || failure.type === 'unknown-step';
    return isCompensation ? compensationFailedFinding(stepId, failure) : undoingStuckFinding(stepId, failure, kind);
  }

  #world(ledger: Ledger, settings: JobSettings): UndoWorld {
    return { host: this.#host, workspace: this.#workspace, ledger, settings, jobId: this.#request.jobId };
  }
}

/** What is wrong, each kind once: a file whose stored content is damaged may be as the step left it. */
function whyAsked(of: string, asked: readonly Finding[]): string {
  return [...new Set(asked.map(({ kind }) => `${of} ${WRONG[kind] ?? 'did has changed since'}`))].join('; ');
}

const WRONG: Partial<Record<FindingKind, string>> = {
  'blob-damaged': 'replaced is lost or damaged in .holdfast/blobs',
  unreadable: 'did cannot be looked at',
};
