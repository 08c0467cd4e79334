/** What holds for a whole Run of a job. */
import { workflowInfo } from '@temporalio/workflow';
import { defined } from '../../model/defined.ts';
import type { ChainPlace } from '../../model/job/chain-place.ts';
import { DEFAULT_VERIFY_AFTER_MS, type JobSettings } from '../../model/job/settings.ts';
import { uniformWatches } from '../../model/job/watches.ts';
import { GENESIS } from '../../model/record/chain.ts';
import { jobIdOf } from '../../model/record/token.ts';
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

/** @param base carried over from the Run before; default: the beginning of the chain */
export function originOf(options: OpenJobOptions, base: ChainPlace = { seq: 0, head: GENESIS }): RunOrigin {
  const { workflowId, firstExecutionRunId, continuedFromExecutionRunId } = workflowInfo();
  return {
    jobId: jobIdOf(workflowId, firstExecutionRunId),
    workspace: options.workspace,
    settings: settingsOf(options),
    base,
    continuedFrom: continuedFromExecutionRunId,
  };
}

function settingsOf({
  databases,
  watch,
  secrets,
  verifyAfterMs,
  verify,
  plan,
  http,
  checkpoint,
}: OpenJobOptions): JobSettings {
  return {
    databases: databases ?? {},
    watch: uniformWatches(watch ?? []),
    verifyAfterMs: verifyAfterMs ?? DEFAULT_VERIFY_AFTER_MS,
    plan: plan ?? null,
    ...defined({
      secrets: secrets === undefined || secrets.length === 0 ? undefined : [...secrets],
      http: http && { hosts: [...http.hosts] },
      verify,
      checkpoint,
    }),
  };
}
