/**
 * `openJob`: the guarded job inside a Workflow. A user's own Workflow calls it and gets `job.step(contract, input)`;
 * `agentJob` is built on the same core.
 */
import { HoldfastError } from '../model/failure.ts';
import { HttpSettingsSchema } from '../model/step/http-host.ts';
import type { Job, OpenJobOptions } from './guarded-job.ts';
import { JobCore } from './job/core.ts';
import { asFailure } from './job/failure.ts';

/**
 * Opens a guarded job for this Workflow and runs `body` in it. Once per Workflow Execution.
 * @throws what the body throws; ApplicationFailure `aborted`, `bad-input` (hosts that cannot be called); ContinueAsNew
 */
export async function openJob<T>(options: OpenJobOptions, body: (job: Job) => Promise<T>): Promise<T> {
  refuseBadHosts(options);
  const core = new JobCore(options);
  return await core.run(() => body(core));
}

/** @throws ApplicationFailure `bad-input`, once and for all */
function refuseBadHosts({ http }: OpenJobOptions): void {
  const checked = HttpSettingsSchema.optional().safeParse(http);
  if (checked.success) return;
  const issues = checked.error.issues.map(({ path, message }) => `http.${path.map(String).join('.')}: ${message}`);
  throw asFailure(
    new HoldfastError('bad-input', `openJob was given hosts that cannot be called: ${issues.join('; ')}.`),
  );
}
