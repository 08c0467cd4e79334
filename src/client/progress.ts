/**
 * What running Activities say of themselves (`ctx.progress`): the server keeps it with their last heartbeat, and the
 * Workflow learns nothing of it.
 */
import type { WorkflowExecutionDescription } from '@temporalio/client';
import type { LoadedDataConverter } from '@temporalio/common';
import { defined } from '../model/defined.ts';
import { UNDOING_MARK } from '../model/job/undoing-mark.ts';
import { ActivityProgressSchema, type ActivityProgress } from '../model/job/status.ts';
import { decoded } from './stored-payload.ts';

type Described = WorkflowExecutionDescription['raw'];
type Pending = NonNullable<Described['pendingActivities']>[number];

/** PENDING_ACTIVITY_STATE_SCHEDULED: what an attempt that has ended said is true no more. */
const SCHEDULED = 1;

const SubStepsSchema = ActivityProgressSchema.shape.subSteps;

/** Of the answer to `DescribeWorkflowExecution`. @throws HoldfastError `missing-key`, `wrong-key` */
export async function progressOf(
  { pendingActivities }: Pick<Described, 'pendingActivities'>,
  converter: LoadedDataConverter,
): Promise<ActivityProgress[]> {
  const told = await Promise.all((pendingActivities ?? []).map((pending) => oneProgress(pending, converter)));
  return told.flat();
}

async function oneProgress(
  { activityId, activityType, heartbeatDetails, state }: Pending,
  converter: LoadedDataConverter,
): Promise<ActivityProgress[]> {
  const payload = heartbeatDetails?.payloads?.[0];
  if (payload == null || state === SCHEDULED) return [];
  const details = await decoded<Partial<Record<keyof ActivityProgress, unknown>> | null>(payload, converter);
  const { message, fraction } = details ?? {};
  const subSteps = SubStepsSchema.safeParse(details?.subSteps).data;
  if (typeof message !== 'string' && subSteps === undefined) return [];
  const activity = activityType?.name ?? '';
  return [
    {
      activity,
      ...defined({ stepId: stepOf(activity, activityId ?? '') }),
      message: typeof message === 'string' ? message : '',
      ...defined({ fraction: typeof fraction === 'number' ? fraction : undefined, subSteps }),
    },
  ];
}

/** The step that an Activity is about, where its id says so. */
function stepOf(activity: string, activityId: string): string | undefined {
  if (activity === 'runStep') return activityId === '' ? undefined : activityId;
  return activityId.startsWith(UNDOING_MARK) ? activityId.slice(UNDOING_MARK.length) : undefined;
}
