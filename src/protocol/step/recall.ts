/**
 * What finished steps have answered, for a Run that was not given all of it.
 *
 * Invariants
 * 1. Only records that the Workflow knows of are told, each proved by its own head.
 * 2. What can't be read is told as nothing: the step is requested then, and whoever asks for it meets the trouble.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jsonBytes, type Json } from '../../model/canonical-json.ts';
import { defined } from '../../model/defined.ts';
import { MAX_PAGE_BYTES, type RecalledResult, type RecallRequest, type RecallResult } from '../../model/job/recall.ts';
import { requestedStepOf } from '../../model/sub-step-id.ts';
import type { Ledger } from '../../store/ledger/ledger.ts';
import type { Caller, ProtocolHost } from '../host.ts';
import { isRecordTrouble } from '../question/workspace.ts';
import type { Workspaces } from '../workspace/workspaces.ts';

/** Others get a turn after so many. */
const RECORDS_A_TURN = 200;

/** Safe to repeat. Changes nothing. @throws HoldfastError for what may pass */
export async function recallProtocol(
  _host: ProtocolHost,
  workspaces: Workspaces,
  caller: Caller,
  request: RecallRequest,
): Promise<RecallResult> {
  try {
    const workspace = workspaces.find(request.workspace);
    if (workspace === undefined) return { results: [] };
    return await workspace.exclusive('recall', (ledger) => pageOf(ledger, request), { signal: caller.signal });
  } catch (error) {
    if (!isRecordTrouble(error)) throw error;
    return { results: [] };
  }
}

async function pageOf(ledger: Ledger, { jobId, known, after, atLeastBytes = 0 }: RecallRequest): Promise<RecallResult> {
  const results: RecalledResult[] = [];
  let sizeBytes = 0;
  if (ledger.headAt(jobId, known.seq) !== known.head) return { results };
  for (const { record, seq } of ledger.records(jobId, after)) {
    if (seq > known.seq) break;
    if (seq % RECORDS_A_TURN === 0) await nextTurn();
    // The Workflow requests no sub-steps.
    if (record.kind !== 'step' || requestedStepOf(record.stepId) !== record.stepId) continue;
    const { stepId, generation, args, output, intent } = record;
    // Void: the Workflow need not know its generation, of which it is told a bounded number.
    if ((ledger.generations.highest(jobId, stepId) ?? 0) > generation) continue;
    if (atLeastBytes > 0 && jsonBytes(output) < atLeastBytes) continue;
    const approval = ledger.approvalOf(jobId, intent);
    const result = { stepId, generation, args, output, seq, ...defined({ approval }) };
    sizeBytes += jsonBytes(result as Json);
    if (sizeBytes > MAX_PAGE_BYTES && results.length > 0) return { results, next: seq - 1 };
    results.push(result);
  }
  return { results };
}
