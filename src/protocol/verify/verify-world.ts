/**
 * Compares the world with the record, and reports everything it finds, not just the first.
 *
 * Invariants
 * 1. It acts only for the current Run, asked of the server under the lock. A leftover does nothing.
 * 2. Half-carried-out decisions are rolled forward before anything is compared.
 * 3. A Run's first verification raises the term: the fence rows of every database first, the ledger last. All, or none
 *    is returned.
 * 4. What is half applied and asked for by nobody is finished; what an earlier Run had begun is then ahead of this one.
 * 5. Looking happens outside the lock; what differs is looked at again under it before a person is asked.
 * 6. The chain is read once, from its stored texts, under the lock; what is recorded after that is read when it concludes.
 */
import type { Digest } from '../../model/digest.ts';
import { isFailure, type HoldfastError } from '../../model/failure.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { VerifyWorldRequest, VerifyWorldResult } from '../../model/job/verify-world.ts';
import { isAboutTheWorld } from '../../model/question/question.ts';
import type { Finding } from '../../model/question/finding.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { stateDigest } from '../../model/record/world.ts';
import { removeDeadCommands } from '../../effects/processes/command-folder.ts';
import { faultPoint } from '../../store/fault-point.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { finishAbandoned } from './abandoned.ts';
import { compare } from '../compare/compare.ts';
import type { ComparedRecord, Comparison } from '../compare/comparison.ts';
import { unreachableFindings } from '../question/unseen.ts';
import { damagedLedgerFinding, missingLedgerFinding, notCarriedOutFinding } from '../question/ledger.ts';
import { isUnusableRecord, ledgerProblemFinding } from '../question/ledger-problem.ts';
import { foreignFindings } from './foreign-binding.ts';
import { ForgottenSteps } from './forgotten-steps.ts';
import { findLedgerProblems } from './ledger-problems.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { planState } from '../look/digests.ts';
import { expectDatabases } from '../workspace/expected-databases.ts';
import { ask, forPayload, unsavedQuestion, withdraw } from '../question/ask.ts';
import { rollForwardRepairs } from '../repair/roll-forward.ts';
import { redoLostRecord } from '../commit/lost-record.ts';
import { mustBeCurrentRun, raiseFences } from '../workspace/term.ts';
import type { Workspace } from '../workspace/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** @throws HoldfastError `not-current-run`, or what may pass (`server-unreachable`, `busy`, `storage-unreachable` while the term is raised) */
export async function verifyWorldProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: VerifyWorldRequest,
): Promise<VerifyWorldResult> {
  return await new Verification(host, workspaces, caller, request).run();
}

class Verification {
  readonly #host: ProtocolHost;
  readonly #workspaces: Workspaces;
  readonly #caller: Caller;
  readonly #request: VerifyWorldRequest;
  #forgotten: ForgottenSteps;
  /** Up to where the chain was read. */
  #readTo: ChainPlace = { seq: 0, head: GENESIS };
  /** The record as it was found to be sound. */
  #checked: Pick<ComparedRecord, 'at' | 'manifest'> | undefined;

  constructor(host: ProtocolHost, workspaces: Workspaces, caller: Caller, request: VerifyWorldRequest) {
    this.#host = host;
    this.#workspaces = workspaces;
    this.#caller = caller;
    this.#request = request;
    this.#forgotten = new ForgottenSteps(request, caller.runId);
  }

  async run(): Promise<VerifyWorldResult> {
    try {
      return await this.#run();
    } catch (error) {
      if (!isFailure(error, 'ledger-damaged')) throw error;
      return this.#askUnsaved(error);
    }
  }

  /** The ledger can't even keep the question: it is asked all the same, and anew after each comparison that ends like this. */
  #askUnsaved(error: HoldfastError): VerifyWorldResult {
    const { jobId, reason, detail } = this.#request;
    const question = unsavedQuestion({
      jobId,
      why: `${reason}: ${detail}`,
      findings: [damagedLedgerFinding([error.message])],
    });
    return { kind: 'question', question: forPayload(question), term: 0, searchAttributes: this.#host.searchAttributes };
  }

  async #run(): Promise<VerifyWorldResult> {
    const startedMs = this.#host.clock().bootMs;
    const { request } = this;
    const isKnown = request.known.seq > 0;
    const existing = this.#workspaces.find(request.workspace);
    const workspace = existing ?? this.#workspaces.create(request.workspace);
    // What a dead worker's command still does is ended before anything is compared.
    await removeDeadCommands(workspace.directory);
    // A job with a record finds an empty workspace: the record is lost, which is no reason to begin anew.
    const opening = await workspace.exclusive(
      'open',
      async (ledger) => {
        await mustBeCurrentRun(this.#host, this.#caller);
        return await this.#open(workspace, ledger, isKnown);
      },
      { create: true, signal: this.#caller.signal },
    );
    if (opening !== undefined) return await this.#ask(workspace, opening);

    const seen = await this.#compare(workspace, undefined);
    faultPoint('verify.compared');
    return await workspace.exclusive(
      'conclude verification',
      async (ledger) => {
        await mustBeCurrentRun(this.#host, this.#caller);
        const job = ledger.job(request.jobId)!;
        const again =
          seen.differing.length === 0 && seen.at.seq === job.at.seq
            ? seen
            : await this.#compareUnderLock(workspace, ledger, seen);
        await this.#readOn(ledger);
        const findings = [
          ...findLedgerProblems(ledger, request, this.#forgotten).map(ledgerProblemFinding),
          ...again.findings,
        ];
        if (findings.length > 0) return this.#asked(ledger, findings);
        const unfinished = await finishAbandoned(
          { workspace, ledger, settings: request.settings, term: job.term, runId: this.#caller.runId },
          request,
        );
        if (unfinished !== undefined) return this.#asked(ledger, unfinished.findings, unfinished);
        this.#settle(ledger, again);
        const { term, at, markOrdinal: mark } = ledger.job(request.jobId)!;
        return {
          kind: 'verified',
          mark,
          term,
          at,
          resources: seen.resources,
          sizeBytes: seen.sizeBytes,
          tookMs: Math.max(0, Math.round(this.#host.clock().bootMs - startedMs)),
          searchAttributes: this.#host.searchAttributes,
        };
      },
      { signal: this.#caller.signal },
    );
  }

  get request(): VerifyWorldRequest {
    return this.#request;
  }

  /** Binds the workspace, rolls decisions forward, raises the term of a new Run. Findings: what stands in the way of comparing at all. */
  async #open(workspace: Workspace, ledger: Ledger, isKnown: boolean): Promise<readonly Finding[] | undefined> {
    const { jobId, settings } = this.#request;
    workspace.reserveDatabases(settings);
    const bound = ledger.boundJobId();
    if (bound !== undefined && bound !== jobId)
      return await foreignFindings({ host: this.#host, workspace, ledger, boundJobId: bound, jobId });
    const job = ledger.job(jobId);
    if (job === undefined && isKnown) return [missingLedgerFinding(workspace.root, this.#request)];
    if (job === undefined) {
      ledger.transaction(() => {
        ledger.addJob({ jobId, workflowId: this.#caller.workflowId, runId: this.#caller.runId, settings });
        ledger.bind(jobId);
        ledger.append(jobId, this.#caller.runId, {
          kind: 'opened',
          workflowId: this.#caller.workflowId,
          settings: stateDigest(planState(settings)),
          changes: [],
        });
      });
    }
    redoLostRecord(ledger, jobId, this.#request.known);
    const check = await ledger.checkIntegrity(jobId, (record) => this.#forgotten.read(record));
    this.#readTo = check.at;
    this.#checked = check;
    // An older record says nothing of the world as it should be, and a term must not be raised from it. Nor is a job gone on with that is being undone.
    const unusable = findLedgerProblems(ledger, this.#request, this.#forgotten, check.problems).filter(
      (problem) => isUnusableRecord(problem) || problem.kind === 'undone-after-reset',
    );
    if (unusable.length > 0) return unusable.map(ledgerProblemFinding);
    expectDatabases(workspace, settings, (resource) => check.manifest.has(resource));
    try {
      await rollForwardRepairs({ host: this.#host, workspace, caller: this.#caller, ledger, jobId, settings });
    } catch (error) {
      if (!isFailure(error) || error.retryable) throw error;
      return [notCarriedOutFinding(error)];
    }
    const unreachable = await this.#raiseTerm(workspace, ledger);
    return unreachable;
  }

  /** What was recorded since the chain was read; all of it where the ledger is another now. */
  async #readOn(ledger: Ledger): Promise<void> {
    const { jobId } = this.#request;
    if (ledger.headAt(jobId, this.#readTo.seq) !== this.#readTo.head) {
      this.#forgotten = new ForgottenSteps(this.#request, this.#caller.runId);
      this.#readTo = { seq: 0, head: GENESIS };
    }
    await ledger.visitRecords(jobId, this.#readTo.seq, ({ record, head }) => {
      this.#forgotten.read(record);
      this.#readTo = { seq: record.seq, head };
    });
  }

  /** The first verification of a Run fences whoever acted for another. Databases in canonical order, the ledger last. */
  async #raiseTerm(workspace: Workspace, ledger: Ledger): Promise<readonly Finding[] | undefined> {
    const { jobId, settings } = this.#request;
    const job = ledger.job(jobId)!;
    if (job.runId === this.#caller.runId && job.term > 0) return undefined;
    const fences = await raiseFences(workspace, settings, jobId, job.term + 1);
    if ('unreachable' in fences) return unreachableFindings(fences.unreachable);
    // After continue-as-new it is one Run's work; after a reset another's. What can't be finished now is asked about once the world has been compared.
    const runId = job.runId === this.#request.continuedFrom ? this.#caller.runId : job.runId;
    await finishAbandoned({ workspace, ledger, settings, term: fences.term, runId }, this.#request);
    ledger.transaction(() => {
      ledger.setRun(jobId, this.#caller.runId, settings);
      ledger.raiseTerm(jobId, fences.term);
      if (job.state !== 'undoing') ledger.setJobState(jobId, 'open');
      ledger.bind(jobId);
    });
    faultPoint('term.raised');
    return undefined;
  }

  async #compare(workspace: Workspace, only: ReadonlySet<string> | undefined, under?: Ledger): Promise<Comparison> {
    const { jobId, settings } = this.#request;
    const parts = {
      host: this.#host,
      workspace,
      settings,
      jobId,
      onProgress: (done: number, total: number) =>
        this.#caller.progress(`compared ${done} of ${total}`, total === 0 ? 1 : done / total),
    };
    const snapshotOf = (ledger: Ledger): Pick<ComparedRecord, 'ledger' | 'at' | 'manifest'> => {
      const { at } = ledger.job(jobId)!;
      const isAsChecked = this.#checked?.at.seq === at.seq && this.#checked.at.head === at.head;
      return { ledger, at, manifest: isAsChecked ? this.#checked!.manifest : ledger.manifest(jobId) };
    };
    return await compare(
      {
        ...parts,
        ...(under === undefined ? await workspace.exclusive('read the record', snapshotOf) : snapshotOf(under)),
      },
      only,
    );
  }

  /** What differed, and what a sibling has recorded meanwhile, once more against the record as it is now. */
  async #compareUnderLock(workspace: Workspace, ledger: Ledger, seen: Comparison): Promise<Comparison> {
    const changed = [...ledger.manifest(this.#request.jobId).values()]
      .filter((entry) => entry.seq > seen.at.seq)
      .map(({ resource }) => resource);
    return await this.#compare(workspace, new Set([...seen.differing, ...changed]), ledger);
  }

  async #ask(workspace: Workspace, findings: readonly Finding[]): Promise<VerifyWorldResult> {
    return await workspace.exclusive('ask', (ledger) => this.#asked(ledger, findings), { create: true });
  }

  #asked(
    ledger: Ledger,
    findings: readonly Finding[],
    step?: { readonly stepId: string; readonly token: Digest },
  ): VerifyWorldResult {
    const { jobId, reason, detail } = this.#request;
    // A step's own question about the same target is asked here with all the rest.
    const named = new Set(findings.map(({ resource }) => resource));
    for (const open of ledger.openQuestions(jobId)) {
      if (
        open.kind === 'conflict' &&
        open.token !== undefined &&
        open.findings.some(({ resource }) => named.has(resource))
      ) {
        ledger.transaction(() => withdraw(ledger, open, this.#caller.runId, 'it is asked with what else differs'));
      }
    }
    const question = ask(ledger, this.#workspaces.secrets, {
      jobId,
      runId: this.#caller.runId,
      why: `${reason}: ${detail}`,
      findings,
      ...(step === undefined ? {} : { stepId: step.stepId, token: step.token }),
    });
    return {
      kind: 'question',
      question: forPayload(question),
      term: ledger.job(jobId)?.term ?? 0,
      searchAttributes: this.#host.searchAttributes,
    };
  }

  /** Nothing differs: questions about the world are withdrawn, watches noted at first sight, the mark set. */
  #settle(ledger: Ledger, comparison: Comparison): void {
    const { jobId } = this.#request;
    faultPoint('verify.mark-before');
    ledger.transaction(() => {
      for (const question of ledger.openQuestions(jobId))
        if (isAboutTheWorld(question)) withdraw(ledger, question, this.#caller.runId, 'nothing differs any more');
      if (comparison.firstSeen.length > 0)
        ledger.append(jobId, this.#caller.runId, { kind: 'watched', changes: [...comparison.firstSeen] });
      if (ledger.workerOrdinal(this.#host.worker.id) === undefined)
        ledger.registerWorker(this.#host.worker.id, this.#host.worker.identity);
      ledger.setMark(jobId, this.#host.clock());
    });
    faultPoint('verify.mark-after');
  }
}
