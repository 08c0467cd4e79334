/** The folder that a command looks at: a path, or the workspace of a job that has one here. */
import { existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { hasLedger } from '../protocol/inspect/ledger-copy.ts';
import type { LoadedConfig } from '../config.ts';
import { HoldfastError } from '../model/failure.ts';
import { shortDigest } from '../model/digest.ts';
import type { Finding } from '../model/question/finding.ts';
import { shellWord } from '../model/shell-word.ts';
import type { Context } from './command.ts';

/** The folder that a path or a job names. @throws HoldfastError `not-found` */
export async function workspaceFor(
  context: Context,
  config: LoadedConfig,
  target: string,
): Promise<{ readonly folder: string; readonly job?: string }> {
  const { terminal } = context;
  const folder = path.resolve(terminal.cwd, target);
  if (existsSync(folder) && statSync(folder).isDirectory()) return { folder };
  if (/[/\\]/.test(target) || target === '.')
    throw new HoldfastError('not-found', `There is no folder ${folder}.`, {
      folder,
      nextStep: 'Give the workspace of a job, or the name of a job.',
    });
  const client = await context.client();
  const workspace = (await client.workspaceOf(target)) ?? (await client.status(target)).workspace;
  const local = path.resolve(config.workspaceRoot ?? terminal.cwd, workspace);
  const isHere = existsSync(local);
  if (isHere && hasLedger(local)) return { folder: local, job: target };
  await refuseBeforeItsRecord(context, { job: target, workspace, folder: local });
  if (isHere) return { folder: local, job: target };
  throw new HoldfastError('not-found', `Job ${target} works in ${workspace}; there is no folder ${local} here.`, {
    folder: local,
    isElsewhere: true,
    nextStep: "Run this where the worker's workspace root is, on the worker's host, or give the folder itself.",
  });
}

interface Place {
  readonly job: string;
  /** As the job has it. */
  readonly workspace: string;
  /** Here. */
  readonly folder: string;
}

/**
 * A job that is started from its store asks, where it can't go on from there, before it has a record: there is nothing
 * to look at on any host. @throws HoldfastError `not-found`
 */
async function refuseBeforeItsRecord(context: Context, { job, workspace, folder }: Place): Promise<void> {
  const client = await context.client();
  // Without a worker nobody knows; then the place is all that can be told.
  const questions = await client.questions(job).catch(() => []);
  const open = questions.find(({ findings }) => findings.some(isBeforeItsRecord));
  if (open === undefined) return;
  const { resource, expected, found } = open.findings.find(isBeforeItsRecord)!;
  throw new HoldfastError(
    'not-found',
    `Job ${job} has no record to go on with yet. It asks first (question ${shortDigest(open.digest)}) about ` +
      `${resource}: expected ${expected.text}, found ${found.text}. Its record is in ${workspace} once that is ` +
      'answered and the job goes on.',
    {
      folder,
      question: open.digest,
      // What can be asked of the job itself is.
      isElsewhere: true,
      nextStep: `See the question and how to answer it: holdfast question ${shellWord(job)}`,
    },
  );
}

function isBeforeItsRecord({ class: cls, kind }: Finding): boolean {
  return cls === 'checkpoint' || kind === 'cannot-resume';
}
