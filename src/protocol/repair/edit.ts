/**
 * Edits a job: one of its steps counts as done with what a person gives. What it did, and what depends on it, is taken
 * back first, as a rewind does; then the step runs under a new generation, and in place of its code what was given.
 *
 * Invariants
 * 1. An output fits the contract of the step's code, unless nobody refers to it.
 * 2. What was given is sealed with the repair, and stands in the chain with who gave it and why.
 */
import type { Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import type { Edit, EditRequest } from '../../model/job/edit.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { planStepOf } from '../../model/item-id.ts';
import type { StepRecord } from '../../model/record/record.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import { StepHistory } from '../compare/step-history.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { editQuestion } from '../question/edit.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { outputProblems } from './edited-output.ts';
import type { RepairContext } from './running/context.ts';
import { rerunOf, unaskedRepair, type UnaskedDraft } from './unasked.ts';

/**
 * Safe to repeat: an edit that was carried out answers with what was done.
 * @throws HoldfastError `not-current-run`, or what may pass
 */
export async function editProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: EditRequest,
): Promise<RepairResult> {
  const token = tokenOfEdit(request);
  const drawUp = (context: RepairContext): Promise<UnaskedDraft> => drawnUp(context, request, token);
  return await unaskedRepair({ host, workspaces, caller }, { request, token, drawUp });
}

/** The same request is the same edit. */
function tokenOfEdit({ jobId, edit, known }: EditRequest): Digest {
  return digestOf({ jobId, edit: { ...edit } as Json, known });
}

async function drawnUp(
  { host, workspace, ledger, jobId }: RepairContext,
  request: EditRequest,
  token: Digest,
): Promise<UnaskedDraft> {
  const { edit, step } = request;
  const { asNode, values } = edit;
  const history = await StepHistory.of(ledger, jobId);
  const recorded = history.latest.find(({ stepId }) => stepId === asNode);
  const output = outputOf(request, recorded);
  if (output === undefined)
    return {
      problems: [
        `step ${asNode} has no output in the record, and what follows takes one: expected --output with what its ` +
          'code would have returned',
      ],
    };
  const contract = host.steps.get(step ?? recorded?.step ?? '')?.contract;
  const problems = [...outputProblems(request, contract, output), ...secretProblems(workspace, edit)];
  if (problems.length > 0) return { problems };
  const steps = stepsThatRunAgain(ledger, jobId, history, request);
  const draft = rerunOf(editQuestion(ledger, { jobId, token, stepId: asNode, steps }), token, edit);
  return 'problems' in draft ? draft : { ...draft, edits: { stepId: asNode, output, ...defined({ values }) } };
}

/** What was given, or what the record has; null where nobody refers to it. Undefined: there is none. */
function outputOf({ edit, isOutputUnused }: EditRequest, recorded: StepRecord | undefined): Json | undefined {
  return edit.output ?? recorded?.output ?? (isOutputUnused === true ? null : undefined);
}

/** What is recorded goes to the disk as it is. */
function secretProblems({ secrets }: RepairContext['workspace'], { values = {}, output = null }: Edit): string[] {
  const given: Json = [values, output];
  return digestOf(secrets.redactJson(given)) === digestOf(given)
    ? []
    : ['it holds the value of a secret of the job: a state and an output never do'];
}

/**
 * The step itself, whatever used what it came to, and who reads what it writes now; of a Workflow of one's own all that
 * came after it.
 */
function stepsThatRunAgain(
  ledger: Ledger,
  jobId: string,
  history: StepHistory,
  { edit: { asNode }, readers }: EditRequest,
): readonly string[] {
  const named = new Set([asNode, ...(readers ?? [])]);
  const isNamed = ({ stepId }: { readonly stepId: string }): boolean => named.has(planStepOf(requestedStepOf(stepId)));
  const from = readers === undefined ? (history.record(asNode)?.seq ?? Infinity) : Infinity;
  const recorded = history.latest.filter((record) => isNamed(record) || record.seq > from);
  const inFlight = [...ledger.openIntents(jobId).map(({ intent }) => intent), ...ledger.openClaims(jobId)];
  const begun = inFlight.filter((one) => isNamed(one) || from < Infinity);
  const dependents = history.withDependents(recorded.map(({ stepId }) => stepId));
  const all = [...dependents, ...begun.map(({ stepId }) => stepId), asNode];
  return [...new Set(all.map(requestedStepOf))];
}
