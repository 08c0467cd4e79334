/** Are a workspace, its record and its databases sound? */
import path from 'node:path';
import { shortDigest } from '../../model/digest.ts';
import type { Question } from '../../model/question/question.ts';
import type { DatabaseInspection } from '../../protocol/inspect/database-inspection.ts';
import { WorkspaceInspection, type ContentProblems } from '../../protocol/inspect/inspection.ts';
import { hasLedger } from '../../protocol/inspect/ledger-copy.ts';
import { counted } from '../../model/counted.ts';
import type { Terminal } from '../terminal.ts';
import { failed, type Check } from './check.ts';
import { shellWord } from '../../model/shell-word.ts';

/** @param isDeep every content is read, too */
export async function workspaceChecks(
  terminal: Terminal,
  given: string | undefined,
  isDeep: boolean,
): Promise<readonly Check[]> {
  const folder = path.resolve(terminal.cwd, given ?? '.');
  if (given === undefined && !hasLedger(folder))
    return [
      { name: 'workspace', state: 'not-checked', detail: 'this folder is none; name one: holdfast doctor FOLDER' },
    ];
  try {
    await using inspection = await WorkspaceInspection.open(folder, terminal.env);
    const damage = damageOf(inspection);
    const checks = [workspaceCheck(inspection), recordCheck(inspection, damage)];
    if (damage.length > 0) return checks;
    if (isDeep) checks.push(contentCheck(await inspection.contentProblems()));
    const { jobId, workflowId } = inspection.job();
    const questions = inspection.openQuestions(jobId).map((question) => questionCheck(question, workflowId));
    const databases = (await inspection.databases(jobId)).map((database) => databaseCheck(database));
    return [...checks, ...questions, ...databases];
  } catch (error) {
    return [failed('workspace', error)];
  }
}

function workspaceCheck(inspection: WorkspaceInspection): Check {
  const jobs = inspection.jobs();
  const bound = jobs.find(({ isBound }) => isBound);
  const owner = bound === undefined ? 'free for the next' : `belongs to ${bound.workflowId} (job ${bound.jobId})`;
  const detail = `${inspection.root}: ${counted(jobs.length, 'job')} on record; ${owner}`;
  return { name: 'workspace', state: 'ok', detail };
}

function damageOf(inspection: WorkspaceInspection): readonly string[] {
  return inspection
    .jobs()
    .flatMap(({ jobId, workflowId }) =>
      inspection.integrityProblems(jobId).map((problem) => `${workflowId}: ${problem}`),
    );
}

function recordCheck(inspection: WorkspaceInspection, damage: readonly string[]): Check {
  if (damage.length > 0)
    return {
      name: 'record',
      state: 'problem',
      detail: damage.join('; '),
      remedy: 'Put a sound copy of .holdfast/ledger.sqlite back. The job stops and asks until then.',
    };
  const { records, workflowId, term } = inspection.job();
  const detail = `${counted(records, 'record')} of ${workflowId}, chain and manifest recomputed, term ${term}`;
  return { name: 'record', state: 'ok', detail };
}

function contentCheck({ read, problems }: ContentProblems): Check {
  if (problems.length === 0)
    return { name: 'contents', state: 'ok', detail: `${counted(read, 'content')} read, each as its digest says` };
  return {
    name: 'contents',
    state: 'problem',
    detail: problems.join('; '),
    remedy: 'Put sound copies back: the job can restore or undo nothing from these.',
  };
}

function questionCheck({ digest, kind, findingsTotal }: Question, workflowId: string): Check {
  return {
    name: 'question',
    state: 'warning',
    detail: `${shortDigest(digest)} (${kind}, ${counted(findingsTotal, 'finding')}) waits for an answer`,
    remedy: `holdfast decide ${shellWord(workflowId)}`,
  };
}

function databaseCheck({ name, reachable, problem, identity, dialect, fenceTerm }: DatabaseInspection): Check {
  const title = `database ${name}`;
  if (!reachable)
    return {
      name: title,
      state: 'problem',
      detail: problem ?? 'cannot be reached',
      remedy: 'Make it reachable, and set the environment variable that the plan names for it here as for the worker.',
    };
  const detail = `${dialect ?? ''} ${identity ?? ''}, fence row at term ${fenceTerm ?? 'none'}`.trim();
  return problem === undefined
    ? { name: title, state: 'ok', detail }
    : {
        name: title,
        state: 'problem',
        detail: problem,
        remedy: 'Put the right database back, or let the job ask: its next verification reports this.',
      };
}
