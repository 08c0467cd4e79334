/**
 * The guarded step, from request to record. A plain function: it knows no Temporal.
 *
 * verified? → claim → run the code (it stages) → seal → apply in two phases → record
 *
 * Invariants
 * 1. A request that is not verified does nothing.
 * 2. A token is applied once; a request whose token is done returns the recorded result.
 * 3. The code's failures close the claim durably; a claim left open means a lost worker, and the world is compared first.
 */
import { shortDigest, type Digest } from '../../model/digest.ts';
import { FAILURES, type FailureType } from '../../model/failures.ts';
import { HoldfastError, isFailure } from '../../model/failure.ts';
import { intentDigest, type Intent } from '../../model/record/intent.ts';
import { isToApply, uriOf, type FileEffect } from '../../model/record/effect.ts';
import type { JobSettings } from '../../model/job/settings.ts';
import type { RunStepRequest, RunStepResult } from '../../model/job/run-step.ts';
import { isAboutTheWorld } from '../../model/question/question.ts';
import type { Finding } from '../../model/question/finding.ts';
import type { StepContext } from '../../model/step/step-context.ts';
import type { FileSighting } from '../../effects/files/index.ts';
import { faultPoint, faultPointAsync } from '../../store/fault-point.ts';
import type { IntentRow } from '../../store/ledger/intents.ts';
import type { JobRow } from '../../store/ledger/jobs.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { applyIntent, type ApplyOutcome } from '../commit/apply.ts';
import { removeIntentLeftovers } from '../commit/leftovers.ts';
import { overridesOf, prepareFiles, type PreparedFiles } from '../commit/prepare.ts';
import type { Claim } from '../attempt/claim.ts';
import { takeClaim } from '../attempt/take-claim.ts';
import { makeContext } from '../attempt/context/context.ts';
import { describeConflicts, describeIntent } from '../question/describe.ts';
import { begunDoubts, noteDoubts } from '../attempt/calls/doubt.ts';
import { InDoubt, type Doubt } from '../attempt/doubt.ts';
import { whyNotFresh, whyNotVerified } from './guard.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { MustVerify } from '../attempt/manifest-check.ts';
import { approvalFinding } from '../question/approval.ts';
import { ask, forPayload, withdraw } from '../question/ask.ts';
import { doneResult, RunWork } from './run-work.ts';
import { refuseParallelWriters } from '../commit/parallel-writers.ts';
import { Stage } from '../attempt/stage.ts';
import { MAX_CONTENT_IN_LEDGER_BYTES } from '../attempt/small-contents.ts';
import { closeIntent, stepFields } from '../commit/step-record.ts';
import type { StepWork } from './step-work.ts';
import { spelledAsRecorded } from '../commit/table-spelling.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

export const DEFAULT_MAX_ATTEMPTS = 3;
/** How often a draft is dropped because what it read keeps changing, before a person is asked. */
export const MAX_DROPPED_DRAFTS = 3;

/**
 * Runs one step, or says why not. Safe to repeat: that is its purpose.
 * @throws HoldfastError for what may pass (`busy`, `storage-unreachable`, `step-failed` below its attempts, …); the caller tries again
 */
export async function runStepProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: RunStepRequest,
): Promise<RunStepResult> {
  const workspace = workspaces.find(request.workspace);
  if (workspace === undefined)
    return {
      kind: 'verification-required',
      reason: 'workspace-missing',
      detail: `there is no ledger in ${workspaces.pathOf(request.workspace)}`,
    };
  try {
    return await runStepWork({ host, workspace, caller, request, work: new RunWork(host, workspace, request) });
  } catch (error) {
    // A comparison puts it to a person; one that found nothing wrong just now would find nothing again.
    if (!isFailure(error, 'ledger-damaged') || request.mark !== undefined) throw error;
    return { kind: 'verification-required', reason: 'record-missing', detail: error.message.slice(0, 500) };
  }
}

type StepAdmission =
  | { readonly result: RunStepResult }
  | { readonly claim: Claim; readonly sealed: IntentRow | undefined; readonly settings: JobSettings };

/** A request for a piece of work, with what it is carried out with. */
export interface StepRun {
  readonly host: ProtocolHost;
  readonly workspace: Workspace;
  readonly caller: Caller;
  readonly request: RunStepRequest;
  readonly work: StepWork;
}

/** From whether the work may begin to its record. Safe to repeat. @throws HoldfastError as `runStepProtocol` */
export async function runStepWork(run: StepRun): Promise<RunStepResult> {
  return await new StepRunning(run).run();
}

class StepRunning {
  readonly #host: ProtocolHost;
  readonly #workspace: Workspace;
  readonly #caller: Caller;
  readonly #request: RunStepRequest;
  readonly #work: StepWork;
  readonly #token: Digest;
  readonly #args: Digest;

  constructor({ host, workspace, caller, request, work }: StepRun) {
    this.#host = host;
    this.#workspace = workspace;
    this.#caller = caller;
    this.#request = request;
    this.#work = work;
    this.#token = work.token;
    this.#args = work.args;
  }

  async run(): Promise<RunStepResult> {
    for (;;) {
      const begun = await this.#workspace.exclusive('claim', (ledger) => ledger.reading(() => this.#begin(ledger)), {
        signal: this.#caller.signal,
      });
      if ('result' in begun) return begun.result;
      const result = await this.#attempt(begun.claim, begun.sealed, begun.settings);
      if (result !== 'again') return result;
    }
  }

  // ---- verified? claim ---------------------------------------------------------------------------------------------

  #begin(ledger: Ledger): StepAdmission {
    const request = this.#request;
    const notVerified = whyNotVerified(ledger, this.#host, this.#caller, request);
    if (notVerified !== undefined) return { result: { kind: 'verification-required', ...notVerified } };
    const highest = ledger.highestGeneration(request.jobId, request.stepId);
    if (highest !== undefined && highest > request.generation)
      return { result: { kind: 'other-generation', generation: highest } };

    const done = ledger.stepRecord(this.#token);
    if (done !== undefined)
      return {
        result:
          done.record.args === this.#args ? doneResult(done.record, done.at) : this.#tokenConflict(ledger, done.record),
      };

    const obstacle = this.#work.obstacle(ledger);
    if (obstacle !== undefined) return { result: obstacle };

    const { settings } = ledger.job(request.jobId)!;
    this.#workspace.reserveDatabases(settings);
    const sealed = ledger.intent(this.#token);
    const isOpenIntent = sealed !== undefined && sealed.state !== 'dropped';
    if (isOpenIntent && sealed.intent.args !== this.#args)
      return { result: this.#tokenConflict(ledger, sealed.intent) };
    const stuck = ledger
      .openQuestions(request.jobId)
      .find((question) => question.token === this.#token && question.kind !== 'approval');
    if (stuck !== undefined) return { result: { kind: 'question', question: forPayload(stuck) } };
    const held = this.#held(ledger);
    if (held !== undefined) return { result: held };
    if (isOpenIntent && sealed.state === 'sealed' && sealed.approval && !this.#isApproved(ledger, sealed.digest))
      return { result: this.#approvalRequired(ledger, sealed) };

    const leftOpen = this.#leftOpen(ledger);
    if (leftOpen !== undefined) return { result: leftOpen };
    const claim = takeClaim(
      { workspace: this.#workspace, caller: this.#caller, ledger },
      {
        token: this.#token,
        jobId: request.jobId,
        stepId: request.stepId,
        generation: request.generation,
        args: this.#args,
        workerId: this.#host.worker.id,
        argsBytes: this.#work.argsBytes,
      },
    );
    return { claim, sealed: isOpenIntent ? sealed : undefined, settings };
  }

  /** An open claim of this token: its worker was lost. The world must have been compared since that was noticed. */
  #leftOpen(ledger: Ledger): RunStepResult | undefined {
    const before = ledger.claim(this.#token);
    if (before === undefined || (before.state !== 'open' && before.state !== 'left-open')) return undefined;
    if (before.state === 'left-open' && before.ordinal < ledger.job(before.jobId)!.markOrdinal) return undefined;
    if (before.state === 'open') {
      ledger.transaction(() => ledger.putClaim({ ...before, state: 'left-open', ordinal: ledger.nextOrdinal() }), {
        relaxed: true,
      });
    }
    return {
      kind: 'verification-required',
      reason: 'claim-left-open',
      detail: `attempt ${before.attempts} of step ${before.stepId} ended without a word`,
    };
  }

  #held(ledger: Ledger): RunStepResult | undefined {
    const about = ledger
      .openQuestions(this.#request.jobId)
      .find((question) => isAboutTheWorld(question) && question.token !== this.#token);
    return about === undefined ? undefined : { kind: 'held', question: forPayload(about) };
  }

  /**
   * Has a decision that the request knows nothing of made steps run again whose output it was given? Then what it does
   * with it is void, too; what has begun to be applied is the decision's to undo.
   * @throws MustVerify
   */
  #mustNotBeVoid(ledger: Ledger): void {
    const { jobId, known, uses, term, stepId } = this.#request;
    if (ledger.job(jobId)?.term === term) return;
    const again = ledger.rerunsSince(jobId, known.seq).filter((other) => uses?.includes(other) ?? true);
    if (again.length > 0)
      throw new MustVerify(
        'other-term',
        `step ${stepId} was given what is void now: ${again.join(', ')} ${again.length === 1 ? 'runs' : 'run'} again`,
      );
  }

  #tokenConflict(ledger: Ledger, recorded: { readonly stepId: string; readonly args: Digest }): RunStepResult {
    return this.#askStuck(
      ledger,
      new HoldfastError(
        'token-conflict',
        `Step ${recorded.stepId} is recorded with other arguments (${shortDigest(recorded.args)}) than it is given now (${shortDigest(this.#args)}). What it did is not done again under the same token.`,
      ),
    );
  }

  // ---- run and seal ------------------------------------------------------------------------------------------------

  async #attempt(claim: Claim, sealed: IntentRow | undefined, settings: JobSettings): Promise<RunStepResult | 'again'> {
    // An approval shows the contents before they are sealed.
    const stage = new Stage({ keepsContents: this.#request.approval === undefined });
    try {
      if (sealed !== undefined) return await this.#apply(claim, sealed, settings, stage.seenFiles);
      return await this.#runCodeSealAndApply(claim, stage, settings);
    } catch (error) {
      return await this.#failed(claim, error);
    }
  }

  async #runCodeSealAndApply(claim: Claim, stage: Stage, settings: JobSettings): Promise<RunStepResult | 'again'> {
    const made = await this.#work.make({
      settings,
      claim,
      stage,
      secretOf: this.#secretOf(settings),
      run: (code) => this.#runCode(code, claim, stage, settings),
    });
    if ('findings' in made) return await this.#askFirst(claim, made.findings, made.why);
    const { intent, details } = made;
    const differences = this.#request.approval === undefined ? [] : await describeIntent(this.#workspace, intent);
    let row: IntentRow = {
      intent,
      digest: intentDigest(intent),
      state: 'sealed',
      approval: this.#request.approval === 'before-apply',
      details,
    };
    const done = await this.#workspace.exclusive('seal', async (ledger) => {
      ledger.reading(() => {
        claim.mustBeCurrent(ledger);
        this.#mustNotBeVoid(ledger);
        row = this.#spelled(ledger, row, settings);
        refuseParallelWriters(ledger, row.intent, this.#request.parallelWith ?? []);
      });
      this.#seal(ledger, claim, stage, row);
      if (row.approval && !this.#isApproved(ledger, row.digest))
        return this.#approvalRequired(ledger, row, differences);
      // Nothing slow is left to prepare: it is applied while the lock is held anyway.
      return isSmall(row.intent, stage)
        ? await this.#applyHeld(ledger, claim, row, settings, stage.seenFiles)
        : undefined;
    });
    return done ?? (await this.#apply(claim, row, settings, stage.seenFiles));
  }

  #seal(ledger: Ledger, claim: Claim, stage: Stage, { intent, digest, approval, details }: IntentRow): void {
    faultPoint('seal.before');
    // A step without effects has nothing to roll forward: its record is its seal.
    if (intent.effects.some(isToApply) || approval) {
      ledger.transaction(
        () => {
          for (const [content, bytes] of contentsOf(intent, stage)) ledger.putContent(content, bytes);
          ledger.putIntent(intent, digest, approval, details);
          if (approval) claim.update(ledger, { state: 'closed' });
        },
        // Nothing leans on an unapproved seal before `applying` is durable, and the seal with it.
        { relaxed: !approval },
      );
    }
    faultPoint('seal.after');
  }

  #secretOf(settings: JobSettings): (name: string) => string {
    const about = { settings, stepId: this.#request.stepId, workerId: this.#host.worker.id };
    return (name) => this.#workspace.secrets.value(name, about);
  }

  #spelled<T extends Pick<IntentRow, 'intent' | 'digest'>>(ledger: Ledger, row: T, settings: JobSettings): T {
    const intent = spelledAsRecorded(ledger, row.intent, (database) => this.#workspace.dialectOf(database, settings));
    return intent === row.intent ? row : { ...row, intent, digest: intentDigest(intent) };
  }

  async #runCode(
    code: (context: StepContext) => unknown,
    claim: Claim,
    stage: Stage,
    settings: JobSettings,
  ): Promise<unknown> {
    const timeoutMs = this.#request.timeoutMs;
    const timeout = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs);
    const signal = timeout === undefined ? this.#caller.signal : AbortSignal.any([this.#caller.signal, timeout]);
    const context = makeContext({
      workspace: this.#workspace,
      settings,
      claim,
      stage,
      caller: this.#caller,
      signal,
      env: this.#host.env,
      secret: this.#secretOf(settings),
      mayAct: (ledger) => this.#mayAct(ledger),
    });
    await faultPointAsync('user-code.before');
    let output: unknown;
    try {
      output = await this.#untilOver(Promise.resolve(code(context)), stage, signal);
    } catch (error) {
      if (timeout?.aborted === true && !this.#caller.signal.aborted && !isFailure(error, 'processes-left'))
        throw new HoldfastError(
          'step-timeout',
          `Step ${this.#request.stepId} did not end within ${timeoutMs} ms.`,
          {},
          { cause: error },
        );
      throw error;
    }
    await faultPointAsync('user-code.after');
    return output;
  }

  /**
   * The code, and the calls that it began: nothing of an attempt is under way when the next one begins, but for calls that
   * ignore their signal. What the calls have to say goes before what the code made of it.
   */
  async #untilOver(code: Promise<unknown>, stage: Stage, signal: AbortSignal): Promise<unknown> {
    let outcome: { readonly output: unknown } | { readonly error: unknown };
    try {
      outcome = { output: await untilAborted(code, signal) };
    } catch (error) {
      outcome = { error };
    }
    stage.isOver = true;
    // Whatever cut the code off: no command of this attempt runs on beside the next one.
    await Promise.allSettled(stage.runningCommands);
    if (stage.runningCalls.size > 0 && !signal.aborted) await untilAborted(Promise.all(stage.runningCalls), signal);
    if (signal.aborted) throw 'error' in outcome ? outcome.error : signal.reason;
    const error = 'error' in outcome ? outcome.error : undefined;
    if (error instanceof MustVerify || isFailure(error, 'fenced')) throw error;
    if (stage.inDoubt.size > 0) throw new InDoubt([...stage.inDoubt.values()]);
    if (stage.mustEnd !== undefined) throw stage.mustEnd.error;
    if ('error' in outcome) throw outcome.error;
    return outcome.output;
  }

  /** A call is an effect like any other: not while the world is to be compared first, nor while a question about it is open. */
  #mayAct(ledger: Ledger): void {
    this.#mustNotBeVoid(ledger);
    const { obstacle } = this.#beforeApplying(ledger);
    if (obstacle !== undefined) throw new Obstacle(obstacle);
  }

  #isApproved(ledger: Ledger, digest: Digest): boolean {
    return ledger.isApproved(this.#request.jobId, digest);
  }

  #approvalRequired(ledger: Ledger, row: IntentRow, differences: readonly string[] = []): RunStepResult {
    const open = ledger
      .openQuestions(this.#request.jobId)
      .find(
        (question) =>
          question.token === this.#token &&
          question.kind === 'approval' &&
          question.findings[0]?.found.digest === row.digest,
      );
    const question =
      open ??
      ask(ledger, this.#workspace.secrets, {
        jobId: this.#request.jobId,
        runId: this.#caller.runId,
        stepId: this.#request.stepId,
        token: this.#token,
        why: `step ${this.#request.stepId} asks before it applies`,
        findings: [approvalFinding(row.intent, row.digest, differences)],
      });
    return { kind: 'question', question: forPayload(question) };
  }

  // ---- apply and record --------------------------------------------------------------------------------------------

  async #apply(
    claim: Claim,
    row: IntentRow,
    settings: JobSettings,
    seenFiles: ReadonlyMap<string, FileSighting>,
  ): Promise<RunStepResult | 'again'> {
    const overrides =
      row.state === 'applying'
        ? await this.#workspace.exclusive('read marks', (ledger) => overridesOf(ledger, row))
        : undefined;
    const prepared = await prepareFiles({ workspace: this.#workspace, row }, overrides);
    try {
      return await this.#workspace.exclusive('apply', async (ledger) => {
        const { job, obstacle } = ledger.reading(() => {
          claim.mustBeCurrent(ledger);
          if (row.state !== 'applying') this.#mustNotBeVoid(ledger);
          return this.#beforeApplying(ledger);
        });
        if (obstacle !== undefined) return this.#stepAside(ledger, claim, obstacle, row);
        return await this.#applyPrepared(ledger, claim, row, settings, seenFiles, job, prepared);
      });
    } finally {
      this.#discard(prepared);
    }
  }

  /** The same in one hold of the lock with the seal, which has just seen that the attempt is current. */
  async #applyHeld(
    ledger: Ledger,
    claim: Claim,
    row: IntentRow,
    settings: JobSettings,
    seenFiles: ReadonlyMap<string, FileSighting>,
  ): Promise<RunStepResult | 'again'> {
    const { job, obstacle } = ledger.reading(() => this.#beforeApplying(ledger));
    if (obstacle !== undefined) return this.#stepAside(ledger, claim, obstacle, row);
    const prepared = await prepareFiles({ workspace: this.#workspace, row });
    try {
      return await this.#applyPrepared(ledger, claim, row, settings, seenFiles, job, prepared);
    } finally {
      this.#discard(prepared);
    }
  }

  async #applyPrepared(
    ledger: Ledger,
    claim: Claim,
    row: IntentRow,
    settings: JobSettings,
    seenFiles: ReadonlyMap<string, FileSighting>,
    job: JobRow,
    prepared: PreparedFiles,
  ): Promise<RunStepResult | 'again'> {
    // After a repair, claims in flight of the same Run go on under the new term.
    const outcome = await applyIntent(
      { workspace: this.#workspace, settings, row, term: job.term, runId: this.#caller.runId, seenFiles },
      ledger,
      prepared,
    );
    return await this.#conclude(ledger, claim, row, outcome, job.settings);
  }

  /** What was not committed (fenced, held, to be compared first) is prepared again by whoever goes on. */
  #discard(prepared: PreparedFiles): void {
    for (const file of prepared) if (file !== undefined) this.#workspace.files.discard(file);
  }

  /** May it be applied now, and for which term? */
  #beforeApplying(ledger: Ledger): { readonly job: JobRow; readonly obstacle: RunStepResult | undefined } {
    const job = ledger.job(this.#request.jobId)!;
    // A long step is compared again before it applies, and nothing applies while a question about the world is open.
    const notFresh = whyNotFresh(job, this.#host.clock(), this.#request.mark);
    return {
      job,
      obstacle: notFresh === undefined ? this.#held(ledger) : { kind: 'verification-required', ...notFresh },
    };
  }

  async #conclude(
    ledger: Ledger,
    claim: Claim,
    row: IntentRow,
    outcome: ApplyOutcome,
    settings: JobSettings,
  ): Promise<RunStepResult | 'again'> {
    switch (outcome.kind) {
      case 'must-verify': {
        const findings =
          outcome.resource === undefined
            ? undefined
            : await this.#work.driftFindings?.(ledger, settings, {
                message: outcome.detail,
                resource: outcome.resource,
              });
        if (findings !== undefined && findings.length > 0)
          return this.#stepAside(ledger, claim, this.#asked(ledger, findings, outcome.detail));
        return this.#stepAside(ledger, claim, {
          kind: 'verification-required',
          reason: 'target-differs',
          detail: outcome.detail,
        });
      }
      case 'stale':
        return await this.#stale(ledger, claim, row, outcome.resource, settings);
      case 'conflicts': {
        const findings = await describeConflicts(this.#workspace, row.intent, outcome.conflicts, settings);
        return this.#stepAside(
          ledger,
          claim,
          this.#asked(ledger, findings, `step ${this.#request.stepId} was half applied when its target changed`),
        );
      }
      case 'applied':
        if (claim.row.attempts > 1) await removeIntentLeftovers(this.#workspace, row.intent);
        return this.#record(ledger, claim, row, outcome);
    }
  }

  #record(
    ledger: Ledger,
    claim: Claim,
    row: IntentRow,
    outcome: Extract<ApplyOutcome, { kind: 'applied' }>,
  ): RunStepResult {
    const { jobId } = row.intent;
    faultPoint('record.before');
    const { record, at } = ledger.transaction(
      () => {
        const appended =
          outcome.planned === undefined
            ? ledger.append(jobId, this.#caller.runId, stepFields(row, outcome))
            : ledger.appendPlanned(outcome.planned);
        closeIntent(ledger, row);
        claim.update(ledger, { state: 'done' });
        ledger.refresh(jobId, this.#host.clock());
        return appended;
      },
      { relaxed: outcome.planned !== undefined },
    );
    faultPoint('record.after');
    return this.#work.result(record, at);
  }

  /** Something the step read or replaces has changed: known to the record, it is drift; otherwise the step runs again. */
  async #stale(
    ledger: Ledger,
    claim: Claim,
    row: IntentRow,
    resource: string,
    settings: JobSettings,
  ): Promise<RunStepResult | 'again'> {
    const isRecorded = ledger.manifestEntry(this.#request.jobId, resource) !== undefined;
    // A target that has changed is seen when the undoing is made again, and is asked about then.
    const isTarget = row.intent.effects.some((effect) => uriOf(effect) === resource);
    const findings =
      isRecorded && !isTarget
        ? await this.#work.driftFindings?.(ledger, settings, { message: `${resource} is not as recorded`, resource })
        : undefined;
    const dropped = ledger.transaction(() => this.#dropDraft(ledger, claim, row));
    if (findings !== undefined && findings.length > 0)
      return this.#asked(ledger, findings, `${resource} is not as recorded`);
    if (isRecorded && this.#work.driftFindings === undefined)
      return { kind: 'verification-required', reason: 'target-differs', detail: `${resource} is not as recorded` };
    this.#caller.log(`${resource} has changed since step ${this.#request.stepId} read it; the step runs again`, {
      stepId: this.#request.stepId,
      dropped,
    });
    if (dropped < MAX_DROPPED_DRAFTS) return 'again';
    return this.#askStuck(
      ledger,
      new HoldfastError(
        'stale-world',
        `What step ${this.#request.stepId} reads keeps changing: ${resource} changed ${dropped} times while the step ran.`,
      ),
      'inputs-keep-changing',
    );
  }

  /** Nothing of it was applied. An approval dies with its draft. */
  #dropDraft(ledger: Ledger, claim: Claim, row: IntentRow): number {
    ledger.setIntentState(row.intent.token, 'dropped');
    for (const question of ledger.openQuestions(this.#request.jobId)) {
      if (question.token === this.#token && question.kind === 'approval')
        withdraw(ledger, question, this.#caller.runId, 'the draft was dropped');
    }
    const dropped = claim.row.dropped + 1;
    claim.update(ledger, { state: 'closed', dropped, draft: claim.row.draft + 1 });
    return dropped;
  }

  /** The attempt ends without a result; its sealed intent waits. One without effects is sealed now, or its code would run anew each time. */
  #stepAside(ledger: Ledger, claim: Claim, result: RunStepResult, row?: IntentRow): RunStepResult {
    ledger.transaction(
      () => {
        if (row?.intent.effects.some(isToApply) === false)
          ledger.putIntent(row.intent, row.digest, row.approval, row.details);
        claim.update(ledger, { state: 'closed' });
      },
      { relaxed: true },
    );
    return result;
  }

  // ---- failures ----------------------------------------------------------------------------------------------------

  async #failed(claim: Claim, error: unknown): Promise<RunStepResult> {
    if (error instanceof MustVerify) {
      await claim.close();
      const asked = await this.#askDrift(error);
      if (asked !== undefined) return asked;
      return { kind: 'verification-required', reason: error.reason, detail: error.message };
    }
    if (error instanceof Obstacle) {
      await claim.close();
      return error.result;
    }
    if (this.#caller.signal.aborted || isFailure(error, 'fenced')) {
      await claim.close();
      throw error;
    }
    if (error instanceof InDoubt)
      return await this.#workspace.exclusive('ask', (ledger) => this.#askInDoubt(ledger, claim, error.doubts));
    const failure = this.#workspace.secrets.redactError(asFailure(error, this.#request.stepId));
    if (
      failure.retryable &&
      failure.type !== 'step-failed' &&
      failure.type !== 'step-timeout' &&
      failure.type !== 'command-failed'
    ) {
      await claim.close();
      throw failure;
    }
    const failures = claim.row.failures + 1;
    await claim.close({ failures });
    const mayRetry = failure.retryable && failures < (this.#request.maxAttempts ?? DEFAULT_MAX_ATTEMPTS);
    if (mayRetry) throw failure;
    return await this.#workspace.exclusive('ask', (ledger) => {
      // What it might not be able to go on without is asked first; a person may know that it happened. Also where the step
      // then fails: who catches that may call something else in its place.
      const doubts = begunDoubts(ledger, claim, `the step's attempts are used up: ${failure.message}`);
      if (doubts.length > 0) return this.#askInDoubt(ledger, claim, doubts);
      return this.#request.onFailure === 'fail'
        ? { kind: 'failed', type: failure.type, message: `Step ${this.#request.stepId}: ${failure.message}` }
        : this.#askStuck(ledger, failure);
    });
  }

  #askInDoubt(ledger: Ledger, claim: Claim, doubts: readonly Doubt[]): RunStepResult {
    const { stepId } = this.#request;
    const question = ledger.transaction(() => {
      claim.mustBeCurrent(ledger);
      claim.update(ledger, { state: 'closed' });
      return ask(ledger, this.#workspace.secrets, {
        jobId: this.#request.jobId,
        runId: this.#caller.runId,
        stepId,
        token: this.#token,
        why: `step ${stepId} has calls in doubt`,
        findings: noteDoubts(ledger, claim, doubts),
      });
    });
    return { kind: 'question', question: forPayload(question) };
  }

  #askStuck(ledger: Ledger, failure: HoldfastError, kind?: 'inputs-keep-changing'): RunStepResult {
    return this.#asked(ledger, [this.#work.stuck(failure, kind)], `step ${this.#request.stepId} cannot go on`);
  }

  /** Before anything is sealed: the attempt ends, and begins anew once a person has answered. */
  async #askFirst(claim: Claim, findings: readonly Finding[], why: string): Promise<RunStepResult> {
    return await this.#workspace.exclusive('ask', (ledger) =>
      ledger.transaction(() => {
        claim.mustBeCurrent(ledger);
        claim.update(ledger, { state: 'closed' });
        return this.#asked(ledger, findings, why);
      }),
    );
  }

  async #askDrift(drift: MustVerify): Promise<RunStepResult | undefined> {
    if (this.#work.driftFindings === undefined) return undefined;
    return await this.#workspace.exclusive('ask', async (ledger) => {
      const findings = await this.#work.driftFindings!(ledger, ledger.job(this.#request.jobId)!.settings, drift);
      return findings.length === 0 ? undefined : this.#asked(ledger, findings, drift.message);
    });
  }

  #asked(ledger: Ledger, findings: readonly Finding[], why: string): RunStepResult {
    const { jobId, stepId } = this.#request;
    return {
      kind: 'question',
      question: forPayload(
        ask(ledger, this.#workspace.secrets, {
          jobId,
          runId: this.#caller.runId,
          stepId,
          token: this.#token,
          why,
          findings,
        }),
      ),
    };
  }
}

/** Ends an attempt that met what stands in the way of every effect. */
class Obstacle extends Error {
  override readonly name = 'Obstacle';
  readonly result: RunStepResult;
  constructor(result: RunStepResult) {
    super(`the step steps aside: ${result.kind}`);
    this.result = result;
  }
}

/** Up to so many files are prepared while the lock is held. */
const MAX_SMALL_FILES = 8;

/** Few files, all of whose contents are at hand: preparing them takes no longer than taking the lock again. */
function isSmall(intent: Intent, stage: Stage): boolean {
  const files = intent.effects.filter((effect) => 'path' in effect);
  return (
    files.length <= MAX_SMALL_FILES &&
    files.every(
      ({ before, after }) =>
        isAtHand(after, stage) && (before.kind !== 'file' || before.sizeBytes <= MAX_CONTENT_IN_LEDGER_BYTES),
    )
  );
}

function isAtHand(state: FileEffect['after'], stage: Stage): boolean {
  return state.kind !== 'file' || stage.contents.has(state.content);
}

/** The contents that the intent's writes need and that only memory holds. */
function contentsOf(intent: Intent, stage: Stage): ReadonlyMap<Digest, Uint8Array> {
  const needed = intent.effects.flatMap((effect) =>
    effect.kind === 'file.write' && effect.after.kind === 'file' ? [effect.after.content] : [],
  );
  return new Map(
    needed.flatMap((content) =>
      stage.contents.has(content) ? [[content, stage.contents.get(content)!] as const] : [],
    ),
  );
}

/** What a step's code throws, as one of the closed list. */
function asFailure(error: unknown, stepId: string): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const { name, message, nonRetryable, type } = error as {
    name?: string;
    message?: string;
    nonRetryable?: boolean;
    type?: string;
  };
  if (nonRetryable === true && type !== undefined && type in FAILURES)
    return new HoldfastError(type as FailureType, message ?? String(error), {}, { cause: error });
  return new HoldfastError(
    'step-failed',
    `Step ${stepId} failed: ${name ?? 'Error'}: ${message ?? String(error)}`,
    {},
    { cause: error },
  );
}

/** Code that ignores its signal doesn't hold the job: its staged work is dropped with the attempt. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw signal.reason;
  return await new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
