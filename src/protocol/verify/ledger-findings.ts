/** What the ledger itself gives to ask about: damaged, behind the Workflow, ahead after a reset, another job's. */
import type { VerifyWorldRequest } from '../../model/job/verify-world.ts';
import type { HoldfastError } from '../../model/failure.ts';
import { offeredAnswers } from '../../model/question/question.ts';
import type { Finding } from '../../model/question/finding.ts';
import { shortDigest } from '../../model/digest.ts';
import type { ChainRecord, StepRecord, UndoingRecord } from '../../model/record/record.ts';
import { sameState } from '../../model/record/world.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { halfAppliedTargets } from '../compare/compare.ts';
import { columnsOf } from '../compare/row-columns.ts';
import { unseenFinding } from '../question/unseen.ts';
import { describeConflict } from '../question/describe.ts';
import { openCallNotes } from '../attempt/calls/open-call-notes.ts';
import type { ProtocolHost } from '../host.ts';
import { lookAt } from '../look/look.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { finding } from '../question/finding.ts';
import { KEPT_BOUND } from '../repair/take-over.ts';
import { SealedRepairSchema } from '../repair/sealed-repair.ts';
import type { Workspace } from '../workspace/workspace.ts';

const LEDGER = 'ledger:';

export function findLedgerProblems(
  ledger: Ledger,
  request: VerifyWorldRequest,
  forgotten: ForgottenSteps,
  damage: readonly string[] = [],
): Finding[] {
  if (damage.length > 0) return [damagedFinding(damage)];
  const { jobId, known } = request;
  const job = ledger.job(jobId);
  if (ledger.headAt(jobId, known.seq) !== known.head) {
    return [
      finding({
        resource: LEDGER,
        class: 'damaged',
        kind: 'ledger-behind',
        expected: { digest: known.head, text: `record ${known.seq}, which the Workflow has` },
        found: {
          digest: ledger.headAt(jobId, known.seq) ?? null,
          text: `the ledger ends at record ${job?.at.seq ?? 0}${ledger.headAt(jobId, known.seq) === undefined ? '' : `, and its record ${known.seq} is another`}`,
        },
        advice:
          'The ledger is older than the job (an old disk, another host, a restored snapshot). Put the newer one back, then answer recheck.',
      }),
    ];
  }
  const undoing = forgotten.undoing;
  if (undoing !== undefined) return [undoneMeanwhileFinding(undoing)];
  return forgotten.records().map((record) =>
    finding({
      resource: `step:${record.stepId}`,
      class: 'ahead',
      kind: 'ahead-after-reset',
      expected: { digest: null, text: 'not yet run: the Workflow was reset to before it' },
      found: {
        digest: record.intent,
        text: `done as record ${record.seq}, generation ${record.generation}, in Run ${record.runId}`,
      },
      recorded: {
        resource: `step:${record.stepId}`,
        digest: record.intent,
        state: { kind: 'absent' },
        role: 'written',
        seq: record.seq,
        at: record.at,
        stepId: record.stepId,
        generation: record.generation,
      },
      difference: `output ${shortDigest(record.token)}: ${JSON.stringify(record.output).slice(0, 1_000)}`,
    }),
  );
}

/** Steps that the Workflow takes for done are undone, or about to be: nothing may go on from there. */
function undoneMeanwhileFinding({ record, undone }: NonNullable<ForgottenSteps['undoing']>): Finding {
  return finding({
    resource: LEDGER,
    class: 'ahead',
    kind: 'undone-after-reset',
    impossible: ['keep'],
    expected: { digest: null, text: 'a job that goes on' },
    found: {
      digest: null,
      text: `since record ${record.seq} the job is being undone (${record.by}: ${record.reason}); undone: ${undone.length === 0 ? 'nothing yet' : undone.join(', ')}`.slice(
        0,
        500,
      ),
    },
    advice:
      'The Workflow was reset to before it was aborted. Steps that it takes for done are undone, so it cannot go on from here. abort with compensate undoes the rest; start a new job then.',
  });
}

export function damagedFinding(problems: readonly string[]): Finding {
  return finding({
    resource: LEDGER,
    class: 'damaged',
    kind: 'ledger-damaged',
    expected: { digest: null, text: 'an unbroken chain of records' },
    found: { digest: null, text: problems.join('; ').slice(0, 500) },
    advice: 'Put a sound copy of .holdfast/ledger.sqlite back, then answer recheck.',
  });
}

/** A decision is sealed, and what it needs won't pass by itself: nothing may be compared before it is carried out. */
export function notCarriedOutFinding({ message, nextStep }: HoldfastError): Finding {
  return finding({
    resource: LEDGER,
    class: 'unverifiable',
    kind: 'decision-not-carried-out',
    expected: { digest: null, text: 'a decision that was taken is carried out' },
    found: { digest: null, text: message.slice(0, 500) },
    advice: `${nextStep} Then answer recheck: the decision is carried out first.`,
  });
}

/** Records in force that another Run of the job made and this one has forgotten. Reads each record of the chain once, in order. */
export class ForgottenSteps {
  readonly #request: Pick<VerifyWorldRequest, 'base' | 'steps'>;
  readonly #runId: string;
  readonly #known: ReadonlySet<number>;
  readonly #ahead = new Map<string, StepRecord>();
  readonly #adopted = new Set<number>();
  #undoing: { readonly record: UndoingRecord; readonly undone: string[] } | undefined;

  constructor(request: Pick<VerifyWorldRequest, 'base' | 'steps'>, runId: string) {
    this.#request = request;
    this.#runId = runId;
    this.#known = new Set(request.steps.map(([, , seq]) => seq));
  }

  read(record: ChainRecord): void {
    if (record.kind === 'undoing') this.#undoing = { record, undone: [] };
    if (record.kind === 'undone') this.#undoing?.undone.push(record.stepId);
    if (record.kind === 'decision') {
      // Another Run's decision to adopt them is forgotten with the rest.
      if (record.runId === this.#runId) for (const seq of record.adopts) this.#adopted.add(seq);
      for (const { stepId } of record.reruns) this.#ahead.delete(stepId);
    }
    if (record.kind !== 'step') return;
    this.#ahead.delete(record.stepId);
    if (record.seq > this.#request.base.seq && record.runId !== this.#runId && !this.#known.has(record.seq))
      this.#ahead.set(record.stepId, record);
  }

  /** The job was aborted, and is being undone, or was. */
  get undoing(): { readonly record: UndoingRecord; readonly undone: readonly string[] } | undefined {
    return this.#undoing;
  }

  records(): readonly StepRecord[] {
    return [...this.#ahead.values()].filter(({ seq }) => !this.#adopted.has(seq));
  }
}

/** The Workflow has records and the workspace has no ledger of this job. */
export function missingLedgerFinding(root: string, { known, jobId }: VerifyWorldRequest): Finding {
  return finding({
    resource: LEDGER,
    class: 'damaged',
    kind: 'ledger-missing',
    expected: { digest: known.head, text: `the ledger of job ${jobId} with ${known.seq} records` },
    found: { digest: null, text: `none in ${root}` },
    advice: 'Bring the workspace with its .holdfast folder back (an old disk, another host?), then answer recheck.',
  });
}

/**
 * The workspace is another job's. If that one has ended, what stands in the way of finishing what it had half applied is
 * asked about, too: nothing of it is left as it is without a word.
 * @throws HoldfastError `server-unreachable`: whether the other job still runs decides what is offered
 */
export async function foreignFindings(
  host: ProtocolHost,
  workspace: Workspace,
  ledger: Ledger,
  boundJobId: string,
  jobId: string,
): Promise<Finding[]> {
  const isOpen = await host.isJobOpen(boundJobId);
  const applying = ledger.openIntents(boundJobId).filter(({ state }) => state === 'applying');
  const halfApplied =
    applying.length === 0 ? '' : `; half applied: ${applying.map(({ intent }) => intent.stepId).join(', ')}`;
  const tried = lastAttempt(ledger, jobId);
  // Before this job may call the same under a key of its own.
  const calls = isOpen ? [] : openCallNotes(ledger, boundJobId);
  const binding = finding({
    resource: 'workspace:',
    class: 'foreign',
    kind: 'bound-to-another-job',
    impossible: isOpen ? ['accept'] : [],
    expected: { digest: null, text: 'a workspace that no other job has' },
    found: {
      digest: null,
      text: `it belongs to job ${boundJobId}, which ${isOpen ? 'is still running' : 'has ended without giving it back'}${halfApplied}`,
    },
    advice: isOpen
      ? 'End the other job or wait for it, then answer recheck; or use another workspace.'
      : `accept finishes what it had half applied, keeps its record and takes the workspace.${calls.length === 0 ? '' : ' Find out about its calls first: this job may make them, too, under other keys.'}${tried}`,
    ...(calls.length === 0 ? {} : { difference: `calls that it leaves open:\n${calls.join('\n')}` }),
  });
  return isOpen ? [binding] : [binding, ...(await halfAppliedFindings(host, workspace, ledger, boundJobId))];
}

/** Why an accept did not get the workspace. */
function lastAttempt(ledger: Ledger, jobId: string): string {
  const body = ledger.latestRepair(jobId);
  const result = body === undefined ? undefined : SealedRepairSchema.parse(body).result;
  const why = result?.kind === 'repaired' ? result.notes.filter((note) => note.startsWith(KEPT_BOUND)) : [];
  return why.length === 0 ? '' : ` Tried, and not done: ${why.join('; ')}`.slice(0, 1_000);
}

/** Targets that another job's half-applied intents would leave as somebody else made them. */
async function halfAppliedFindings(
  host: ProtocolHost,
  workspace: Workspace,
  ledger: Ledger,
  boundJobId: string,
): Promise<Finding[]> {
  const { settings } = ledger.job(boundJobId)!;
  expectRecordedDatabases(workspace, settings, ledger, boundJobId);
  const targets = ledger
    .openIntents(boundJobId)
    .filter(({ state }) => state === 'applying')
    .flatMap((row) => halfAppliedTargets(ledger, row));
  const sightings = await lookAt(
    { workspace, settings, host },
    targets.map(({ resource, acceptable }) => ({ resource, recorded: columnsOf(acceptable) })),
  );
  const findings: Finding[] = [];
  for (const { resource, acceptable, applying } of targets) {
    const sighting = sightings.get(resource)!;
    if (sighting.outcome !== 'seen') findings.push(unseenFinding(resource, sighting, undefined));
    else if (!acceptable.some((state) => sameState(state, sighting.state)))
      findings.push({
        ...(await describeConflict(workspace, settings, resource, applying, sighting.state)),
        answers: offeredAnswers('conflict', ['undo']),
      });
  }
  return findings;
}
