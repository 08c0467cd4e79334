/**
 * Rewinds a job in place, as the answer `rerun` of a decision does, for every step after a checkpoint: a sealed repair
 * whose token is the digest of the request. The undoing of a rewind is one, too, which puts back besides.
 *
 * Invariants
 * 1. Nothing is taken back unless all of it is as the record has it, and can be: found out before it is sealed.
 * 2. Once sealed it only rolls forward, however often it is killed; its end is one record of the chain.
 */
import { defined } from '../../model/defined.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { repairPage } from '../../model/job/repair-pages.ts';
import type { Rewind, RewindRequest } from '../../model/job/rewind.ts';
import type { Decision } from '../../model/question/decision.ts';
import { ruleOn } from '../../model/question/ruling.ts';
import { uriOf } from '../../model/record/effect.ts';
import { compare } from '../compare/compare.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { rewindQuestion } from '../question/rewind.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { takenBackBy } from './answers/rerun.ts';
import { refused, worldMoved } from './decide.ts';
import { rehearse } from './rehearse.ts';
import { planReinstate } from './reinstate-plan.ts';
import { planRewind } from './rewind-plan.ts';
import { rollForward } from './roll-forward.ts';
import { rowsThatGo } from './rows-that-go.ts';
import type { RepairContext } from './running/context.ts';
import { RunningRepair } from './running/running-repair.ts';
import { SealedRepairSchema } from './running/sealed-repair.ts';
import { sealRepair, unsealedRepair, type RepairDraft } from './seal.ts';

/**
 * Safe to repeat: a rewind that was carried out answers with what was done.
 * @throws HoldfastError `not-current-run`, or what may pass
 */
export async function rewindProtocol(
  host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: RewindRequest,
): Promise<RepairResult> {
  const { jobId, workspace: path } = request;
  const token = tokenOfRewind(request);
  try {
    const workspace = workspaces.find(path);
    if (workspace === undefined) return refused(token, [`there is no ledger in ${workspaces.pathOf(path)}`]);
    const result = await workspace.exclusive(
      'repair',
      async (ledger) => {
        await mustBeCurrentRun(host, caller);
        const job = ledger.job(jobId);
        if (job === undefined) return refused(token, ['the ledger does not know the job']);
        const { settings } = job;
        expectRecordedDatabases(workspace, settings, ledger, jobId);
        return await rewind({ host, workspace, caller, ledger, jobId, settings }, request, token);
      },
      { signal: caller.signal },
    );
    return repairPage(result, request.rerunsFrom);
  } catch (error) {
    if (!isRecordTrouble(error)) throw error;
    return refused(token, [error.message]);
  }
}

/** The same request is the same rewind. */
function tokenOfRewind({ jobId, rewind: asked, known }: RewindRequest): Digest {
  return digestOf({ jobId, rewind: { ...asked }, known });
}

/** Call under the lock. */
async function rewind(context: RepairContext, request: RewindRequest, token: Digest): Promise<RepairResult> {
  const { ledger, jobId } = context;
  const earlier = ledger.repairs.find(token);
  if (earlier !== undefined) {
    const sealed = SealedRepairSchema.parse(earlier.body);
    return sealed.result ?? (await rollForward(context, sealed));
  }
  if (request.onlyBegun === true) return refused(token, ['it was not begun']);
  const job = ledger.job(jobId)!;
  if (job.state !== 'open') return refused(token, [`the workspace knows the job as ${job.state}`]);
  if (ledger.repairs.sealed(jobId).length > 0)
    return refused(token, ['what a person decided before is still being carried out: let that end first']);
  const drawn = await drawUp(context, request.rewind, token);
  if ('problems' in drawn) return refused(token, drawn.problems);
  const moved = await movedSince(context, drawn);
  if (moved.length > 0) return worldMoved(token, moved);
  const problems = await rehearse(context, drawn);
  if (problems.length > 0) return refused(token, problems);
  const keptRows = await rowsThatGo(context, drawn);
  return await rollForward(context, sealRepair(context, { ...drawn, keptRows }));
}

async function drawUp(
  { ledger, jobId }: RepairContext,
  { to, by, reason, items }: Rewind,
  token: Digest,
): Promise<RepairDraft | { readonly problems: readonly string[] }> {
  try {
    const reinstating = to === undefined ? await planReinstate(ledger, jobId) : undefined;
    const { checkpoint, steps } = reinstating ?? (await planRewind(ledger, jobId, to!));
    const { seq, digest, step, next } = checkpoint;
    const undoes = reinstating?.rewind.seq;
    const question = rewindQuestion(ledger, { jobId, token, to: seq, steps, ...defined({ undoes }) });
    const decision: Decision = { digest: token, answer: 'rerun', by, reason, ...defined({ items }) };
    const ruling = ruleOn(question, decision);
    if (!ruling.usable) return { problems: ruling.problems };
    const rewoundTo = { seq, digest, step, next };
    return { question, decision, ruling, found: {}, rewoundTo, ...defined({ reinstating }) };
  } catch (error) {
    if (!isFailure(error, 'not-found', 'bad-input')) throw error;
    return { problems: [error.message] };
  }
}

/** What is not as the record has it, of all that would be taken back or put back. */
async function movedSince(context: RepairContext, draft: RepairDraft): Promise<readonly string[]> {
  const { host, workspace, settings, ledger, jobId } = context;
  const takenBack = await takenBackBy(new RunningRepair(context, draft.question, unsealedRepair(draft)));
  const only = new Set(takenBack.flatMap(({ effect }) => uriOf(effect) ?? []));
  for (const resource of draft.reinstating?.wanted.keys() ?? []) only.add(resource);
  if (only.size === 0) return [];
  const { at } = ledger.job(jobId)!;
  const manifest = ledger.manifest(jobId);
  const { findings } = await compare({ host, workspace, settings, ledger, jobId, at, manifest }, only);
  return findings.map(({ resource }) => resource);
}
