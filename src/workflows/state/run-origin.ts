/** What holds for a whole Run of a job. */
import { workflowInfo } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import type { Fork } from '../../model/job/fork.ts';
import { DEFAULT_VERIFY_AFTER_MS, type JobSettings } from '../../model/job/settings.ts';
import { uniformWatches } from '../../model/job/watches.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { jobIdOf } from '../../model/record/token.ts';
import { resumeArgument } from '../carried-argument.ts';
import type { OpenJobOptions } from '../guarded-job.ts';

/** Which job, in which workspace: in every Activity's request. */
export interface JobIdentity {
  readonly jobId: string;
  readonly workspace: string;
}

export interface RunOrigin extends JobIdentity {
  readonly settings: JobSettings;
  /** Where this Run's history begins. */
  readonly base: ChainPlace;
  /** The Run that this one continues as new. */
  readonly continuedFrom?: string | undefined;
}

/** Of a job that was started from a store: in each Run of the chain since. */
export interface ResumedIdentity {
  readonly jobId: string;
  /** In place of the one that the Workflow's own code or input names. */
  readonly workspace?: string;
  /** Likewise, by name. */
  readonly databases?: Readonly<Record<string, string>>;
  /** Likewise: where its checkpoints are kept. */
  readonly store?: string;
}

/** What the Run before hands over, or the job was started with. */
interface CarriedOrigin {
  /** Default: the beginning of the chain. */
  readonly base: ChainPlace;
  readonly resumed?: ResumedIdentity;
  readonly fork?: Pick<Fork, 'workspace' | 'databases'>;
}

export function originOf(options: OpenJobOptions, carried: CarriedOrigin | undefined): RunOrigin {
  const { base = { seq: 0, head: GENESIS }, resumed, fork } = carried ?? {};
  const settings = settingsOf(options);
  return {
    jobId: jobIdNow(resumed),
    workspace: resumed?.workspace ?? fork?.workspace ?? options.workspace,
    settings: {
      ...settings,
      databases: { ...settings.databases, ...fork?.databases, ...resumed?.databases },
      ...defined({
        checkpoint: settings.checkpoint && { ...settings.checkpoint, ...defined({ store: resumed?.store }) },
      }),
    },
    base,
    continuedFrom: workflowInfo().continuedFromExecutionRunId,
  };
}

/** @param resumed undefined: the job was not started from a store */
export function jobIdNow(resumed: ResumedIdentity | undefined): string {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  return resumed?.jobId ?? jobIdOf(workflowId, firstExecutionRunId);
}

/** Undefined: the job is not started from a store in this Run. @throws HoldfastError `bad-input` */
export function resumedNow(): ResumedIdentity | undefined {
  const resume = resumeArgument();
  if (resume === undefined) return undefined;
  const { jobId, workspace, databases, store } = resume;
  return { jobId, ...defined({ workspace, databases, store }) };
}

function settingsOf({
  databases,
  bases,
  watch,
  secrets,
  verifyAfterMs,
  verify,
  plan,
  http,
  checkpoint,
  retention,
}: OpenJobOptions): JobSettings {
  return {
    databases: databases ?? {},
    watch: uniformWatches(watch ?? []),
    verifyAfterMs: verifyAfterMs ?? DEFAULT_VERIFY_AFTER_MS,
    plan: plan ?? null,
    ...defined({
      bases: bases === undefined || Object.keys(bases).length === 0 ? undefined : bases,
      secrets: secrets === undefined || secrets.length === 0 ? undefined : [...secrets],
      http: http && { hosts: [...http.hosts] },
      verify,
      checkpoint,
      retention,
    }),
  };
}
