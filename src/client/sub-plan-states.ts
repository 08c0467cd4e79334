/** What the jobs of a job's sub-plans are at: each is asked itself. */
import { defined } from '../model/defined.ts';
import { JobStatusSchema, type JobStatus, type SubPlanStatus } from '../model/job/status.ts';
import { statusQuery } from '../workflows/messages.ts';
import type { CallingServer } from './calling-server.ts';

/** Those that ask a person. */
export function askingOf(subPlans: readonly SubPlanStatus[] | undefined): readonly SubPlanStatus[] {
  return (subPlans ?? []).filter(({ questions }) => questions !== undefined);
}

/** More are told without their state. */
const MAX_ASKED = 20;
const MAX_DEPTH = 5;

/** One that does not answer (its worker is away) is told without its state. */
export async function withStates(
  server: CallingServer,
  subPlans: readonly SubPlanStatus[],
  depth = 0,
): Promise<SubPlanStatus[]> {
  const asked = await Promise.all(subPlans.slice(0, MAX_ASKED).map((one) => withState(server, one, depth)));
  return [...asked.flat(), ...subPlans.slice(MAX_ASKED)];
}

/** Those within it, too. */
async function withState(server: CallingServer, one: SubPlanStatus, depth: number): Promise<SubPlanStatus[]> {
  const status = await statusOf(server, one.job);
  if (status === undefined) return [one];
  const { state, questions, subPlans = [] } = status;
  const within = depth < MAX_DEPTH ? await withStates(server, subPlans, depth + 1) : subPlans;
  const inner = within.map((sub) => ({ ...sub, stepId: `${one.stepId} › ${sub.stepId}` }));
  return [{ ...one, state, ...defined({ questions: questions.length === 0 ? undefined : questions }) }, ...inner];
}

async function statusOf(server: CallingServer, job: string): Promise<JobStatus | undefined> {
  try {
    return JobStatusSchema.parse(
      await server.call(job, () => server.client.workflow.getHandle(job).query(statusQuery)),
    );
  } catch {
    return undefined;
  }
}
