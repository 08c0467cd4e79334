/** The host of a test job: this process as the worker, and no server to ask. */
import { defined } from '../model/defined.ts';
import { HoldfastError } from '../model/failure.ts';
import { issuesText } from '../model/issues-text.ts';
import { DEFAULT_VERIFY_AFTER_MS, JobSettingsSchema, type JobSettings } from '../model/job/settings.ts';
import { uniformWatches } from '../model/job/watches.ts';
import type { ProtocolHost } from '../protocol/host.ts';
import { BUILT_IN_IMPLEMENTATIONS } from '../steps/built-in.ts';
import { bootMoment } from '../store/life/boot-clock.ts';
import { thisProcess } from '../store/life/process-identity.ts';
import type { TestJobOptions } from './options.ts';
import type { RememberedJob } from './remembered-job.ts';

export function testHost(
  { steps = [], env = {}, workerId, openJobs = [], outagePatienceMs = 0 }: TestJobOptions,
  workspaceRoot: string,
  { runId, jobId: ownId, history }: RememberedJob,
): ProtocolHost {
  const identity = thisProcess();
  return {
    steps: new Map([...BUILT_IN_IMPLEMENTATIONS, ...steps].map((step) => [step.contract.name, step])),
    env,
    workspaceRoot,
    worker: { id: workerId ?? `test ${identity.pid}`, identity },
    clock: bootMoment,
    currentRunId: async () => await Promise.resolve(runId),
    isJobOpen: async (jobId) => await Promise.resolve(jobId === ownId || openJobs.includes(jobId)),
    history: async (_workflowId, _runId, visit) => {
      history.forEach(visit);
      return await Promise.resolve({});
    },
    // A test that takes something away asks what a person is asked.
    outagePatienceMs,
    searchAttributes: false,
  };
}

/** @throws HoldfastError `bad-input` for what no job can be opened with: a watch as a plan writes it, say */
export function settingsOf({
  databases,
  watch,
  verifyAfterMs,
  verify,
  plan,
  secrets,
  http,
  checkpoint,
  retention,
}: TestJobOptions): JobSettings {
  const checked = JobSettingsSchema.safeParse({
    databases: databases ?? {},
    watch: uniformWatches(watch ?? []),
    verifyAfterMs: verifyAfterMs ?? DEFAULT_VERIFY_AFTER_MS,
    plan: plan ?? null,
    ...defined({ secrets: secrets === undefined ? undefined : [...secrets], http, verify, checkpoint, retention }),
  });
  if (checked.success) return checked.data;
  throw new HoldfastError('bad-input', `openTestJob cannot use its options: ${issuesText(checked.error.issues)}.`);
}
