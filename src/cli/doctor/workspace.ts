/** Are a workspace, its record and its databases sound? */
import path from 'node:path';
import { shortDigest } from '../../model/digest.ts';
import type { Question } from '../../model/question/question.ts';
import type { DatabaseInspection } from '../../protocol/inspect/database-inspection.ts';
import type { ContentProblems } from '../../protocol/inspect/contents.ts';
import { WorkspaceInspection } from '../../protocol/inspect/inspection.ts';
import { problemsText } from '../../protocol/inspect/problems.ts';
import type { StoredProblems } from '../../protocol/inspect/stored-checkpoints.ts';
import { hasLedger } from '../../protocol/inspect/ledger-copy.ts';
import { counted } from '../../model/counted.ts';
import { countWhileSlow, type Terminal } from '../terminal.ts';
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
    if (isDeep) checks.push(...(await deepChecks(terminal, inspection)));
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
      remedy:
        'Put a sound copy of the .holdfast folder back. The job stops and asks until then; where the question offers ' +
        'rebuild, the record can be made anew.',
    };
  const { records, workflowId, term } = inspection.job();
  const detail = `${counted(records, 'record')} of ${workflowId}, chain and manifest recomputed, term ${term}`;
  return { name: 'record', state: 'ok', detail };
}

async function deepChecks(terminal: Terminal, inspection: WorkspaceInspection): Promise<readonly Check[]> {
  const contents = await inspection.contentProblems(countWhileSlow(terminal, 'contents read'));
  const { jobId } = inspection.job();
  try {
    const stored = await inspection.storedProblems(jobId, countWhileSlow(terminal, 'checkpoints and contents read'));
    return [contentCheck(contents), ...(stored === undefined ? [] : [storedCheck(stored)])];
  } catch (error) {
    return [contentCheck(contents), failed('checkpoints', error)];
  }
}

function storedCheck(stored: StoredProblems): Check {
  const { location, checkpoints, contents, count } = stored;
  if (checkpoints === 0)
    return {
      name: 'checkpoints',
      state: 'warning',
      detail: `none of this job in ${location}`,
      remedy:
        "Look where the plan's `checkpoint.store` leads: a relative path starts at the worker's root, and a variable " +
        'is to be set here as for the worker.',
    };
  const read = `${counted(checkpoints, 'checkpoint')} and ${counted(contents, 'content')} in ${location} read`;
  if (count === 0)
    return { name: 'checkpoints', state: 'ok', detail: `${read}, each as it was written, and of this record` };
  return {
    name: 'checkpoints',
    state: 'problem',
    detail: problemsText(stored),
    remedy:
      'See how much of a file is sound: holdfast checkpoints --inspect FILE. The others are not touched by it, and ' +
      'what one lacks the one after it has once more.',
  };
}

function contentCheck({ read, ...found }: ContentProblems): Check {
  if (found.count === 0)
    return { name: 'contents', state: 'ok', detail: `${counted(read, 'content')} read, each as its digest says` };
  return {
    name: 'contents',
    state: 'problem',
    detail: problemsText(found),
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
