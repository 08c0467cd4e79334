/**
 * The undoing of one step: a guarded piece of work of its own, under a token derived from the step's. The step's own
 * compensation runs first, for what can't be undone by itself; then what the step had staged is undone by itself. Both
 * are sealed as one intent, applied in two phases and recorded.
 *
 * Invariants
 * 1. Nothing is put back unseen: what the world shows otherwise than the record is a question, asked before anything of
 *    this undoing is sealed. A call of the compensation, which can't be staged, is asked about like any other.
 * 2. A call of the step in doubt is settled before its compensation runs.
 */
import { canonicalJson, type Json } from '../../model/canonical-json.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { HoldfastError } from '../../model/failure.ts';
import { describeEffect } from '../../model/record/effect-text.ts';
import { uriOf } from '../../model/record/effect.ts';
import type { NotUndone, Undoes } from '../../model/record/intent.ts';
import { issuesText } from '../../model/issues-text.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import type { UndoStepRequest, UndoStepResult } from '../../model/job/undo.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { ChainRecord, StepRecord } from '../../model/record/record.ts';
import type { CompensatedCall, CompensatedRecord } from '../../model/step/compensated.ts';
import type { CompensateResult, StepImplementation } from '../../model/step/step.ts';
import { tokenOf, undoIdOf, undoTokenOf } from '../../model/record/token.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { UndoRuling } from '../../store/ledger/undo-rulings.ts';
import type { PerformRow } from '../../store/ledger/perform-row.ts';
import { readRecorded, recordedRows } from '../commit/recorded-rows.ts';
import { compare } from '../compare/compare.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { resourceOfCall } from '../question/kept-calls.ts';
import type { MustVerify } from '../attempt/must-verify.ts';
import { undoingStuckFinding, undoneCallFinding, compensationFailedFinding } from '../question/undo.ts';
import type { StuckKind } from '../question/stuck.ts';
import { withoutRerun } from '../question/discrepancy.ts';
import { runStepWork } from '../step/run-step.ts';
import { effectsText } from '../question/effects-text.ts';
import { implementationOf } from '../step/implementation.ts';
import { performedCalls } from '../step/performed-calls.ts';
import { makeIntent } from '../commit/seal.ts';
import { resolveSecrets } from '../secrets/placed-secrets.ts';
import type { DraftTools, StepDraft, StepWork } from '../step/step-work.ts';
import { inverseOf, type Inverse } from './effects.ts';
import { callsOf, isInDoubt } from './undone-calls.ts';
import { argumentsOf, type StepArguments } from './step-arguments.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/**
 * Undoes one record, or says why not. Safe to repeat: one that is undone answers with what was done.
 * @throws HoldfastError as a step's code or its applying does; the caller tries again
 */
export async function undoStepProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: UndoStepRequest,
): Promise<UndoStepResult> {
  const workspace = workspaces.find(request.workspace);
  if (workspace === undefined)
    return {
      kind: 'begin-again',
      reason: 'workspace-missing',
      detail: `there is no ledger in ${workspaces.pathOf(request.workspace)}`,
    };
  const work = new UndoWork(host, workspace, request);
  const { jobId, term, known, mark, generation, step } = request;
  const asked: RunStepRequest = {
    jobId,
    workspace: request.workspace,
    term,
    known,
    stepId: undoIdOf(request.stepId),
    step,
    generation,
    input: null,
    ...(mark === undefined ? {} : { mark }),
  };
  return resultOf(await runStepWork({ host, workspace, caller, request: asked, work }), work);
}

function resultOf(result: RunStepResult, work: UndoWork): UndoStepResult {
  switch (result.kind) {
    case 'done':
      return { kind: 'undone', at: result.at, effects: result.effects, left: work.left };
    case 'verification-required':
      return { ...result, kind: 'begin-again' };
    case 'question':
    case 'held':
      return { kind: 'question', question: result.question };
    case 'failed':
    case 'other-generation':
      throw new HoldfastError('defect', `The undoing of a step ended as ${result.kind}.`);
  }
}

/** What is known of the step that is undone. */
interface Known {
  readonly record: StepRecord | undefined;
  readonly calls: readonly PerformRow[];
  readonly rulings: readonly UndoRuling[];
  readonly given: StepArguments | undefined;
}

class UndoWork implements StepWork {
  readonly token: Digest;
  readonly args: Digest;
  left = 0;
  readonly #host: ProtocolHost;
  readonly #workspace: Workspace;
  readonly #request: UndoStepRequest;
  readonly #stepToken: Digest;
  /** Is it the step's own compensation that runs now, and not what follows it? */
  #isCompensating = false;

  constructor(host: ProtocolHost, workspace: Workspace, request: UndoStepRequest) {
    this.#host = host;
    this.#workspace = workspace;
    this.#request = request;
    this.#stepToken = tokenOf(request);
    this.token = undoTokenOf(this.#stepToken);
    this.args = digestOf({ undoes: this.#stepToken });
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
    this.left = record.left.length;
    return {
      kind: 'done',
      stepId: record.stepId,
      generation: record.generation,
      at,
      output: null,
      effects: effectsText(record.effects),
    };
  }

  async make(parts: DraftTools): Promise<StepDraft> {
    const { claim, stage, settings } = parts;
    const { jobId, stepId, step, generation, skip, compensates } = this.#request;
    const known = claim.read((ledger) => this.#known(ledger));
    const whole = this.#ruling(known, `undo:${stepId}`);
    if (whole !== undefined)
      return await this.#seal(parts, known, {
        ...NOTHING,
        left: [
          ...allOf(known, stepId),
          { what: `step:${stepId}`, why: `left as it is, as ${whole.by} decided: ${whole.reason}` },
        ],
      });

    const leftOut = this.#ruling(known, `step:${stepId}`);
    const implementation = compensates && leftOut === undefined ? implementationOf(this.#host, step) : undefined;
    const doubts =
      implementation?.compensate === undefined
        ? []
        : known.calls.filter(isInDoubt).map((row) => undoneCallFinding(row));
    if (doubts.length > 0)
      return { findings: doubts, why: `step ${stepId} has calls in doubt, which its compensation must know of` };
    const result =
      implementation?.compensate === undefined
        ? undefined
        : { returned: await this.#compensate(parts, implementation, known) };
    const isCompensated = result !== undefined;
    const left: NotUndone[] = [
      ...(leftOut === undefined
        ? []
        : [
            {
              what: `step:${stepId}`,
              why: `its own compensation was left out, as ${leftOut.by} decided: ${leftOut.reason}`,
            },
          ]),
      ...(isCompensated || !compensates ? [] : known.calls.map((row) => callLeft(row))),
    ];
    if (known.record === undefined)
      return await this.#seal(parts, known, {
        ...NOTHING,
        left,
        notes: ['the step was not finished: only calls of it were made'],
      });
    if (result?.returned?.undoStaged === false)
      return await this.#seal(parts, known, {
        ...NOTHING,
        left,
        notes: ['what the step had staged is left to its own compensation'],
      });

    const inverse = await inverseOf({
      workspace: this.#workspace,
      settings,
      record: known.record,
      token: this.token,
      skip: new Set(skip),
      rulings: known.rulings,
      stage,
      isCompensated,
    });
    const findings = [
      ...inverse.findings,
      ...(await this.#driftOfStatements(
        claim.read((ledger) => ledger),
        settings,
        jobId,
        inverse,
      )),
    ];
    if (findings.length > 0)
      return {
        findings,
        why: `what step ${stepId}${generation === 0 ? '' : ` · generation ${generation}`} did is not as it left it`,
      };
    return await this.#seal(parts, known, { ...inverse, left: [...left, ...inverse.left] });
  }

  async #seal(
    { settings, claim, stage }: DraftTools,
    known: Known,
    { files, changes, left, notes, settled }: Omit<Inverse, 'findings'>,
  ): Promise<StepDraft> {
    const { stepId, step, generation, seq } = this.#request;
    const performed = performedCalls(claim, stage);
    const own = await makeIntent({ workspace: this.#workspace, settings, claim, stage, step, output: null, performed });
    const effects = [...own.effects, ...files, ...changes];
    this.#workspace.files.refuseSameTargets(effects.filter((effect) => 'path' in effect));
    const undoes: Undoes = {
      stepId,
      generation,
      token: this.#stepToken,
      seq,
      left: [...left],
      notes: [...notes],
      settled: [...settled],
    };
    return {
      intent: { ...own, effects, undoes },
      details: {
        version: this.#host.steps.get(step)?.version ?? known.record?.version ?? '',
        uses: null,
        logs: stage.logs,
      },
    };
  }

  async #compensate(
    { run, secretOf }: DraftTools,
    { contract, compensate }: StepImplementation,
    known: Known,
  ): Promise<CompensateResult> {
    const { stepId } = this.#request;
    this.#isCompensating = true;
    const record = this.#told(contract, known, secretOf);
    const returned = (await run((context) => compensate!({ ...context, stepId }, record))) as CompensateResult;
    if (
      returned !== undefined &&
      typeof (returned as { readonly undoStaged?: unknown } | null)?.undoStaged !== 'boolean'
    ) {
      throw new HoldfastError(
        'bad-output',
        `The compensation of step ${stepId} returned ${canonicalJson(returned, 'compensate').slice(0, 200)}. Expected nothing, or { undoStaged: false }.`,
      );
    }
    this.#isCompensating = false;
    return returned;
  }

  /** @throws HoldfastError `bad-input`, `bad-output`, `not-found`: what was recorded doesn't fit the contract (any more) */
  #told(
    contract: StepImplementation['contract'],
    { record, calls, given }: Known,
    secretOf: DraftTools['secretOf'],
  ): CompensatedRecord {
    const { stepId, generation } = this.#request;
    if (given === undefined)
      throw new HoldfastError(
        'not-found',
        `What step ${stepId} was given is not in the ledger, so that its compensation cannot be told: it ran on a worker whose code of it had no compensation yet.`,
        { stepId },
      );
    const input = contract.input.safeParse(resolveSecrets(given.input, given.secrets ?? [], secretOf));
    if (!input.success)
      throw new HoldfastError(
        'bad-input',
        `What step ${stepId} was given does not fit the contract of ${contract.name} any more: ${issuesText(input.error.issues)}.`,
      );
    const output = record === undefined ? undefined : contract.output.safeParse(record.output);
    if (output?.success === false)
      throw new HoldfastError(
        'bad-output',
        `What step ${stepId} returned does not fit the contract of ${contract.name} any more: ${issuesText(output.error.issues)}.`,
      );
    return {
      stepId,
      generation,
      version: record?.version,
      token: this.#stepToken,
      input: input.data,
      output: output?.data,
      effects:
        record?.effects.flatMap(({ effect, outcome }) =>
          outcome === 'applied' && effect.kind !== 'perform' ? [effect] : [],
        ) ?? [],
      calls: calls.map(toldCall),
    };
  }

  #known(ledger: Ledger): Known {
    const { jobId, stepId, seq } = this.#request;
    return {
      record: seq === null ? undefined : ledger.stepRecord(this.#stepToken)?.record,
      calls: callsOf(ledger, jobId, stepId),
      rulings: ledger.undoRulings(jobId),
      given: argumentsOf(ledger, this.#stepToken),
    };
  }

  #ruling({ rulings }: Known, resource: string): UndoRuling | undefined {
    return rulings.find((one) => one.token === this.token && one.resource === resource);
  }

  /** A statement must not take in what somebody else has changed. */
  async #driftOfStatements(
    ledger: Ledger,
    settings: JobSettings,
    jobId: string,
    { changes }: Inverse,
  ): Promise<readonly Finding[]> {
    const drifted: string[] = [];
    for (const [name, group] of Map.groupBy(changes, ({ database }) => database)) {
      const recorded = recordedRows(ledger, jobId, name, group);
      const found = await readRecorded(await this.#workspace.database(name, settings), recorded);
      drifted.push(...found.filter(({ isAsRecorded }) => !isAsRecorded).map(({ resource }) => resource));
    }
    return drifted.length === 0 ? [] : await this.#discrepancies(ledger, settings, drifted);
  }

  async driftFindings(
    ledger: Ledger,
    settings: JobSettings,
    { resource }: Pick<MustVerify, 'resource'>,
  ): Promise<readonly Finding[]> {
    return resource === undefined ? [] : await this.#discrepancies(ledger, settings, [resource]);
  }

  /** As a comparison of the world would tell it; no step runs again any more. */
  async #discrepancies(
    ledger: Ledger,
    settings: JobSettings,
    resources: readonly string[],
  ): Promise<readonly Finding[]> {
    const { jobId } = this.#request;
    const only = new Set(resources);
    const { findings } = await compare(
      {
        host: this.#host,
        workspace: this.#workspace,
        settings,
        jobId,
        ledger,
        at: ledger.job(jobId)!.at,
        manifest: ledger.manifest(jobId),
      },
      only,
    );
    return findings.filter((one) => only.has(one.resource)).map(withoutRerun);
  }

  stuck(failure: HoldfastError, kind: StuckKind = 'step-cannot-go-on'): Finding {
    const { stepId } = this.#request;
    const isOwn = this.#isCompensating || failure.type === 'unknown-step';
    return isOwn ? compensationFailedFinding(stepId, failure) : undoingStuckFinding(stepId, failure, kind);
  }
}

const NOTHING: Omit<Inverse, 'findings'> = { files: [], changes: [], left: [], notes: [], settled: [] };

function allOf({ record, calls }: Known, stepId: string): NotUndone[] {
  const effects =
    record?.effects.filter(({ effect, outcome }) => outcome === 'applied' && effect.kind !== 'perform') ?? [];
  return [
    ...effects.map(({ effect }) => ({
      what: uriOf(effect) ?? describeEffect(effect),
      why: `step ${stepId} is left as it is`,
    })),
    ...calls.map((row) => callLeft(row)),
  ];
}

function callLeft(row: PerformRow): NotUndone {
  const doubt = isInDoubt(row) ? 'whether it happened is not known; ' : '';
  return {
    what: resourceOfCall(row),
    why: `${doubt}a call cannot be undone by itself, and no compensation of the step has seen to it (idempotency key ${row.key})`,
  };
}

function toldCall({ name, key, request, answer, known, calledIn }: PerformRow): CompensatedCall {
  return {
    name,
    key,
    requestText: request.text,
    answer: JSON.parse(answer ?? 'null') as Json,
    known: known ?? 'called',
    generation: calledIn,
  };
}
