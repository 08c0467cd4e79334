/**
 * Rewinds a job in place, as the answer `rerun` of a decision does, for every step after a checkpoint: a sealed repair
 * whose token is the digest of the request. The undoing of a rewind is one, too, which puts back besides.
 */
import { defined } from '../../model/defined.ts';
import { digestOf, type Digest } from '../../model/digest.ts';
import type { RepairResult } from '../../model/job/repair.ts';
import type { Rewind, RewindRequest } from '../../model/job/rewind.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { rewindQuestion } from '../question/rewind.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { planReinstate } from './reinstate-plan.ts';
import { planRewind } from './rewind-plan.ts';
import type { RepairContext } from './running/context.ts';
import { rerunOf, unaskedRepair, type UnaskedDraft } from './unasked.ts';

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
  const token = tokenOfRewind(request);
  const drawUp = (context: RepairContext): Promise<UnaskedDraft> => drawnUp(context, request.rewind, token);
  return await unaskedRepair({ host, workspaces, caller }, { request, token, drawUp });
}

/** The same request is the same rewind. */
function tokenOfRewind({ jobId, rewind: asked, known }: RewindRequest): Digest {
  return digestOf({ jobId, rewind: { ...asked }, known });
}

/** @throws HoldfastError `not-found`, `bad-input` */
async function drawnUp(
  { ledger, jobId }: RepairContext,
  { to, ...asked }: Rewind,
  token: Digest,
): Promise<UnaskedDraft> {
  const reinstating = to === undefined ? await planReinstate(ledger, jobId) : undefined;
  const { checkpoint, steps } = reinstating ?? (await planRewind(ledger, jobId, to!));
  const { seq, digest, step, next } = checkpoint;
  const undoes = reinstating?.rewind.seq;
  const question = rewindQuestion(ledger, { jobId, token, to: seq, steps, ...defined({ undoes }) });
  const draft = rerunOf(question, token, asked);
  return 'problems' in draft
    ? draft
    : { ...draft, rewoundTo: { seq, digest, step, next }, ...defined({ reinstating }) };
}
