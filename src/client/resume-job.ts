/**
 * Starts a job from its store: the same Workflow, with the arguments that it was started with, and one more that says
 * what it goes on from. The worker does the rest; the cluster that the job began in is not needed.
 */
import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/common';
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { RESUME_FIELD, ResumeSchema, type Resume } from '../model/job/resume.ts';
import { refuseUnknownOptions, type OptionNames } from '../model/options.ts';
import { problemsIn } from '../model/parsed.ts';
import type { ResumedJob, ResumeOptions } from './job-types.ts';
import type { ServerCalls } from './server-calls.ts';
import type { FoundJob } from '../protocol/checkpoint/found-job.ts';

const NAMES: OptionNames<ResumeOptions> = {
  from: true,
  at: true,
  workspace: true,
  databases: true,
  taskQueue: true,
  by: true,
  reason: true,
  dryRun: true,
};

/**
 * @throws HoldfastError `bad-input`, `not-found` naming what there is, `checkpoint-damaged` where nothing can be read,
 *   `already-started`, `server-unreachable`
 */
export async function resumeJob(server: ServerCalls, queue: string, options: ResumeOptions): Promise<ResumedJob> {
  refuseUnknownOptions('client.resume', options, NAMES);
  const { from, at, workspace, databases, by, reason, dryRun, taskQueue = queue } = options;
  if (typeof from !== 'string') throw new HoldfastError('bad-input', 'client.resume needs from: STORE/JOB.');
  // Loaded late: who starts and asks jobs needs no store.
  const [{ findStoredJob }, { refusePlaces }, { namedStore, otherStore }] = await Promise.all([
    import('../protocol/checkpoint/found-job.ts'),
    import('./resumed-places.ts'),
    import('./other-store.ts'),
  ]);
  const named = namedStore(from, process.env);
  const found = await findStoredJob(named.from, process.cwd(), at);
  refusePlaces(found, defined({ workspace, databases }));
  const store = named.reference ?? otherStore(found, process.cwd(), process.env);
  refuseBackInPlace(found, workspace);
  const resume = argumentOf(found, { by, reason, ...defined({ workspace, databases, store }) });
  const { workflowId, jobId, started } = found;
  const inPlace = defined({ workspace, keptIn: store });
  const told = { workflowId, jobId, taskQueue, ...whatIsThere(found), ...inPlace };
  if (dryRun === true) return told;
  const handle = await server.call(workflowId, () =>
    server.client.workflow.start(started.type, {
      workflowId,
      taskQueue,
      args: [...started.args, { [RESUME_FIELD]: resume }],
      workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
      staticSummary: `resumed from checkpoint ${found.place?.seq ?? 'to be decided'}`,
    }),
  );
  return { ...told, runId: handle.firstExecutionRunId };
}

/** Where the job was, its record goes on beyond: it is taken back by a rewind, not by forgetting it. */
function refuseBackInPlace({ at, later, workflowId }: FoundJob, workspace: string | undefined): void {
  if (at === undefined || later.length === 0 || workspace !== undefined) return;
  throw new HoldfastError(
    'bad-input',
    `Checkpoint ${at} is not the job's latest: ${later.slice(0, 20).join(', ')} come after it. In the workspace ` +
      'where it ran, what was done since is taken back by a rewind. Nothing was started.',
    {
      nextStep:
        `Resume it without @${at}, then: holdfast rewind ${workflowId} --to ${at}. Or give it a new folder: ` +
        '--workspace DIR.',
    },
  );
}

function argumentOf(
  { workflowId, jobId, at, place }: FoundJob,
  given: Pick<Resume, 'by' | 'reason' | 'workspace' | 'databases' | 'store'>,
): Resume {
  const parsed = ResumeSchema.safeParse({
    workflowId,
    jobId,
    ...given,
    // Without a number the worker takes the newest by itself: it may have the record, which is later.
    ...(at !== undefined && { at, ...defined({ head: place?.head }) }),
  });
  if (parsed.success) return parsed.data;
  const problems = problemsIn(parsed.error, ResumeSchema);
  throw new HoldfastError('bad-input', `The job cannot be resumed so: ${problems.join('; ')}.`, { problems });
}

function whatIsThere({ location, choice }: FoundJob): Pick<ResumedJob, 'store' | 'checkpoint' | 'unreadable'> {
  const readable = choice.kind === 'job' ? choice.stored : choice.older;
  const { place, at, metadata, next } = readable!.checkpoint;
  return {
    store: location,
    checkpoint: { seq: place.seq, at, step: metadata.step, next },
    ...defined({
      unreadable: choice.kind === 'job' ? undefined : choice.unreadable.map(({ generation }) => generation),
    }),
  };
}
