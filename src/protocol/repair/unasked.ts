/**
 * What a person asks for of a job without having been asked: a rewind, an edit. Steps run again, as by the answer
 * `rerun` of a decision: a sealed repair whose token is the digest of the request.
 *
 * Invariants
 * 1. Nothing is taken back unless all of it is as the record has it, and can be: found out before it is sealed.
 * 2. Once sealed it only rolls forward, however often it is killed; its end is one record of the chain.
 */
import { defined } from '../../model/defined.ts';
import type { Digest } from '../../model/digest.ts';
import { isFailure } from '../../model/failure.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import { repairPage } from '../../model/job/repair-pages.ts';
import type { Decision } from '../../model/question/decision.ts';
import type { Question } from '../../model/question/question.ts';
import { ruleOn } from '../../model/question/ruling.ts';
import { uriOf } from '../../model/record/effect.ts';
import { compare } from '../compare/compare.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import { expectRecordedDatabases } from '../workspace/expected-databases.ts';
import { mustBeCurrentRun } from '../workspace/term.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { takenBackBy } from './answers/rerun.ts';
import { refused, worldMoved } from './decide.ts';
import { rehearse } from './rehearse.ts';
import { rollForward } from './roll-forward.ts';
import { rowsThatGo } from './rows-that-go.ts';
import type { RepairContext } from './running/context.ts';
import { RunningRepair } from './running/running-repair.ts';
import { SealedRepairSchema } from './running/sealed-repair.ts';
import { sealRepair, unsealedRepair, type RepairDraft } from './seal.ts';

interface Acting {
  readonly host: ProtocolHost;
  readonly workspaces: Workspaces;
  readonly caller: Caller;
}

export type UnaskedDraft = RepairDraft | { readonly problems: readonly string[] };

export interface Unasked {
  readonly request: {
    readonly jobId: string;
    readonly workspace: string;
    readonly onlyBegun?: boolean | undefined;
    readonly rerunsFrom?: number | undefined;
  };
  /** Of the request: the same request is the same repair. */
  readonly token: Digest;
  /** Reads only. @throws HoldfastError `not-found`, `bad-input`: it is refused */
  readonly drawUp: (context: RepairContext) => Promise<UnaskedDraft>;
}

/**
 * Safe to repeat: what was carried out answers with what was done.
 * @throws HoldfastError `not-current-run`, or what may pass
 */
export async function unaskedRepair({ host, workspaces, caller }: Acting, asked: Unasked): Promise<RepairResult> {
  const { token, request } = asked;
  const { jobId, workspace: path } = request;
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
        return await carriedOut({ host, workspace, caller, ledger, jobId, settings }, asked);
      },
      { signal: caller.signal },
    );
    return repairPage(result, request.rerunsFrom);
  } catch (error) {
    if (!isRecordTrouble(error)) throw error;
    return refused(token, [error.message]);
  }
}

/** Call under the lock. */
async function carriedOut(context: RepairContext, { request, token, drawUp }: Unasked): Promise<RepairResult> {
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
  const drawn = await drawnUp(context, drawUp);
  if ('problems' in drawn) return refused(token, drawn.problems);
  const moved = await movedSince(context, drawn);
  if (moved.length > 0) return worldMoved(token, moved);
  const problems = await rehearse(context, drawn);
  if (problems.length > 0) return refused(token, problems);
  const keptRows = await rowsThatGo(context, drawn);
  return await rollForward(context, sealRepair(context, { ...drawn, keptRows }));
}

async function drawnUp(context: RepairContext, drawUp: Unasked['drawUp']): Promise<UnaskedDraft> {
  try {
    return await drawUp(context);
  } catch (error) {
    if (!isFailure(error, 'not-found', 'bad-input')) throw error;
    return { problems: [error.message] };
  }
}

/** The answer `rerun` to a question that nobody is asked. */
export function rerunOf(
  question: Question,
  token: Digest,
  { by, reason, items }: Pick<Decision, 'by' | 'reason' | 'items'>,
): UnaskedDraft {
  const decision: Decision = { digest: token, answer: 'rerun', by, reason, ...defined({ items }) };
  const ruling = ruleOn(question, decision);
  return ruling.usable ? { question, decision, ruling, found: {} } : { problems: ruling.problems };
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
